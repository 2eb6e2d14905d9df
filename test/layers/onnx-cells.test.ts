// Recurrent layers compared with ONNX Runtime (test/golden/make_cells.py): clip, input_forget, activations, both forms of the GRU, RNN; whole
// sequences, and step by step in a session.
import t from 'tap'
import {
  defineModel,
  f32,
  gru,
  i32,
  lstm,
  rnn,
  createSession,
  type Activation,
  type ActivationName,
  type Model,
  type Tensor
} from '../../src/index.js'
import { largestDifference, readGolden } from '../golden.js'

interface Attributes {
  clip?: number
  input_forget?: number
  linear_before_reset?: number
  activations?: string[]
  activation_alpha?: number[]
  activation_beta?: number[]
}
interface Case {
  name: string
  operator: 'LSTM' | 'GRU' | 'RNN'
  attributes: Attributes
  directions: number
  steps: number
  batch: number
  input: number
  hidden: number
  lengths: number[] | null
  tensors: Partial<Record<string, number[]>>
}

const withAlpha = new Set(['HardSigmoid', 'Affine', 'ScaledTanh', 'Elu', 'LeakyRelu', 'ThresholdedRelu'])
const withBeta = new Set(['HardSigmoid', 'Affine', 'ScaledTanh'])

/** The functions of a node: alpha and beta are taken in order by those that have one. */
function functionsOf({ activations = [], activation_alpha = [], activation_beta = [] }: Attributes): Activation[] {
  const alphas = [...activation_alpha]
  const betas = [...activation_beta]
  return activations.map((name) => ({
    name: (name[0]!.toLowerCase() + name.slice(1)) as ActivationName,
    ...(withAlpha.has(name) && { alpha: alphas.shift()! }),
    ...(withBeta.has(name) && { beta: betas.shift()! })
  }))
}

/** Where each of our gates is in ONNX's order. */
const order = { LSTM: [0, 2, 3, 1], GRU: [1, 0, 2], RNN: [0] }

function layerOf(
  x: Tensor,
  golden: Case,
  more: { initial?: { h: Tensor[]; c: Tensor[] }; lengths?: Tensor; carry?: boolean }
) {
  const { operator, attributes, hidden, directions, tensors } = golden
  const [f, g, h] = functionsOf(attributes)
  const { clip } = attributes
  const common = { name: 'cell', hidden, bidirectional: directions === 2, ...(clip !== undefined && { clip }), ...more }
  if (operator === 'RNN') return { c: [], ...rnn(x, { ...common, ...(f && { activation: f }) }) }
  if (operator === 'GRU') {
    const activations = f && g && { gates: f, candidate: g }
    const resetAfter = attributes.linear_before_reset === 1
    return { c: [], ...gru(x, { ...common, resetAfter, ...(activations && { activations }) }) }
  }
  const activations = f && g && h && { gates: f, cell: g, output: h }
  const coupledGates = attributes.input_forget === 1
  const peepholes = tensors['P'] !== undefined
  return lstm(x, { ...common, coupledGates, peepholes, ...(activations && { activations }) })
}

/** Sets the parameters of the layer from the weights of the node. */
function setWeights(model: Model, golden: Case): void {
  const { operator, hidden, input, directions, tensors } = golden
  const gates = order[operator]
  for (let d = 0; d < directions; d++) {
    const suffix = d === 0 ? 'l0' : 'l0_reverse'
    const rows = (from: number[], first: number, columns: number) =>
      gates.flatMap((gate) => from.slice(first + gate * hidden * columns, first + (gate + 1) * hidden * columns))
    const set = (name: string, values: number[]) => model.parameters.set(`cell.${name}_${suffix}`, values)
    const size = gates.length * hidden
    set('weight_ih', rows(tensors['W']!, d * size * input, input))
    set('weight_hh', rows(tensors['R']!, d * size * hidden, hidden))
    set('bias_ih', rows(tensors['B']!, d * 2 * size, 1))
    set('bias_hh', rows(tensors['B']!, (d * 2 + 1) * size, 1))
    const at = d * 3 * hidden
    const p = tensors['P']
    if (p)
      set(
        'weight_peephole',
        [0, 2, 1].flatMap((gate) => p.slice(at + gate * hidden, at + (gate + 1) * hidden))
      )
  }
}

/** [T, D, B, H] of ONNX -> [T, B, D H]. */
function joined(y: number[], { directions, batch, hidden }: Case): number[] {
  const at = (row: number, d: number) => {
    const step = Math.floor(row / batch)
    const from = ((step * directions + d) * batch + (row % batch)) * hidden
    return y.slice(from, from + hidden)
  }
  return Array.from({ length: y.length / directions / hidden }, (_, row) =>
    Array.from({ length: directions }, (_, d) => at(row, d)).flat()
  ).flat()
}

