// Losses and layers made of map, reduce, matmul and the ops that move elements on the device: with products in f32 the bits of the processor,
// and losses with weights of rows as there.
import t from 'tap'
import type { Tensor } from '../../src/graph/graph.js'
import type { Device } from '../../src/graph/opcodes.js'
import * as ops from '../../src/graph/ops/index.js'
import { createRandom, defineModel, f32, i32, linear, uniform } from '../../src/index.js'
import { largestDifference } from '../golden.js'
import { library } from './device.js'

if (library.file !== null) process.env['GATECELL_CUDA_LIBRARY'] = library.file
const { skip } = library
const [T, B, C] = [6, 3, 5]

/** [T, B, C] -> [T / 2, B, 7]: each output step sees three input steps. */
function convolution(x: Tensor): Tensor {
  const patches = ops.patches(x, { axes: 0, kernel: 3, stride: 2, padding: 1 })
  const weight = x.graph.parameter('convolution', [patches.shape.at(-1)!, 7], uniform(0.3))
  return ops.matmul(patches, weight)
}

/** The scores of each sequence of a batch against itself, [B, T, T]. */
function scores(x: Tensor): Tensor {
  const sequences = ops.permute(x, [1, 0, 2])
  return ops.matmul(sequences, sequences, { transposeB: true })
}

const losses: Record<string, (x: Tensor, ids: Tensor) => Tensor> = {
  'a convolution and the largest values of its steps': (x) =>
    ops.mean(ops.map([ops.max(convolution(x), 0)], (most) => most.tanh().square())),
  'scores of sequences': (x) => ops.mean(ops.map([ops.logSumExp(scores(x), -1)], (s) => s.softplus())),
  'a log-density with lgamma, of a scale that broadcasts': (x) => {
    const scale = x.graph.parameter('scale', [C], uniform(0.5))
    return ops.mean(
      ops.map([x, scale], (x, s) => {
        const nu = s.softplus().add(2)
        return nu.lgamma().add(x.square().div(nu).log1p().mul(nu)).sub(s)
      })
    )
  },
  'rows that ids name, added to others': (x, ids) => {
    const taken = ops.gather(x, ids, 1)
    const added = ops.scatterAdd(taken, ids, 4, 1)
    const padded = ops.pad(
      ops.concat([added, x], 1),
      [
        [0, 0],
        [1, 0],
        [2, 0]
      ],
      0.5
    )
    return ops.mean(ops.map([padded], (y) => y.exp()))
  }
}

function gradients(device: Device, loss: (x: Tensor, ids: Tensor) => Tensor) {
  const model = defineModel(
    {
      name: 'arrays',
      config: {},
      inputs: { x: f32(T, B, C), ids: i32(4) },
      targets: {},
      forward: ({ x, ids }) => ({ value: loss(linear(x, { name: 'in', size: C }), ids) }),
      loss: ({ value }) => value
    },
    { device, seed: 7 }
  )
  const plan = model.plan({}, { outputs: ['value'], optimizer: 'adam' })
  const random = createRandom(8, 'arrays')
  plan.inputs.x.forEach((_, i) => (plan.inputs.x[i] = random.normal()))
  plan.inputs.ids.set([2, 0, 2, 1])
  plan.runSync('gradient')
  t.equal(plan.explain().device, device)
  const found: Record<string, Float32Array> = { value: plan.outputs.value.slice() }
  for (const { name } of model.parameters.specs) found[name] = model.parameters.get(name).grad!.slice()
  model.dispose()
  return found
}

for (const [name, loss] of Object.entries(losses)) {
  t.test(`${name}: value and gradients have the processor's bits`, { skip }, async (t) => {
    const [cpu, cuda] = [gradients('cpu', loss), gradients('cuda', loss)]
    t.ok(Object.keys(cpu).length > 2)
    for (const [what, expected] of Object.entries(cpu)) {
      t.ok(expected.every(Number.isFinite), `${what} is finite`)
      t.same(cuda[what], expected, what)
    }
  })
}

t.test('losses with weights of rows', { skip }, async (t) => {
  const weighted = (kind: 'ids' | 'values') => (device: Device) => {
    const model = defineModel(
      {
        name: 'weighted',
        config: {},
        inputs: { x: f32(T, B, C) },
        targets: { ids: i32(T, B), weights: f32(T, B) },
        forward: ({ x }) => ({ y: linear(x, { name: 'in', size: 4 }) }),
        loss: ({ y }, { ids, weights }) =>
          kind === 'ids'
            ? ops.crossEntropy(y, ids, { rowWeights: weights })
            : ops.meanSquare(y, ops.affine(y, 0, 1), { weights })
      },
      { device, seed: 9 }
    )
    const plan = model.plan({}, { optimizer: 'adam' })
    const random = createRandom(10, 'weighted')
    plan.inputs.x.forEach((_, i) => (plan.inputs.x[i] = random.normal()))
    plan.inputs.ids.forEach((_, i) => (plan.inputs.ids[i] = random.below(4)))
    plan.inputs.weights.forEach((_, i) => (plan.inputs.weights[i] = random.below(3)))
    plan.runSync('gradient')
    const found = { loss: plan.outputs.loss.slice(), grad: model.parameters.get('in.weight').grad!.slice() }
    model.dispose()
    return found
  }
  for (const kind of ['ids', 'values'] as const) {
    const [cpu, cuda] = [weighted(kind)('cpu'), weighted(kind)('cuda')]
    t.ok(largestDifference(cuda.loss, cpu.loss) < 1e-6, `${kind}: the loss`)
    t.ok(largestDifference(cuda.grad, cpu.grad) < 1e-6, `${kind}: the gradient`)
  }
})
