// The numbers that TypeScript and the core share are those of the header.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createControl } from '../../src/graph/control.js'
import { devices, dtypes, modes, opcodes, optimizers, roles } from '../../src/graph/opcodes.js'
import * as rowWords from '../../src/graph/row-words.js'

const headerOf = (name: string) =>
  readFileSync(new URL(`../../native/include/gatecell/${name}`, import.meta.url), 'utf8')
const header = headerOf('gatecell.h')

const camel = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** GC_<PREFIX>NAME = n of the header, as { camelCaseName: n }. */
function constants(prefix: string, text = header): Record<string, number> {
  const found = [...text.matchAll(new RegExp(`\\bGC_${prefix}([A-Z0-9_]+) = (\\d+)`, 'g'))]
  return Object.fromEntries(found.map(([, name, number]) => [camel(name!), Number(number)]))
}

const list = readFileSync(new URL('../../native/include/gatecell/ops.def', import.meta.url), 'utf8')
const rows = [...list.matchAll(/^GC_(HOST_)?OP\((\d+), (\w+), (\w+)\)$/gm)].map(([, host, number, upper, name]) => {
  return { onDevice: !host, number: Number(number), upper: upper!, name: name! }
})

t.test('the numbers of the ops are those of the list, as `npm run opcodes` writes them', async (t) => {
  t.same(opcodes, Object.fromEntries(rows.map(({ upper, number }) => [camel(upper), number])))
  t.same(
    rows.map(({ number }) => number),
    rows.map((_, i) => i + 1)
  )
  const script = fileURLToPath(new URL('../../scripts/opcodes.mjs', import.meta.url))
  const written = execFileSync(process.execPath, [script, '--print'], { encoding: 'utf8' })
  t.equal(readFileSync(new URL('../../src/graph/op-list.ts', import.meta.url), 'utf8'), written)
})

t.test('every line of the list is one op, and has one on the device unless it says otherwise', async (t) => {
  t.equal(rows.length, list.match(/^GC_\w*OP\(/gm)!.length)
  for (const [folder, suffix, listed] of [
    ['ops', '.cc', rows],
    ['cuda/kernels', '.cu', rows.filter(({ onDevice }) => onDevice)]
  ] as const) {
    const files = new URL(`../../native/${folder}/`, import.meta.url)
    const code = readdirSync(files)
      .filter((name) => name.endsWith(suffix))
      .map((name) => readFileSync(new URL(name, files), 'utf8'))
    const defined = code.flatMap((text) => [...text.matchAll(/OpDef op_(\w+) = \{\s*GC_OP_(\w+),/g)])
    t.same(
      defined.map(([, name, upper]) => `${name} ${upper}`).sort(),
      listed.map(({ name, upper }) => `${name} ${upper}`).sort(),
      folder
    )
  }
})

t.test('modes, dtypes, roles, optimisers and devices', async (t) => {
  const all = constants('')
  for (const [name, number] of Object.entries({ ...modes, ...dtypes, ...roles, ...optimizers, ...devices })) {
    if (name !== 'none') t.equal(all[name], number, name)
  }
})

t.test('the control block', async (t) => {
  const control = createControl()
  const fields = constants('C_')
  t.equal(control.values.length, constants('')['controlSize'])
  for (const [name, index] of Object.entries(fields)) {
    control.values[index] = name === 'applied' ? 1 : index + 0.5
    t.equal(control[name as 'loss'], name === 'applied' ? true : index + 0.5, name)
  }
  control.seed = 12
  control.learningRate = 0.25
  t.equal(control.values[fields['seed']!], 12)
  t.equal(control.values[fields['learningRate']!], 0.25)
})

t.test('the words of the rows of a loop', async (t) => {
  const { rowHead, rowWord, rowEnd, ROWS_HEAD, ROW_WORDS, MOST_ROWS, MOST_ALTERNATIVES, COUNT_READ } = rowWords
  const of = (prefix: string) => constants(prefix, headerOf('row_table.h'))
  t.same(of('H_'), rowHead)
  t.same(of('R_'), rowWord)
  t.match(of('ROW_'), { ...rowEnd, words: ROW_WORDS })
  t.match(of(''), { rowsHead: ROWS_HEAD, mostRows: MOST_ROWS, mostAlternatives: MOST_ALTERNATIVES })
  t.equal(COUNT_READ, 1 << Number(/GC_COUNT_READ = 1 << (\d+)/.exec(headerOf('row_table.h'))![1]))
})
