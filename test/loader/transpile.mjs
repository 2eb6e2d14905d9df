// The JavaScript of TypeScript files, kept in .tap/transpiled, so that a file is transpiled once after each change and not once per process.

import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(root, '.tap', 'transpiled')
/** Changes when other compiler options or another compiler make other JavaScript of the same source. */
const { version } = JSON.parse(readFileSync(join(root, 'node_modules', 'typescript', 'package.json'), 'utf8'))
const salt = `1 ${version}`

/** Returns the JavaScript of the TypeScript file `path`, with an inline source map. */
export function transpiled(path) {
  const source = readFileSync(path, 'utf8')
  const key = `\n// ${createHash('sha256').update(salt).update(path).update(source).digest('hex')}\n`
  const kept = `${join(cache, relative(root, path))}.js`
  const before = readIfThere(kept)
  if (before?.endsWith(key)) return before
  const made = transpile(path, source) + key
  mkdirSync(dirname(kept), { recursive: true })
  // Processes of several tests may write it at the same time, and none may read half of it.
  const own = `${kept}-${randomUUID()}`
  writeFileSync(own, made)
  renameSync(own, kept)
  return made
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function transpile(fileName, source) {
  // Loaded on use, because loading the compiler takes longer than most tests.
  const ts = createRequire(import.meta.url)('typescript')
  const compilerOptions = {
    module: ts.ModuleKind.ES2022,
    target: ts.ScriptTarget.ES2022,
    isolatedModules: true,
    inlineSourceMap: true
  }
  return ts.transpileModule(source, { compilerOptions, fileName }).outputText
}
