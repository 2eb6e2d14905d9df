// Plain JavaScript of src and of the programs in test/io, compiled by TypeScript, for processes that tests start: with
// a loader each start would take seconds. This file has no test itself.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))
const compilerOptions = { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 }

/** Compiles into `folder` and returns the path of the program `name` of test/io there. */
export function compiledProgram(folder: string, name: string): string {
  const sources = [
    'src/errors.ts',
    'src/here.ts',
    'src/version.ts',
    'src/native.ts',
    'src/random.ts',
    `test/io/${name}.ts`
  ]
  for (const part of ['src/check', 'src/io', 'src/data']) {
    const files = readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })
    sources.push(...files.filter((file) => file.endsWith('.ts')).map((file) => `${part}/${file}`))
  }
  for (const source of sources) {
    const target = join(folder, source.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    const { outputText } = ts.transpileModule(readFileSync(join(root, source), 'utf8'), { compilerOptions })
    writeFileSync(target, outputText)
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  return join(folder, 'test/io', `${name}.js`)
}

/** Whether runWithLimit can work here. */
export const prlimit = spawnSync('prlimit', ['--version']).status === 0

/**
 * Runs a program that waits for a line after its first output, and lets its files grow to `bytes` from then on. Resolves
 * to its whole output when it has ended well.
 */
export async function runWithLimit(bytes: number, ...program: string[]): Promise<string> {
  const running = spawn(process.execPath, program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(running, 'exit')
  let output = ''
  running.stdout.on('data', (text) => (output += String(text)))
  await once(running.stdout, 'data')
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(running.pid), `--fsize=${bytes}`])
  if (status !== 0) throw new Error(String(stderr))
  running.stdin.write('go\n')
  const [code, signal] = (await ended) as [number | null, string | null]
  if (code !== 0) throw new Error(`ended with ${code} ${signal}`)
  return output
}
