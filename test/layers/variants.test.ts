// The LSTM layer's variants against PyTorch where it has them, and what their flags promise: names, streams, refusals.
import t from 'tap'
import {
  add,
  affine,
  constant,
  defineModel,
  f32,
  gru,
  i32,
  lstm,
  meanSquare,
  reshape,
  rnn,
  slice,
  zeros,
  type LstmOptions,
  type LstmResult,
  type Tensor
} from '../../src/index.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

interface Stacked {
  input: number
  hidden: number
  layers: number
  steps: number
  batch: number
  directions: number
  width: number
  lengths: number[]
  loss: GoldenTensor
  parameters: Record<string, GoldenTensor>
  gradients: Record<string, GoldenTensor>
}
type Sequences = Record<'x' | 'h0' | 'c0' | 'target' | 'y' | 'hT' | 'cT' | 'gradX' | 'gradH0' | 'gradC0', GoldenTensor>

/** Tensors one after the other -> their mean squares' mean. */
function meanOfSquares(tensors: readonly Tensor[]): Tensor {
  const squares = tensors.map((tensor) => meanSquare(tensor, affine(tensor, 0)))
  return affine(squares.reduce(add), 1 / tensors.length)
}

/** x and the initial states are parameters, so that their gradients can be seen. */
function define(golden: Stacked, name: string) {
  const { input, hidden, layers, steps, batch, directions, width } = golden
  const isLstm = !/gru|rnn/.test(name)
  return defineModel({
    name: 'golden',
    config: {},
    inputs: { lengths: i32(batch), target: f32(steps, batch, directions * width) },
    forward: ({ lengths }) => {
      const parameter = (name: string, shape: number[]) => lengths.graph.parameter(name, shape, zeros)
      const states = (name: string, size: number) => {
        const all = parameter(name, [layers * directions, batch * size])
        return Array.from({ length: layers * directions }, (_, i) => reshape(slice(all, 0, i, i + 1), [batch, size]))
      }
      const x = reshape(parameter('x', [steps * batch, input]), [steps, batch, input])
      const options = { name: 'rnn', hidden, layers, bidirectional: directions === 2, lengths }
      const initial = { h: states('h0', width), c: isLstm ? states('c0', hidden) : [] }
      const projection = width === hidden ? {} : { projection: width }
      const { output, h, c }: LstmResult = isLstm
        ? lstm(x, { ...options, ...projection, initial })
        : name.startsWith('gru')
          ? { ...gru(x, { ...options, initial }), c: [] }
          : { ...rnn(x, { ...options, initial, activation: name === 'rnn' ? 'tanh' : 'relu' }), c: [] }
      const named = (name: string, list: readonly Tensor[]) => list.map((state, i) => [`${name}${i}`, state])
      return Object.fromEntries([['y', output], ...named('h', h), ...named('c', c)]) as Record<string, Tensor>
    },
    loss: (outputs, _targets, { target }) => {
      const states = (name: string) =>
        Object.keys(outputs)
          .filter((key) => key.startsWith(name))
          .map((key) => outputs[key]!)
      const parts = [meanSquare(outputs['y']!, target), meanOfSquares(states('h'))]
      return [...parts, ...(isLstm ? [meanOfSquares(states('c'))] : [])].reduce(add)
    }
  })
}

