// Losses of forecasts written in a few lines with map and reduce, against PyTorch's distributions and losses.
import t from 'tap'
import { Graph } from '../../src/graph/graph.js'
import { zeros } from '../../src/graph/initializers.js'
import * as ops from '../../src/graph/ops/index.js'
import type { Expression } from '../../src/graph/ops/map.js'
import { ParameterStore } from '../../src/graph/parameters.js'
import { createPlan } from '../../src/graph/plan.js'
import { type Tensor } from '../../src/graph/graph.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

interface Values {
  a: Tensor
  scale: Tensor
  c: Tensor
  x: Tensor
  counts: Tensor
}

const HALF_LOG_2PI = Math.log(2 * Math.PI) / 2

const losses: Record<string, (v: Values) => Tensor> = {
  gaussian: ({ a, scale, x }) =>
    ops.mean(
      ops.map([a, scale, x], (m, s, x) => x.sub(m).mul(s.neg().exp()).square().mul(0.5).add(s).add(HALF_LOG_2PI))
    ),

  studentT: ({ a, scale, c, x }) =>
    ops.mean(
      ops.map([a, scale, c, x], (m, s, c, x) => {
        const [nu, sigma] = [c.softplus().add(2), s.softplus()]
        const half = nu.add(1).mul(0.5)
        const norm = nu.mul(0.5).lgamma().sub(half.lgamma()).add(nu.mul(Math.PI).log().mul(0.5)).add(sigma.log())
        return norm.add(half.mul(x.sub(m).div(sigma).square().div(nu).log1p()))
      })
    ),

  negativeBinomial: ({ a, scale, counts }) =>
    ops.mean(
      ops.map([a, scale, counts], (logits, s, k) => {
        const r = s.softplus()
        const choices = k.add(r).lgamma().sub(k.add(1).lgamma()).sub(r.lgamma())
        return r.mul(logits.softplus()).add(k.mul(logits.neg().softplus())).sub(choices)
      })
    ),

  huber: ({ a, x }) =>
    ops.mean(
      ops.map([a, x], (a, x) => {
        const distance = x.sub(a).abs()
        return distance.less(0.75).select(distance.square().mul(0.5), distance.sub(0.375).mul(0.75))
      })
    ),

  pinball: ({ a, x }) =>
    ops.mean(
      ops.map([a, x], (a, x) => {
        const miss = x.sub(a)
        return miss.mul(0.9).max(miss.mul(-0.1))
      })
    ),

  softLabels: ({ a }) => {
    const target = ops.reshape(ops.slice(a, 1, 2, 3), [a.shape[0]!])
    const parts = [ops.logSumExp(a, -1), target, ops.mean(a, -1)]
    return ops.mean(ops.map(parts, (all, target, mean) => all.sub(target.mul(0.9)).sub(mean.mul(0.1))))
  },

  largest: ({ a, c }) => ops.sum(ops.map([ops.max(a, 0), c], (a, c) => a.mul(c)))
}

type Golden = Record<'a' | 'scale' | 'c' | 'x' | 'counts', GoldenTensor> &
  Record<string, Record<'loss' | 'a' | 'scale' | 'c', GoldenTensor>>
const golden = readGolden<Golden>('custom-losses')

async function run(loss: (v: Values) => Tensor, threads: number) {
  const graph = new Graph()
  const [T, B] = golden.a.shape as [number, number]
  const a = graph.parameter('a', [T, B], zeros)
  const scale = graph.parameter('scale', [T, B], zeros)
  const c = graph.parameter('c', [B], zeros)
  const x = graph.input('x', [T, B], 'f32')
  const counts = graph.input('counts', [T, B], 'f32')
  const result = loss({ a, scale, c, x, counts })
  graph.output('loss', result)
  const parameters = new ParameterStore(graph.parameters, { training: true })
  const plan = createPlan(graph, { parameters, loss: result, threads })
  for (const name of ['a', 'scale', 'c'] as const) parameters.set(name, golden[name].data)
  plan.inputs['x']!.set(golden.x.data)
  plan.inputs['counts']!.set(golden.counts.data)
  await plan.run('gradient')
  const used = new Set(graph.parameters.map(({ name }) => name))
  const found = {
    loss: [...plan.outputs['loss']!],
    ...Object.fromEntries([...used].map((name) => [name, [...parameters.get(name).grad!]]))
  } as Record<'loss' | 'a' | 'scale' | 'c', number[]>
  plan.dispose()
  parameters.dispose()
  return found
}

for (const [name, loss] of Object.entries(losses)) {
  t.test(`${name}: PyTorch's loss and gradients, the same bits for any number of threads`, async (t) => {
    const found = await run(loss, 1)
    const expected = golden[name]!
    for (const what of ['loss', 'a', 'scale', 'c'] as const) {
      const largest = Math.max(1, ...expected[what].data.map(Math.abs))
      const difference = largestDifference(found[what], expected[what].data) / largest
      t.ok(difference <= 1e-6, `${what} (${difference.toExponential(1)})`)
    }
    for (const threads of [2, 3]) t.same(await run(loss, threads), found)
  })
}

t.test('equal parts are computed once, and stopGradient stops', async (t) => {
  const graph = new Graph()
  const x = graph.parameter('x', [4], zeros)
  const program = (f: (x: Expression) => Expression) => {
    ops.map([x], f)
    return graph.ops.at(-1)!.attributes
  }
  const once = program((x) => x.exp())[0]!
  const shared = program((x) => x.exp().mul(x.exp()))[0]!
  t.ok(shared <= once + 3, `${shared} instructions beside ${once}`)
  t.equal(program((x) => x.exp().stopGradient())[2], -1)
  t.equal(program((x) => x.less(2))[2], -1)
})

t.test('what does not fit is refused', async (t) => {
  const graph = new Graph()
  const [x, y] = [graph.input('x', [3, 4], 'f32'), graph.input('y', [3], 'f32')]
  const ids = graph.input('ids', [3], 'i32')
  t.throws(() => ops.map([x, y], (x, y) => x.add(y)), { code: 'ERR_INVALID_SHAPE', message: /\[3, 4\], \[3\]/ })
  t.throws(() => ops.map([ids], (x) => x), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => ops.map([], () => 1), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => ops.map([x], (x) => x.add(Infinity)), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => ops.map([x], () => undefined as never), { code: 'ERR_INVALID_ARGUMENT', message: /an expression/ })
  let other: Expression | undefined
  ops.map([x], (x) => (other = x))
  t.throws(() => ops.map([x], (x) => x.add(other!)), { code: 'ERR_INVALID_ARGUMENT', message: /another one/ })
  const large = (x: Expression) => {
    for (let i = 0; i < 300; i++) x = x.add(i / 7)
    return x
  }
  t.throws(() => ops.map([x], large), { code: 'ERR_INVALID_ARGUMENT', message: /at most 256 values/ })
  t.throws(() => ops.sum(x, 2), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => ops.sum(x, [0, -2]), { code: 'ERR_INVALID_ARGUMENT', message: /twice/ })
  t.throws(() => ops.sum(x, []), { code: 'ERR_INVALID_ARGUMENT' })
  t.same(ops.sum(x, [0, 1]).shape, [1])
  t.same(ops.mean(x, -1).shape, [3])
  t.same(ops.max(x, 0, { keepDims: true }).shape, [1, 4])
})
