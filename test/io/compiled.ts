// Plain JavaScript of src and of the programs in test/io, made by TypeScript alone, for processes that tests start: with
// a loader each start would take seconds. No test by itself.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))
const compilerOptions = { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 }

/** Compiles into `folder` and returns the path of the program `name` of test/io there. */
export function compiledProgram(folder: string, name: string): string {
  const sources = ['src/errors.ts', 'src/random.ts', `test/io/${name}.ts`]
  for (const part of ['src/io', 'src/data'])
    sources.push(...readdirSync(join(root, part)).map((file) => `${part}/${file}`))
  for (const source of sources) {
    const target = join(folder, source.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    const { outputText } = ts.transpileModule(readFileSync(join(root, source), 'utf8'), { compilerOptions })
    writeFileSync(target, outputText)
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  return join(folder, 'test/io', `${name}.js`)
}
