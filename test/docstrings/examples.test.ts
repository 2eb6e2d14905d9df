// Every example of a docstring of src is type-checked against the declarations of the build and runs, in a folder with the files that it
// names. So do the fragments of pages that are not programs; test/cli/documents.test.ts runs the programs.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import t from 'tap'
import ts from 'typescript'
import { blocksOf, examplesByFile, moduleOf, root, type Example } from './examples.js'
import { makeFiles } from './files.js'
import { fixtures, type Context } from './fixtures.js'

/** Amounts of training that are less here: the test is of the calls. */
const instead: readonly (readonly [RegExp, string])[] = [[/epochs: (10|30)\b/, 'epochs: 1']]

type Key = keyof typeof fixtures
const names = new Map<string, readonly string[]>()
const keyOf = ({ file, name }: Example): string | undefined => [`${file}#${name}`, file].find((key) => key in fixtures)

/** Modules by the names that they export: those of api.md, and the builtins that examples use. */
const publicNames = new Map<string, string>([
  ['readFile', 'node:fs/promises'],
  ['writeFile', 'node:fs/promises'],
  ['writeFileSync', 'node:fs']
])
for (const [, entry, section] of readFileSync(join(root, 'api.md'), 'utf8').matchAll(/^## (gatecell\S*)([^]*?^```$)/gm))
  for (const [, name, alias] of section!.matchAll(
    /^(?:interface|type|class|function|const|namespace) (\w+).*?(?:exported as (\w+))?$/gm
  ))
    if (!publicNames.has(alias ?? name!)) publicNames.set(alias ?? name!, entry!)

/** Returns the module of a public name, or that of the example's own file in the build for a name that it exports to the others. */
function findExport(name: string, file: string): string | undefined {
  const found = publicNames.get(name)
  if (found !== undefined || !file.startsWith('src/')) return found
  const isOwn = new RegExp(`^export (async )?(function\\*?|const|interface|type|class) ${name}\\b`, 'm')
  if (!isOwn.test(readFileSync(join(root, file), 'utf8'))) return undefined
  return join(root, 'dist', 'esm', file.slice('src/'.length).replace(/\.ts$/, '.js'))
}

const groups = [...examplesByFile().values(), blocksOf('docs/losses.md', 'js')]
const folder = join(root, '.tap', 'examples')
const cwd = t.testdir({ models: {}, data: {} })
const modules = groups.map((examples) => join(folder, `${examples[0]!.file.replace(/[^a-z-]/g, '_')}.ts`))
const placeOf = ({ file, line, name }: Example) => `${file}:${line} ${name}`

t.before(async () => {
  await makeFiles(join(cwd, 'models'))
  await makeFiles(join(cwd, 'data'), { models: false })
  process.chdir(join(cwd, 'models'))
  for (const [key, make] of Object.entries(fixtures)) names.set(key, Object.keys(await make()))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  groups.forEach((examples, index) => {
    const smaller = examples.map((example) => ({
      ...example,
      code: instead.reduce((code, [from, to]) => code.replace(from, to), example.code)
    }))
    const given = (example: Example) => {
      const key = keyOf(example)
      return key === undefined ? undefined : { key, names: names.get(key)! }
    }
    writeFileSync(modules[index]!, moduleOf(smaller, { find: findExport, given }))
  })
})

t.test('examples fit the declarations of the build', async (t) => {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    root
  )
  // The checks that programs of others need not have.
  const laxer = { noUncheckedIndexedAccess: false, noUnusedLocals: false, noUnusedParameters: false }
  const program = ts.createProgram(modules, { ...options, ...laxer, noEmit: true, declaration: false })
  for (const file of modules) {
    const source = program.getSourceFile(file)!
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    const faults = found.map(({ start = 0, messageText }) => {
      const line = source.text.split('\n')[source.getLineAndCharacterOfPosition(start).line]
      return `${ts.flattenDiagnosticMessageText(messageText, '\n')}: ${line}`
    })
    t.strictSame(faults, [], file)
  }
})

/** Returns a value as the comments of examples have it. */
function shown(value: unknown): string {
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name} [${[...(value as Float32Array)].map(shown).join(', ')}]`
  return inspect(value)
}

/** Whether a value is the one of a comment; `...` in it stands for any more digits. */
const isShown = (value: unknown, expected: string) =>
  new RegExp(`^${expected.replace(/[[\]().*+?^$|\\]/g, '\\$&').replaceAll('\\.\\.\\.', '\\d*')}$`).test(shown(value))

for (const [index, examples] of groups.entries()) {
  t.test(examples[0]!.file, async (t) => {
    const made = (await import(pathToFileURL(modules[index]!).href)) as {
      examples: ((context: Context) => Promise<unknown>)[]
    }
    // A run does not replace a model that is there.
    process.chdir(join(cwd, examples[0]!.file.endsWith('/run.ts') ? 'data' : 'models'))
    for (const [number, example] of examples.entries()) {
      const place = placeOf(example)
      const check = (value: unknown, expected: string) =>
        t.equal(isShown(value, expected) ? expected : shown(value), expected, place)
      const silent = { console: { log() {} }, process: { stdout: { write: () => true } } }
      await t.resolves(made.examples[number]!({ fixtures, check, ...silent }), place)
    }
  })
}

t.test('no example is missed, and no entry of the lists of this test is needless', async (t) => {
  const all = groups.flat()
  for (const [file, { length }] of examplesByFile())
    t.equal(length, readFileSync(join(root, file), 'utf8').split('@example').length - 1, file)
  const used = new Set(all.map(keyOf))
  t.strictSame(
    Object.keys(fixtures).filter((key) => !used.has(key as Key)),
    []
  )
  for (const [pattern] of instead) t.ok(all.some(({ code }) => pattern.test(code)))
})