const cases = readGolden<Case[]>('cells')
for (const golden of cases) {
  t.test(`ONNX Runtime: ${golden.name}`, async (t) => {
    const { steps, batch, input, hidden, directions, tensors, operator, lengths } = golden
    const states = ['h', 'c'].filter((state) => tensors[`initial_${state}`])
    const starts = states.flatMap((state) => Array.from({ length: directions }, (_, d) => `${state}${d}`))
    using model = defineModel({
      name: 'cell',
      config: {},
      inputs: {
        x: f32(steps, batch, input),
        lengths: i32(batch),
        ...Object.fromEntries(starts.map((name) => [name, f32(batch, hidden)]))
      },
      forward: (inputs) => {
        const all = inputs as Record<string, Tensor>
        const of = (state: string) => starts.filter((name) => name.startsWith(state)).map((name) => all[name]!)
        const more = {
          ...(lengths && { lengths: all['lengths']! }),
          ...(states.length > 0 && { initial: { h: of('h'), c: of('c') } })
        }
        const { output, h, c } = layerOf(inputs.x, golden, more)
        const named = (state: string, list: Tensor[]) => list.map((tensor, i) => [`last_${state}${i}`, tensor])
        return { y: output, ...Object.fromEntries([...named('h', h), ...named('c', c)]) } as Record<string, Tensor>
      }
    })
    setWeights(model, golden)
    const last = (state: string) => Array.from({ length: directions }, (_, d) => `last_${state}${d}`)
    const wanted = ['y', ...last('h'), ...(operator === 'LSTM' ? last('c') : [])]
    const plan = model.plan({}, { purpose: 'predict', outputs: wanted })
    const inputs = plan.inputs as Record<string, Float32Array | Int32Array>
    inputs['x']!.set(tensors['X']!)
    inputs['lengths']!.set(lengths ?? new Array<number>(batch).fill(steps))
    for (const name of starts) {
      const size = batch * hidden
      inputs[name]!.set(tensors[`initial_${name[0]!}`]!.slice(Number(name[1]) * size, (Number(name[1]) + 1) * size))
    }
    plan.runSync()
    const outputs = plan.outputs as Record<string, Float32Array>
    const near = (what: string, found: ArrayLike<number>, expected: ArrayLike<number>) => {
      const difference = largestDifference(found, expected)
      t.ok(difference <= 1e-6, `${what} within 1e-6 (${difference.toExponential(1)})`)
    }
    near('Y', outputs['y']!, joined(tensors['Y']!, golden))
    near(
      'Y_h',
      last('h').flatMap((name) => [...outputs[name]!]),
      tensors['Y_h']!
    )
    if (operator === 'LSTM')
      near(
        'Y_c',
        last('c').flatMap((name) => [...outputs[name]!]),
        tensors['Y_c']!
      )
  })
}

t.test('sessions step every cell with carried states, as the whole sequence', async (t) => {
  for (const golden of cases.filter(({ directions }) => directions === 1)) {
    const { steps, input, tensors, batch } = golden
    using model = defineModel({
      name: 'cell',
      config: {},
      inputs: { x: f32('length', 'batch', input) },
      forward: ({ x }) => ({ y: layerOf(x, golden, { carry: true }).output })
    })
    setWeights(model, golden)
    const row = Array.from({ length: steps }, (_, i) =>
      tensors['X']!.slice(i * batch * input, i * batch * input + input)
    )
    const plan = model.plan({ length: steps, batch: 1 }, { purpose: 'predict' })
    plan.inputs.x.set(row.flat())
    plan.runSync()
    const whole = [...plan.outputs.y]
    const session = createSession(model)
    const stepped = row.flatMap((x) => [...session.stepSync({ x }).y!])
    t.same(stepped, whole, golden.name)
  }
})

t.test('lengths out of range are an error of the layer by its kind', (t) => {
  for (const [kind, layer] of Object.entries({ lstm, gru, rnn })) {
    using model = defineModel({
      name: kind,
      config: {},
      inputs: { x: f32('length', 'batch', 2), lengths: i32('batch') },
      forward: ({ x, lengths }) => ({ y: layer(x, { name: 'layer', hidden: 3, lengths }).output })
    })
    const plan = model.plan({ length: 4, batch: 2 }, { purpose: 'predict' })
    plan.inputs.lengths.set([4, 5])
    t.throws(() => plan.runSync(), { code: 'ERR_OUT_OF_RANGE', message: new RegExp(`^${kind}: expected lengths from 0 to 4, got 5 for row 1`) }) // prettier-ignore
  }
  t.end()
})