const files = `lengths-1 lengths-bidirectional projection projection-lengths gru gru-lengths rnn rnn-lengths`
for (const name of files.split(' ')) {
  t.test(`PyTorch: ${name}`, async (t) => {
    const golden = readGolden<Stacked & Sequences>(name)
    const { layers, directions } = golden
    const isLstm = !/gru|rnn/.test(name)
    using model = define(golden, name)
    const near = (what: string, found: ArrayLike<number>, expected: ArrayLike<number>) => {
      const difference = largestDifference(found, expected)
      t.ok(difference <= 1e-5, `${what} within 1e-5 (${difference.toExponential(1)})`)
    }
    const names = Object.entries(golden.parameters).map(([parameter, { shape }]) => [`rnn.${parameter}`, shape])
    const own = [...model.parameters].filter((p) => p.name.startsWith('rnn.')).map((p) => [p.name, p.shape])
    t.same(Object.fromEntries(own), Object.fromEntries(names), "PyTorch's names and shapes")
    for (const [parameter, { data }] of Object.entries(golden.parameters))
      model.parameters.set(`rnn.${parameter}`, data)
    for (const parameter of isLstm ? (['x', 'h0', 'c0'] as const) : (['x', 'h0'] as const)) {
      model.parameters.set(parameter, golden[parameter].data)
    }
    const states = Array.from({ length: layers * directions }, (_, i) => i)
    const plan = model.plan({}, { outputs: ['y', ...states.flatMap((i) => (isLstm ? [`h${i}`, `c${i}`] : [`h${i}`]))] })
    const outputs = plan.outputs as Record<string, Float32Array>
    plan.inputs.lengths.set(golden.lengths)
    plan.inputs.target.set(golden.target.data)
    plan.runSync('gradient')
    near('y', outputs['y']!, golden.y.data)
    near(
      'final h',
      states.flatMap((i) => [...outputs[`h${i}`]!]),
      golden.hT.data
    )
    if (isLstm)
      near(
        'final c',
        states.flatMap((i) => [...outputs[`c${i}`]!]),
        golden.cT.data
      )
    near('loss', outputs['loss']!.subarray(0, 1), golden.loss.data)
    for (const [parameter, { data }] of Object.entries(golden.gradients)) {
      near(`gradient of ${parameter}`, model.parameters.get(`rnn.${parameter}`).grad!, data)
    }
    near('gradient of x', model.parameters.get('x').grad!, golden.gradX.data)
    near('gradient of h0', model.parameters.get('h0').grad!, golden.gradH0.data)
    if (isLstm) near('gradient of c0', model.parameters.get('c0').grad!, golden.gradC0.data)
  })
}

/** One layer over x [6, 4, 5] with whatever variants, trained towards a target. */
function small(
  options: Partial<LstmOptions>,
  settings: { threads?: number; precision?: 'f32' | 'bf16' | 'int8' } = {}
) {
  const model = defineModel(
    {
      name: 'small',
      config: {},
      inputs: { x: f32(6, 4, 5), lengths: i32(4) },
      targets: { target: f32(6, 4, options.projection ?? 20) },
      forward: ({ x, lengths }) => ({ y: lstm(x, { name: 'rnn', hidden: 20, lengths, ...options }).output }),
      loss: ({ y }, { target }) => meanSquare(y, target)
    },
    { seed: 3, ...settings }
  )
  const fill = (view: Float32Array, seed: number) => view.forEach((_, i) => (view[i] = Math.sin(seed + 1.7 * i)))
  return {
    model,
    train(steps: number[]) {
      const plan = model.plan({}, { purpose: 'train', optimizer: 'adam' })
      fill(plan.inputs.x, 1)
      fill(plan.inputs.target, 2)
      plan.inputs.lengths.set([6, 2, 0, 5])
      Object.assign(plan.control, { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, seed: 5 })
      for (const step of steps) {
        plan.control.step = step
        plan.runSync('train')
      }
      return [...model.parameters].flatMap(({ data }) => [...data])
    },
    evaluate() {
      const plan = model.plan({}, { purpose: 'predict' })
      fill(plan.inputs.x, 1)
      plan.inputs.lengths.set([6, 2, 0, 5])
      plan.runSync()
      return [...plan.outputs.y]
    }
  }
}

const variants: Record<string, Partial<LstmOptions>> = {
  peepholes: { peepholes: true, initial: 'learned' },
  projection: { projection: 7, recurrentDropout: 0.3 },
  zoneout: { zoneout: { c: 0.3, h: 0.1 }, recurrentDropout: 0.2 },
  'layer normalisation': { layerNorm: true, recurrentDropout: 0.1 },
  'learned initial state': { initial: 'learned' },
  'clip and coupled gates': { clip: 0.5, coupledGates: true, peepholes: true },
  activations: { activations: { gates: 'hardSigmoid', cell: 'softsign' }, projection: 7 }
}

for (const [name, options] of Object.entries(variants)) {
  t.test(`${name}: training is the same for any thread count, and after a pause`, async (t) => {
    const whole = small(options, { threads: 1 })
    const parts = small(options, { threads: 2 })
    const end = whole.train([0, 1, 2, 3])
    parts.train([0, 1])
    t.same(parts.train([2, 3]), end)
    t.same(parts.evaluate(), whole.evaluate())
    t.ok(end.every(Number.isFinite))
    if (options.layerNorm) return
    const half = small(options, { precision: 'bf16' })
    t.ok(largestDifference(half.train([0, 1, 2, 3]), end) < 0.05, 'bf16 goes nearly the same way')
  })
}

