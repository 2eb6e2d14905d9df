// Each row of docs/conventions.md that numbers can show: our result next to PyTorch's, and the difference that is stated.
import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  add,
  crossEntropy,
  ctcLoss,
  defineModel,
  f32,
  i32,
  meanSquare,
  mul,
  ops,
  sigmoidCrossEntropy,
  zeros
} from '../../src/index.js'
import { createControl } from '../../src/graph/control.js'
import { constant } from '../../src/graph/initializers.js'
import { checkOptimizer } from '../../src/train/optimizers.js'
import { checkOptions } from '../../src/train/options.js'
import { checkSchedule } from '../../src/train/schedules.js'
import { readGolden, type GoldenTensor } from '../golden.js'

interface Golden {
  defaults: Record<'SGD' | 'RMSprop' | 'Adam' | 'AdamW', { lr: number; weight_decay: number; eps?: number }>
  ignoreIndex: number
  plateau: { factor: number; patience: number; threshold: number; min_lr: number }
  clipped: number[]
  decayed: Record<'matrix' | 'vector' | 'unused', GoldenTensor>
  late: number
  nothingCounted: string
  ctc: Record<'x' | 'targets' | 'inputLengths' | 'targetLengths' | 'mean' | 'none', GoldenTensor>
  binary: Record<'x' | 'target' | 'loss', GoldenTensor>
}
const golden = readGolden<Golden>('conventions')
const near = (found: number, expected: number, bound = 1e-5) => Math.abs(found - expected) <= bound

t.test('the table names the values that the code has', async (t) => {
  const table = readFileSync(new URL('../../docs/conventions.md', import.meta.url), 'utf8')
  const { SGD, RMSprop, Adam, AdamW } = golden.defaults
  t.same([SGD.lr, RMSprop.lr, Adam.lr, AdamW.lr], [0.001, 0.01, 0.001, 0.001])
  t.same([checkOptimizer({ kind: 'sgd' }).learningRate, checkOptimizer({ kind: 'adam' }).learningRate], [0.1, 0.002])
  const rates = (['sgd', 'rmsprop', 'adam', 'adamw', 'amsgrad'] as const).map(
    (kind) => createControl(kind).learningRate
  )
  t.same(rates, [0.01, 0.01, 0.001, 0.001, 0.001])
  t.equal(checkOptions({}, undefined).clip, 1)
  t.equal(checkOptimizer({ kind: 'adamw' }).weightDecay, AdamW.weight_decay)
  for (const kind of ['sgd', 'rmsprop', 'adam'] as const)
    t.equal(checkOptimizer({ kind }).weightDecay, SGD.weight_decay)
  t.equal(checkOptimizer({ kind: 'adamw' }).decays, 'matrices')
  t.equal(golden.ignoreIndex, -100)
  t.match(checkSchedule({ kind: 'plateau' }, true), { factor: 0.5, patience: 2, threshold: 0, minimum: 0.001 })
  t.same(golden.plateau, { factor: 0.1, patience: 10, threshold: 1e-4, min_lr: 0 })
  t.equal(checkSchedule({ kind: 'cosine' }, true).final, 0.02)
  for (const named of ['0.002; SGD 0.1', '-100', '1e-6', 'factor 0.5, patience 2', 'factor 0.1, patience 10', '0.02'])
    t.ok(table.includes(named), named)
})

t.test('clipping divides by the norm, without 1e-6', async (t) => {
  using model = defineModel({
    name: 'clip',
    config: {},
    inputs: { target: f32(2) },
    forward: ({ target }) => ({ w: target.graph.parameter('w', [2], zeros) }),
    loss: ({ w }, _, { target }) => meanSquare(w, target)
  })
  const plan = model.plan({}, { optimizer: 'sgd' })
  plan.inputs.target.set([-3, -4]) // the gradient is (3, 4)
  Object.assign(plan.control, { learningRate: 1, clipNorm: 1 })
  plan.runSync('train')
  const [x, y] = model.parameters.get('w').data
  t.ok(near(-x!, 0.6, 1e-7) && near(-y!, 0.8, 1e-7))
  golden.clipped.forEach((value, i) => t.ok(near(value, (i === 0 ? 3 : 4) / (5 + 1e-6), 1e-12)))
})

