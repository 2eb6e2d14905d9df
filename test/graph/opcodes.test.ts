// The numbers that TypeScript and the core share are those of the header.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { createControl } from '../../src/graph/control.js'
import { devices, dtypes, modes, opcodes, optimizers, roles } from '../../src/graph/opcodes.js'

const header = readFileSync(new URL('../../native/include/gatecell/gatecell.h', import.meta.url), 'utf8')

/** GC_<PREFIX>NAME = n of the header, as { camelCaseName: n }. */
function constants(prefix: string): Record<string, number> {
  const found = [...header.matchAll(new RegExp(`\\bGC_${prefix}([A-Z0-9_]+) = (\\d+)`, 'g'))]
  const camel = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries(found.map(([, name, number]) => [camel(name!), Number(number)]))
}

t.test('opcodes', async (t) => {
  t.same(opcodes, constants('OP_'))
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
