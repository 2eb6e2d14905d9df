// Losses with a weight for each row, against PyTorch: values, counts and gradients.
import t from 'tap'
import { Graph, type Tensor } from '../../src/graph/graph.js'
import { zeros } from '../../src/graph/initializers.js'
import * as ops from '../../src/graph/ops/index.js'
import { ParameterStore } from '../../src/graph/parameters.js'
import { createPlan } from '../../src/graph/plan.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

interface Inputs {
  x: Tensor
  y: Tensor
  bits: Tensor
  w: Tensor
  v: Tensor
  ids: Tensor
  labels: Tensor
}

type Name = 'crossEntropy' | 'ofClasses' | 'meanSquare' | 'sigmoid' | 'ctc'
type Golden = Record<keyof Inputs | 'classes', GoldenTensor> & Record<Name, Record<'loss' | 'x', GoldenTensor>>
const golden = readGolden<Golden>('weighted-losses')
const [T, B, K] = golden.x.shape as [number, number, number]

const losses: Record<Name, (inputs: Inputs) => Tensor> = {
  crossEntropy: ({ x, ids, w }) => ops.crossEntropy(x, ids, { rowWeights: w }),
  ofClasses: ({ x, ids, w }) =>
    ops.crossEntropy(x, ids, { rowWeights: w, weights: [...golden.classes.data], labelSmoothing: 0.1 }),
  meanSquare: ({ x, y, w }) => ops.meanSquare(x, y, { weights: w }),
  sigmoid: ({ x, bits, w }) => ops.sigmoidCrossEntropy(x, bits, { weights: w }),
  ctc: ({ x, labels, v }) => {
    const lengths = (size: number) => x.graph.input(`lengths${size}`, [B], 'i32')
    return ops.ctcLoss({ logits: x, targets: labels, inputLengths: lengths(T), targetLengths: lengths(2), weights: v })
      .loss
  }
}

async function run(loss: (inputs: Inputs) => Tensor, threads: number, change: Partial<Record<string, number>> = {}) {
  const graph = new Graph()
  const x = ops.reshape(graph.parameter('x', [T * B, K], zeros), [T, B, K])
  const f = (name: 'y' | 'bits' | 'w' | 'v') => graph.input(name, golden[name].shape, 'f32')
  const i = (name: 'ids' | 'labels') => graph.input(name, golden[name].shape, 'i32')
  const result = loss({ x, y: f('y'), bits: f('bits'), w: f('w'), v: f('v'), ids: i('ids'), labels: i('labels') })
  graph.output('loss', result)
  const parameters = new ParameterStore(graph.parameters, { training: true })
  const plan = createPlan(graph, { parameters, loss: result, threads })
  parameters.set('x', golden.x.data)
  for (const [name, view] of Object.entries(plan.inputs)) {
    if (name.startsWith('lengths')) view.fill(Number(name.slice(7)))
    else view.set(golden[name as keyof Inputs].data)
    if (change[name] !== undefined) view[0] = change[name]
  }
  try {
    await plan.run('gradient')
    return { loss: [...plan.outputs['loss']!], x: [...parameters.get('x').grad!] }
  } finally {
    plan.dispose()
    parameters.dispose()
  }
}

for (const [name, loss] of Object.entries(losses) as [Name, (inputs: Inputs) => Tensor][]) {
  t.test(`${name}: PyTorch's loss and gradient, the same bits for any number of threads`, async (t) => {
    const found = await run(loss, 1)
    for (const what of ['loss', 'x'] as const) {
      const expected = golden[name][what].data
      const difference = largestDifference(found[what], expected) / Math.max(1, ...expected.map(Math.abs))
      t.ok(difference <= 1e-6, `${what} (${difference.toExponential(1)})`)
    }
    for (const threads of [2, 3]) t.same(await run(loss, threads), found)
  })
}

t.test('a row of weight 0 has no part in the loss, whatever its values are', async (t) => {
  for (const [name, change] of [
    ['meanSquare', { y: NaN }],
    ['sigmoid', { bits: NaN }],
    ['crossEntropy', { ids: 3 }],
    ['crossEntropy', { ids: 0 }]
  ] as const)
    t.same(await run(losses[name], 1, change), await run(losses[name], 1), name)
})

t.test('refused', async (t) => {
  await t.rejects(run(losses.crossEntropy, 1, { w: -1 }), { code: 'ERR_OUT_OF_RANGE', message: /weights of 0 or more/ })
  await t.rejects(run(losses.ofClasses, 1, { w: NaN }), { code: 'ERR_OUT_OF_RANGE' })
  const graph = new Graph()
  const [x, w] = [graph.input('x', [3, 4, 2], 'f32'), graph.input('w', [4], 'f32')]
  const ids = graph.input('ids', [3, 4], 'i32')
  t.throws(() => ops.crossEntropy(x, ids, { rowWeights: w }), { code: 'ERR_INVALID_SHAPE', message: /rowWeights/ })
  t.throws(() => ops.meanSquare(x, x, { weights: w }), { code: 'ERR_INVALID_SHAPE', message: /weights/ })
  t.throws(() => ops.sigmoidCrossEntropy(x, x, { weights: w }), { code: 'ERR_INVALID_SHAPE' })
})
