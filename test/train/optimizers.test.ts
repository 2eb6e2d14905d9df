// Optimisers: five steps of each against PyTorch's trajectories, and settings that are refused.
import t from 'tap'
import { add, defineModel, f32, meanSquare, zeros } from '../../src/index.js'
import { applyOptimizer, checkOptimizer, updateOf, type Optimizer } from '../../src/train/optimizers.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

type Pair = { matrix: GoldenTensor; vector: GoldenTensor }
type Trajectory = { lr: number; after: Pair[] } & Record<string, number>
type Golden = { start: Pair; gradients: Pair[] } & Record<'sgd' | 'sgdPlain' | 'rmsprop' | 'adam' | 'adamw', Trajectory>

const golden = readGolden<Golden>('optimisers')
const names = ['matrix', 'vector'] as const
const sizes = { matrix: [5, 7], vector: [19] }

/** Mean squares whose gradients are what the targets say: d/dp mean (p - t)^2 = 2 (p - t) / n. */
function define() {
  const { matrix, vector } = sizes
  return defineModel({
    name: 'trajectory',
    config: {},
    inputs: { matrix: f32(...matrix), vector: f32(...vector) },
    forward: (inputs) => {
      const part = (name: 'matrix' | 'vector') =>
        meanSquare(inputs[name].graph.parameter(name, sizes[name], zeros), inputs[name])
      return { sum: add(part('matrix'), part('vector')) }
    },
    loss: ({ sum }) => sum
  })
}

const { sgd, sgdPlain, rmsprop, adam, adamw } = golden
const pick = (from: Trajectory, ...keys: string[]) => Object.fromEntries(keys.map((key) => [key, from[key]]))
const rows: [string, Trajectory, Optimizer][] = [
  ['SGD with momentum', sgd, { kind: 'sgd', ...pick(sgd, 'momentum') }],
  ['SGD', sgdPlain, { kind: 'sgd' }],
  ['RMSprop', rmsprop, { kind: 'rmsprop', ...pick(rmsprop, 'alpha', 'epsilon') }],
  ['Adam', adam, { kind: 'adam', ...pick(adam, 'beta1', 'beta2', 'epsilon') }],
  ['AdamW', adamw, { kind: 'adamw', ...pick(adamw, 'beta1', 'beta2', 'epsilon', 'weightDecay') }]
]
type Options = { start: Pair; gradients: Pair[]; rows: { options: Optimizer; lr: number; after: Pair[] }[] }
const options = readGolden<Options>('optimizer-options')

/** Compares the parameters after each step with PyTorch's. */
function follow(
  optimizer: Optimizer,
  from: { start: Pair; gradients: Pair[] },
  to: { lr: number; after: Pair[] }
): void {
  t.test(JSON.stringify(optimizer), async (t) => {
    using model = define()
    const plan = model.plan({}, { optimizer: updateOf(optimizer) })
    for (const parameter of names) model.parameters.set(parameter, from.start[parameter].data)
    applyOptimizer(checkOptimizer(optimizer), plan.control)
    plan.control.learningRate = to.lr
    for (const [step, after] of to.after.entries()) {
      for (const parameter of names) {
        const { data } = model.parameters.get(parameter)
        const gradient = from.gradients[step]![parameter].data
        plan.inputs[parameter].set(data.map((value, i) => value - (gradient[i]! * data.length) / 2))
      }
      plan.control.step = step
      plan.runSync('train')
      t.ok(plan.control.applied)
      for (const parameter of names) {
        const difference = largestDifference(model.parameters.get(parameter).data, after[parameter].data)
        t.ok(difference <= 1e-5, `${parameter} after step ${step + 1} (${difference.toExponential(1)})`)
      }
    }
  })
}
for (const [, trajectory, optimizer] of rows) follow(optimizer, golden, trajectory)
for (const row of options.rows) follow(row.options, options, row)

t.test('refusals', async (t) => {
  const refused: Optimizer[] = [
    { kind: 'adagrad' as 'adam' },
    { kind: 'toString' as 'adam' },
    { kind: 'adam', momentum: 0.9 },
    { kind: 'adam', learningRate: -1 },
    { kind: 'adam', learningRate: NaN },
    { kind: 'adam', beta1: 1 },
    { kind: 'sgd', momentum: 1.5 },
    { kind: 'adamw', weightDecay: -0.1 },
    { kind: 'sgd', nesterov: true },
    { kind: 'sgd', momentum: 0.9, nesterov: 1 as unknown as boolean },
    { kind: 'adam', nesterov: true },
    { kind: 'sgd', amsgrad: true },
    { kind: 'adam', amsgrad: 'yes' as unknown as boolean },
    { kind: 'adam', decays: 'vectors' as 'all' },
    { kind: 'amsgrad' as 'adam' }
  ]
  for (const row of refused) t.throws(() => checkOptimizer(row), { code: 'ERR_INVALID_ARGUMENT' }, JSON.stringify(row))
  t.match(checkOptimizer({ kind: 'adamw' }), { learningRate: 2e-3, beta1: 0.9, beta2: 0.999, weightDecay: 0.01 })
})
