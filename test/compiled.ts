// Plain JavaScript of src and of the programs of the tests, compiled once for all tests, for processes and workers that tests start:
// with a loader each start would take seconds. This file has no test itself.

import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transpiled } from './loader/transpile.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Within the package, so that the programs find its dependencies and its addon. */
const cache = join(root, '.tap', 'programs')
const DAY_MS = 86_400_000

function sourcesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name))
    .sort()
}

/** Returns the folder of the compiled programs: its name is a checksum of the state of all sources. */
function folderOf(sources: readonly string[]): string {
  const hash = createHash('sha256')
  for (const source of sources) {
    const { size, mtimeMs } = statSync(join(root, source))
    hash.update(`${source} ${size} ${mtimeMs}\n`)
  }
  return join(cache, hash.digest('hex').slice(0, 16))
}

function compile(sources: readonly string[], folder: string): void {
  for (const source of sources) {
    const target = join(folder, source.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, transpiled(join(root, source)))
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
}

let folder: string | undefined

/** Compiles what no test has compiled yet, and returns the path of the program `path`, which is named like `test/io/child`. */
export function compiledProgram(path: string): string {
  folder ??= prepare()
  return join(folder, `${path}.js`)
}

function prepare(): string {
  const sources = [...sourcesOf('src'), ...sourcesOf('test')]
  const made = folderOf(sources)
  if (existsSync(made)) return made
  mkdirSync(cache, { recursive: true })
  for (const name of readdirSync(cache)) {
    const old = statSync(join(cache, name), { throwIfNoEntry: false })
    if (old && Date.now() - old.mtimeMs > DAY_MS) rmSync(join(cache, name), { recursive: true, force: true })
  }
  // Several tests may compile at the same time: the first to finish gives its folder the name.
  const own = `${made}-${randomUUID()}`
  compile(sources, own)
  try {
    renameSync(own, made)
  } catch (error) {
    rmSync(own, { recursive: true })
    if (!existsSync(made)) throw error
  }
  return made
}

/** Returns the environment of this process without the loader and the coverage of tap. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env
  return env
}