t.test('parameters of the variants', async (t) => {
  const { model } = small({ peepholes: true, initial: 'learned', projection: 7, peephole: constant(0.5) })
  const shapes = Object.fromEntries([...model.parameters].map(({ name, shape }) => [name, shape]))
  t.match(shapes, {
    'rnn.weight_hh_l0': [80, 7],
    'rnn.weight_hr_l0': [7, 20],
    'rnn.weight_peephole_l0': [60],
    'rnn.h0_l0': [7],
    'rnn.c0_l0': [20]
  })
  t.equal(model.parameters.get('rnn.weight_peephole_l0').data[59], 0.5)
  t.equal(model.parameters.get('rnn.c0_l0').data[3], 0)
  const normalised = [...small({ layerNorm: true }).model.parameters]
    .slice(-4)
    .map(({ name, shape }) => [name, ...shape])
  t.same(normalised, [
    ['rnn.norm_ih_l0', 80],
    ['rnn.norm_hh_l0', 80],
    ['rnn.norm_c_l0', 20],
    ['rnn.norm_c_bias_l0', 20]
  ])
})

t.test('refusals', async (t) => {
  t.throws(() => small({ zoneout: 0.1, peepholes: true }), { code: 'ERR_UNSUPPORTED', message: /peepholes/ })
  t.throws(() => small({ zoneout: 0.1, projection: 3 }), { code: 'ERR_UNSUPPORTED', message: /projection/ })
  t.throws(() => small({ zoneout: 0.1, layerNorm: true }), { code: 'ERR_UNSUPPORTED', message: /normalisation/ })
  t.throws(() => small({ peepholes: true, layerNorm: true }), { code: 'ERR_UNSUPPORTED', message: /peepholes/ })
  t.throws(() => small({ layerNorm: true }, { precision: 'bf16' }).evaluate(), {
    code: 'ERR_UNSUPPORTED',
    message: /f32/
  })
  t.throws(() => small({ zoneout: 1 }), { code: 'ERR_INVALID_ARGUMENT', message: /below 1/ })
  t.throws(() => small({ recurrentDropout: -1 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => small({ projection: 21 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => small({ projection: 0 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => small({ initial: 'learned', carry: true }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => small({ projection: 3 }, { precision: 'int8' }).evaluate(), {
    code: 'ERR_UNSUPPORTED',
    message: /int8/
  })
  const { model } = small({})
  const plan = model.plan({}, { purpose: 'predict' })
  for (const bad of [-1, 7]) {
    plan.inputs.lengths.set([6, 6, bad, 6])
    t.throws(() => plan.runSync(), { code: 'ERR_OUT_OF_RANGE', message: /lstm: expected lengths from 0 to 6/ })
  }
})

t.test('a padded row gives what it gives alone, in every precision and cell', async (t) => {
  const rows = [5, 0, 2, 5, 3]
  for (const precision of ['f32', 'bf16', 'int8'] as const) {
    for (const cell of precision === 'int8' ? ['lstm'] : ['lstm', 'gru']) {
      const define = (batch: number, steps: number) =>
        defineModel(
          {
            name: 'rows',
            config: {},
            inputs: { x: f32(steps, batch, 3), lengths: i32(batch) },
            forward: ({ x, lengths }) => {
              const options = { name: 'rnn', hidden: 18, bidirectional: true, layers: 2, lengths }
              const { output, h } = cell === 'gru' ? gru(x, options) : lstm(x, options)
              return { y: output, last: h[3]! }
            }
          },
          { seed: 1, precision }
        )
      const value = (b: number, step: number, i: number) => Math.sin(3 * b + 1.3 * step + i)
      const run = (which: readonly number[], steps: number) => {
        using model = define(which.length, steps)
        const plan = model.plan({}, { purpose: 'predict' })
        which.forEach((b, at) => {
          for (let step = 0; step < rows[b]!; step++)
            for (let i = 0; i < 3; i++) plan.inputs.x[(step * which.length + at) * 3 + i] = value(b, step, i)
        })
        plan.inputs.lengths.set(which.map((b) => rows[b]!))
        plan.runSync()
        return { y: plan.outputs.y.slice(), last: plan.outputs.last.slice() }
      }
      const all = run([0, 1, 2, 3, 4], 5)
      for (const b of [0, 2, 4]) {
        const alone = run([b], rows[b]!)
        const mine = Array.from({ length: rows[b]! }, (_, step) => [
          ...all.y.slice((step * 5 + b) * 36, (step * 5 + b + 1) * 36)
        ])
        t.same([...alone.y], mine.flat(), `${cell} ${precision}: row ${b}`)
        t.same(
          [...alone.last],
          [...all.last.slice(b * 18, (b + 1) * 18)],
          `${cell} ${precision}: last state of row ${b}`
        )
      }
      t.ok(
        all.y.slice(36, 72).every((y) => y === 0),
        'nothing in a row of no steps'
      )
    }
  }
})
