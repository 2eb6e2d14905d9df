// Cross-entropy with class weights, label smoothing and any ignored target, and padded embeddings, against PyTorch.
import t from 'tap'
import {
  crossEntropy,
  defineModel,
  embedding,
  f32,
  i32,
  linear,
  meanSquare,
  ops,
  zeros,
  type CrossEntropyOptions
} from '../../src/index.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

interface Row {
  ignoreIndex: number
  weighted: boolean
  labelSmoothing: number
  targets: GoldenTensor
  loss: GoldenTensor
  gradX: GoldenTensor
}
const golden = readGolden<{ logits: GoldenTensor; weights: GoldenTensor; rows: Row[] }>('cross-entropy')
const { shape } = golden.logits

/** The loss of a parameter `x` of [rows, V] with the golden logits, and the parameter's gradient. */
function run(targets: readonly number[], options: CrossEntropyOptions, weightsAsInput = false) {
  const [T, B, V] = shape as [number, number, number]
  using model = defineModel({
    name: 'loss',
    config: {},
    inputs: { weights: f32(V) },
    targets: { targets: i32(T, B) },
    forward: ({ weights }) => ({ x: ops.reshape(weights.graph.parameter('x', [T * B, V], zeros), [T, B, V]) }),
    loss: ({ x }, { targets }, { weights }) =>
      crossEntropy(x, targets, weightsAsInput ? { ...options, weights } : options)
  })
  const plan = model.plan({})
  model.parameters.set('x', golden.logits.data)
  plan.inputs.weights.set(golden.weights.data)
  plan.inputs.targets.set(targets)
  plan.runSync('gradient')
  return { loss: [...plan.outputs.loss], gradient: Float32Array.from(model.parameters.get('x').grad!) }
}

t.test('the losses and gradients of PyTorch', async (t) => {
  for (const { ignoreIndex, weighted, labelSmoothing, targets, loss, gradX } of golden.rows) {
    const name = JSON.stringify({ ignoreIndex, weighted, labelSmoothing })
    const weights = weighted ? golden.weights.data : null
    const found = run(targets.data, { ignoreIndex, labelSmoothing, weights })
    t.ok(Math.abs(found.loss[0]! - loss.data[0]!) <= 1e-5, name)
    t.ok(largestDifference(found.gradient, gradX.data) <= 1e-6, `gradient: ${name}`)
    const counted = targets.data.filter((target) => target !== ignoreIndex)
    const sum = counted.reduce((sum, target) => sum + (weights?.[target] ?? 1), 0)
    t.ok(Math.abs(found.loss[1]! - sum) <= 1e-5, `count: ${name}`)
    if (weighted) t.same(run(targets.data, { ignoreIndex, labelSmoothing }, true), found, `weights as input: ${name}`)
  }
})

t.test('options at their defaults give the bits of the plain loss', async (t) => {
  const { data } = golden.rows[0]!.targets
  const plain = run(data, {})
  const ones = golden.weights.data.map(() => 1)
  t.same(run(data, { ignoreIndex: -1, weights: null, labelSmoothing: 0 }), plain)
  t.same(run(data, { ignoreIndex: -1, weights: ones }).loss, plain.loss)
  const moved = data.map((target) => (target === -1 ? 2 ** 31 - 1 : target))
  t.same(run(moved, { ignoreIndex: 2 ** 31 - 1 }), plain)
})

t.test('if nothing counts, loss and gradient are 0 (PyTorch: NaN)', async (t) => {
  const none = golden.rows[0]!.targets.data.map(() => -5)
  for (const labelSmoothing of [0, 0.1]) {
    const { loss, gradient } = run(none, { ignoreIndex: -5, labelSmoothing })
    t.same(loss, [0, 0])
    t.ok(gradient.every((value) => value === 0))
  }
})

