// The model of each task as a graph of ONNX: with Python, ONNX Runtime computes what we compute; those that we can import give the same results.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  defineModel,
  embedding,
  f32,
  gru,
  i32,
  linear,
  lstm,
  ops,
  rnn,
  writeSafetensors,
  type Model
} from '../../src/index.js'
import { exportModel, importModel, type OnnxArray } from '../../src/interop/index.js'
import { createRandom } from '../../src/random.js'
import { defaultsOf } from '../../src/settings/index.js'
import { recognitionModel } from '../../src/tasks/handwriting-recognition/index.js'
import { forms } from '../../src/tasks/music/forms.js'
import { musicNetworkSettings } from '../../src/tasks/music/settings.js'
import { textModel } from '../../src/tasks/text/index.js'
import { recognitionConfig, textConfig } from '../border/worlds.js'
import { models, save } from '../tasks/small-models.js'
import { inProcess } from '../cli/in-process.js'
import { largestDifference } from '../golden.js'

const python = process.env['GATECELL_PYTHON']
const folder = t.testdir()
const network = { ...defaultsOf(musicNetworkSettings), hidden: 7, chord: 5, lookback: false }
const layer = { hidden: 5, layers: 2 }
const more: Record<string, () => Model> = {
  'reading in both directions': () =>
    recognitionModel({ ...recognitionConfig, network: { ...recognitionConfig.network, bidirectional: true } }),
  'music of keys': () => defineModel({ ...forms.keys.definition({ ...network, form: 'keys', members: 2 }), name: 'music', config: {} }), // prettier-ignore
  'music of events': () => defineModel({ ...forms.events.definition({ ...network, form: 'events' }), name: 'music', config: {} }), // prettier-ignore
  'cells of all kinds': () =>
    defineModel({
      name: 'cells',
      config: {},
      inputs: { x: f32('length', 'batch', 3), lengths: i32('batch') },
      forward({ x, lengths }) {
        const one = lstm(x, { name: 'peepholes', ...layer, peepholes: true, initial: 'learned', clip: 0.9, lengths })
        const two = gru(one.output, { name: 'gru', ...layer, resetAfter: false, bidirectional: true, lengths })
        const hard = {
          gates: { name: 'hardSigmoid', alpha: 0.3, beta: 0.4 },
          cell: 'softsign',
          output: 'relu'
        } as const
        const three = lstm(two.output, { name: 'hard', ...layer, activations: hard, coupledGates: true, carry: true })
        const four = rnn(three.output, { name: 'rnn', ...layer, activation: 'relu', carry: true })
        return { y: four.output, h: one.h[1]!, c: one.c[0]! }
      }
    }),
  'ops of all kinds': () =>
    defineModel({
      name: 'ops',
      config: {},
      inputs: { x: f32('length', 'batch', 6), ids: i32('length', 'batch') },
      forward({ x, ids }, { length, batch }) {
        const { concat, flip, map, max, mean, pad, permute, reshape, slice, softmax } = ops
        const table = embedding(ids, { name: 'table', vocabulary: 5, size: 6 })
        const both = map([x, table], (a, b) => a.relu().add(b.abs().add(1).log1p()).mul(a.less(b).select(b.erf(), 0.5)))
        const rows = reshape(permute(flip(both), [1, 0, 2]), [batch! * length!, 2, 3])
        const parts = [max(rows, 1, { keepDims: true }), mean(rows, [1], { keepDims: true }), slice(rows, 1, 1, 2)]
        const padded = pad(softmax(concat(parts, 1)), [[0, 0], [1, 2], [0, 0]]) // prettier-ignore
        const back = linear(reshape(padded, [batch!, length!, 18]), { name: 'head', size: 4 })
        return { y: back, total: mean(back, [0, 1]) }
      }
    })
}
for (const cell of ['gru', 'rnn'] as const)
  more[`text with ${cell} layers`] = () => textModel({ ...textConfig, network: { ...textConfig.network, cell } })
const all: Record<string, () => Model> = { ...Object.fromEntries(Object.entries(models).map(([name, make]) => [name, () => make(6)])), ...more } // prettier-ignore
const REFUSED = 'handwriting-synthesis'