t.test('weight decay: matrices unless told otherwise; a parameter that the loss does not read stays', async (t) => {
  for (const decayAll of [0, 1]) {
    using model = defineModel({
      name: 'decay',
      config: {},
      inputs: { x: f32(2) },
      forward({ x }) {
        const [matrix, unused] = ['matrix', 'unused'].map((name) => x.graph.parameter(name, [2, 2], constant(1)))
        const vector = x.graph.parameter('vector', [2], constant(1))
        return { y: mul(add(ops.linear(x, matrix!), vector), x), other: ops.linear(x, unused!) }
      },
      loss: ({ y }, _, { x }) => meanSquare(y, x)
    })
    const plan = model.plan({}, { optimizer: 'adamw' })
    Object.assign(plan.control, { learningRate: 0.1, weightDecay: 0.5, decayAll })
    plan.runSync('train') // x is 0: so are the gradients
    const of = (name: string) => model.parameters.get(name).data[0]!
    t.ok(near(of('matrix'), golden.decayed.matrix.data[0]!, 1e-7))
    t.ok(near(of('vector'), decayAll ? golden.decayed.vector.data[0]! : 1, 1e-7))
    t.equal(of('unused'), golden.decayed.unused.data[0])
  }
})

t.test("Adam's step is the control block's, for all parameters", async (t) => {
  using model = defineModel({
    name: 'late',
    config: {},
    inputs: { target: f32(1) },
    forward: ({ target }) => ({ w: target.graph.parameter('w', [1], zeros) }),
    loss: ({ w }, _, { target }) => meanSquare(w, target)
  })
  const plan = model.plan({}, { optimizer: 'adam' })
  plan.inputs.target[0] = -0.5 // the gradient is 1
  for (const [step, expected] of [
    [0, golden.late],
    [2, (-0.1 * (0.1 / (1 - 0.9 ** 3))) / Math.sqrt(0.001 / (1 - 0.999 ** 3))]
  ] as const) {
    model.parameters.clearOptimizer()
    model.parameters.set('w', [0])
    Object.assign(plan.control, { learningRate: 0.1, step })
    plan.runSync('train')
    t.ok(near(model.parameters.get('w').data[0]!, expected), `step ${step}`)
  }
})

t.test('cross-entropy ignores -1, and gives 0 where nothing counts', async (t) => {
  using model = defineModel({
    name: 'nothing',
    config: {},
    inputs: { targets: i32(2) },
    forward: ({ targets }) => ({ x: targets.graph.parameter('x', [2, 3], zeros) }),
    loss: ({ x }, _, { targets }) => crossEntropy(x, targets)
  })
  const plan = model.plan({})
  plan.inputs.targets.fill(-1)
  plan.runSync('gradient')
  t.same([...plan.outputs.loss], [0, 0])
  t.equal(golden.nothingCounted, 'nan')
})

t.test('CTC: the mean over rows with a step; PyTorch divides by the labels and counts all rows', async (t) => {
  const { x, targets, inputLengths, targetLengths, mean, none } = golden.ctc
  const [T, B, K] = x.shape as [number, number, number]
  using model = defineModel({
    name: 'ctc',
    config: {},
    inputs: { targets: i32(B, 3), inputLengths: i32(B), targetLengths: i32(B) },
    forward: ({ targets }) => ({ x: ops.reshape(targets.graph.parameter('x', [T * B, K], zeros), [T, B, K]) }),
    loss: ({ x }, _, inputs) => ctcLoss({ logits: x, ...inputs }).loss
  })
  const plan = model.plan({})
  model.parameters.set('x', x.data)
  plan.inputs.targets.set(targets.data)
  plan.inputs.inputLengths.set(inputLengths.data)
  plan.inputs.targetLengths.set(targetLengths.data)
  plan.runSync('gradient')
  const rows = none.data.filter((_, b) => inputLengths.data[b]! > 0)
  t.ok(near(plan.outputs.loss[0]!, rows.reduce((sum, row) => sum + row) / rows.length))
  t.equal(plan.outputs.loss[1], rows.length)
  const divided = none.data.map((row, b) => row / Math.max(1, targetLengths.data[b]!))
  t.ok(near(mean.data[0]!, divided.reduce((sum, row) => sum + row) / B, 1e-7))
})

t.test('sigmoid cross-entropy: the sum over the last dimension, the mean over the rows', async (t) => {
  const { x, target, loss } = golden.binary
  using model = defineModel({
    name: 'binary',
    config: {},
    inputs: { target: f32(...x.shape) },
    forward: ({ target }) => ({ x: target.graph.parameter('x', x.shape, zeros) }),
    loss: ({ x }, _, { target }) => sigmoidCrossEntropy(x, target)
  })
  const plan = model.plan({})
  model.parameters.set('x', x.data)
  plan.inputs.target.set(target.data)
  plan.runSync('gradient')
  t.ok(near(plan.outputs.loss[0]!, loss.data[0]! * x.shape[1]!))
})