t.test('refusals', async (t) => {
  const { data } = golden.rows[0]!.targets
  const refused: [CrossEntropyOptions, string][] = [
    [{ ignoreIndex: 0.5 }, 'ERR_INVALID_ARGUMENT'],
    [{ ignoreIndex: 2 ** 31 }, 'ERR_INVALID_ARGUMENT'],
    [{ labelSmoothing: -0.1 }, 'ERR_INVALID_ARGUMENT'],
    [{ labelSmoothing: NaN }, 'ERR_INVALID_ARGUMENT'],
    [{ weights: [1, 2] }, 'ERR_INVALID_SHAPE'],
    [{ weights: golden.weights.data.map(() => -1) }, 'ERR_INVALID_ARGUMENT'],
    [{ weights: golden.weights.data.map(() => NaN) }, 'ERR_INVALID_ARGUMENT'],
    [{ weights: 'yes' as unknown as number[] }, 'ERR_INVALID_ARGUMENT'],
    [{ ignoreIndex: -100 }, 'ERR_OUT_OF_RANGE'] // -1 is not a class then
  ]
  for (const [options, code] of refused) t.throws(() => run(data, options), { code }, JSON.stringify(options))
})

interface PaddingRow {
  paddingIdx: number
  start: GoldenTensor
  ids: GoldenTensor
  target: GoldenTensor
  steps: { gradient: GoldenTensor; weight: GoldenTensor }[]
}
const padding = readGolden<{ rows: PaddingRow[]; fresh: GoldenTensor }>('padding')

t.test('a padded embedding follows PyTorch through steps with weight decay', async (t) => {
  for (const { paddingIdx, start, ids, target, steps } of padding.rows) {
    const [vocabulary, size] = start.shape as [number, number]
    using model = defineModel({
      name: 'padded',
      config: {},
      inputs: { ids: i32(...ids.shape) },
      targets: { target: f32(...target.shape) },
      forward: ({ ids }) => ({ y: embedding(ids, { name: 'table', vocabulary, size, paddingIdx }) }),
      loss: ({ y }, { target }) => meanSquare(y, target)
    })
    const table = model.parameters.get('table.weight')
    const row = paddingIdx < 0 ? paddingIdx + vocabulary : paddingIdx
    t.same([...table.data.subarray(row * size, (row + 1) * size)], padding.fresh.data, 'starts as zeros')
    t.ok(table.data.some((value) => value !== 0))
    const plan = model.plan({}, { optimizer: 'sgd' })
    model.parameters.set('table.weight', start.data)
    plan.control.learningRate = 0.5
    plan.control.l2 = 0.1
    plan.inputs.ids.set(ids.data)
    plan.inputs.target.set(target.data)
    for (const [i, { gradient, weight }] of steps.entries()) {
      plan.runSync('train')
      t.ok(largestDifference(table.grad!, gradient.data) <= 1e-6, `gradient of step ${i + 1}`)
      t.ok(largestDifference(table.data, weight.data) <= 1e-6, `weights after step ${i + 1}`)
    }
  }
  using model = defineModel({ name: 'm', config: {}, inputs: { ids: i32(3) }, forward: ({ ids }) => ({ y: ids }) })
  for (const paddingIdx of [4, -5, 0.5, NaN]) {
    const record = () =>
      embedding(model.record({}, 'predict').inputs.ids, { name: 'table', vocabulary: 4, size: 2, paddingIdx })
    t.throws(record, { code: 'ERR_INVALID_ARGUMENT' }, String(paddingIdx))
  }
})

t.test('an output layer over many classes is one op with its loss, unless its logits are read', async (t) => {
  const classes = 300
  using model = defineModel({
    name: 'words',
    config: {},
    inputs: { x: f32('rows', 7) },
    targets: { next: i32('rows') },
    forward: ({ x }) => ({ logits: linear(x, { name: 'head', size: classes }) }),
    loss: ({ logits }, { next }) => crossEntropy(logits, next, { labelSmoothing: 0.1 })
  })
  const run = (outputs: 'logits'[]) => {
    const plan = model.plan({ rows: 500 }, { purpose: 'train', outputs })
    plan.inputs.x.forEach((_, i, x) => (x[i] = Math.sin(i)))
    plan.inputs.next.forEach((_, i, next) => (next[i] = i % 8 === 0 ? -1 : (i * 17) % classes))
    plan.runSync('gradient')
    const gradients = ['head.weight', 'head.bias'].map((name) => Float32Array.from(model.parameters.get(name).grad!))
    return { ops: plan.explain().nodes.map(({ op }) => op), loss: [...plan.outputs.loss], gradients }
  }
  const [joined, apart] = [run([]), run(['logits'])]
  t.same(joined.ops, ['output_loss'])
  t.same(apart.ops, ['linear', 'cross_entropy'])
  t.same(joined.loss, apart.loss)
  t.same(joined.gradients, apart.gradients)
})