/** Returns inputs of a model: numbers, small ids, and numbers of steps. */
function inputsOf(
  { definition, inputDimNames }: Model,
  dims: Readonly<Record<string, number>>
): Record<string, OnnxArray> {
  const random = createRandom(1, inputDimNames.join())
  return Object.fromEntries(
    Object.entries(definition.inputs).map(([name, { dtype, shape }]) => {
      const sizes = shape.map((size) => (typeof size === 'number' ? size : dims[size]!))
      const count = sizes.reduce((product, size) => product * size, 1)
      const steps = dims[name === 'sourceLengths' ? 'source' : 'length']!
      const id = () => (/lengths/i.test(name) ? 1 + random.below(steps) : random.below(2))
      const data = dtype === 'f32' ? Float32Array.from({ length: count }, () => random.uniform() - 0.5) : Int32Array.from({ length: count }, id) // prettier-ignore
      return [name, { shape: sizes, data }]
    })
  )
}

/** Runs a model and exports it, and returns its inputs, with zeros as states, and its outputs. */
async function exported(name: string, model: Model) {
  const path = join(folder, `${name}.onnx`)
  await exportModel(model, { to: 'onnx', out: path })
  const dims = Object.fromEntries(model.inputDimNames.map((dim, i) => [dim, 4 + i]))
  const inputs = inputsOf(model, dims)
  const plan = model.plan(dims, { purpose: 'predict' })
  for (const [input, { data }] of Object.entries(inputs)) (plan.inputs as Record<string, Float32Array | Int32Array>)[input]!.set(data) // prettier-ignore
  await plan.run()
  const { outputs } = model.record(dims, 'predict')
  const results = Object.entries(outputs).map(([output, { shape }]) => ({ name: output, shape: [...shape], data: (plan.outputs as Record<string, Float32Array>)[output]!.slice() })) // prettier-ignore
  return { path, inputs, results, batch: dims['batch']! }
}

t.test('networks of all tasks in ONNX Runtime, and back here', async (t) => {
  const back: string[] = []
  for (const [name, make] of Object.entries(all)) {
    if (name === REFUSED) continue
    using model = make()
    const { path, inputs, results, batch } = await exported(name, model)
    try {
      using imported = await importModel(path)
      const states: Record<string, OnnxArray> = {}
      for (const { name, shape } of imported.inputs)
        if (!(name in inputs)) {
          const sizes = shape.map((size) => (typeof size === 'number' ? size : batch))
          states[name] = { shape: sizes, data: new Float32Array(sizes.reduce((product, size) => product * size, 1)) }
        }
      const found = await imported.run({ ...inputs, ...states })
      for (const { name: output, shape, data } of results) {
        t.strictSame(found[output]!.shape, shape)
        t.ok(largestDifference(found[output]!.data, data) < 1e-6, `${name}: ${output} here`)
      }
      back.push(name)
    } catch (error) {
      t.match(error, { code: 'ERR_UNSUPPORTED' }, name)
    }
    const given = Object.entries(inputs).map(([input, array]) => ({ name: `in:${input}`, ...array, shape: [...array.shape] })) // prettier-ignore
    await writeSafetensors(path.replace(/onnx$/, 'safetensors'), [...given, ...results.map((one) => ({ ...one, name: `out:${one.name}` }))]) // prettier-ignore
  }
  t.match(back, ['forecast', 'text', 'handwriting-recognition'])
  if (python === undefined) return
  const program = fileURLToPath(new URL('../golden/check_graphs.py', import.meta.url))
  const worst = JSON.parse(execFileSync(python, [program, folder], { encoding: 'utf8' })) as Record<string, number>
  t.equal(Object.keys(worst).length, Object.keys(all).length - 1)
  for (const [name, difference] of Object.entries(worst)) t.ok(difference < 1e-6, `${name}: ${difference}`)
})

t.test('a model file of a task on the command line; ops that ONNX lacks are refused by name', async (t) => {
  await save(models['numbers']!(6), join(folder, 'numbers.safetensors'))
  const run = async (words: string[]) => await inProcess(['export', ...words], undefined, folder)
  const { code, stderr } = await run(['numbers.safetensors', '--to', 'onnx', '--out', 'numbers-cli.onnx'])
  t.equal(code, 0, stderr)
  await save(models[REFUSED]!(6), join(folder, 'writer.safetensors'))
  t.match((await run(['writer.safetensors', '--to', 'onnx', '--out', 'w.onnx'])).stderr, /received the op windowLstm: export it to pytorch/) // prettier-ignore
  t.match((await run(['numbers.safetensors', '--to', 'keras', '--out', 'n.keras'])).stderr, /"numbers" model: export it to onnx or pytorch/) // prettier-ignore
})
