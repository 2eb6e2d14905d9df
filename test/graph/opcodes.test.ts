// The numbers that TypeScript and the core share are those of the header.
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { createControl } from '../../src/graph/control.js'
import { devices, dtypes, modes, opcodes, optimizers, roles } from '../../src/graph/opcodes.js'

const header = readFileSync(new URL('../../native/include/gatecell/gatecell.h', import.meta.url), 'utf8')

const camel = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** GC_<PREFIX>NAME = n of the header, as { camelCaseName: n }. */
function constants(prefix: string): Record<string, number> {
  const found = [...header.matchAll(new RegExp(`\\bGC_${prefix}([A-Z0-9_]+) = (\\d+)`, 'g'))]
  return Object.fromEntries(found.map(([, name, number]) => [camel(name!), Number(number)]))
}

t.test('opcodes', async (t) => {
  t.same(opcodes, constants('OP_'))
})

t.test('every op has one on the device', async (t) => {
  const kernels = new URL('../../native/cuda/kernels/', import.meta.url)
  const code = readdirSync(kernels)
    .filter((name) => name.endsWith('.cu'))
    .map((name) => readFileSync(new URL(name, kernels), 'utf8'))
  const defined = code.flatMap((text) => [...text.matchAll(/OpDef (op_\w+) = \{\s*GC_OP_(\w+),/g)])
  const listed = [...readFileSync(new URL('ops.cu', kernels), 'utf8').matchAll(/&(op_\w+)/g)].map(([, op]) => op)
  t.same(
    defined
      .filter(([, op]) => listed.includes(op))
      .map(([, , name]) => camel(name!))
      .sort(),
    Object.keys(opcodes).sort()
  )
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
