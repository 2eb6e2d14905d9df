// The mixture density loss against PyTorch's distributions, its bounds, and what the sampler draws.
import t from 'tap'
import { Graph } from '../../src/graph/graph.js'
import { zeros } from '../../src/graph/initializers.js'
import { mixtureColumns, mixtureDensity, mixtureSample, reshape } from '../../src/graph/ops/index.js'
import { ParameterStore } from '../../src/graph/parameters.js'
import { createPlan } from '../../src/graph/plan.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

type Golden = Record<'y' | 'x' | 'weights' | 'loss' | 'total' | 'nats' | 'gradY', GoldenTensor>

function lossPlan(rows: number, batch: number, columns: number, clip = 0) {
  const graph = new Graph()
  const y = reshape(graph.parameter('y', [rows * batch, columns], zeros), [rows, batch, columns])
  const weights = graph.input('weights', [rows, batch], 'f32')
  const loss = mixtureDensity(y, graph.input('x', [rows, batch, 3], 'f32'), { weights, clip })
  graph.output('loss', loss)
  const parameters = new ParameterStore(graph.parameters, { training: true })
  const plan = createPlan(graph, { parameters, loss })
  const inputs = plan.inputs as Record<'x' | 'weights', Float32Array>
  const gradient = () => parameters.get('y').grad!
  const close = () => {
    plan.dispose()
    parameters.dispose()
  }
  return { plan, inputs, parameters, gradient, loss: () => plan.outputs['loss']![0]!, close }
}

for (const name of ['mixture-density', 'mixture-density-sharp']) {
  t.test(`${name}: PyTorch's loss and gradient`, async (t) => {
    const golden = readGolden<Golden>(name)
    const [rows, batch, columns] = golden.y.shape as [number, number, number]
    const { plan, inputs, parameters, gradient, close } = lossPlan(rows, batch, columns)
    parameters.set('y', golden.y.data)
    inputs.x.set(golden.x.data)
    inputs.weights.set(golden.weights.data)
    await plan.run('gradient')
    const near = (what: string, found: ArrayLike<number>, expected: number[]) => {
      const largest = Math.max(1, ...expected.map(Math.abs))
      const difference = largestDifference(found, expected) / largest
      t.ok(difference <= 1e-6, `${what} (${difference.toExponential(1)} of ${largest.toPrecision(3)})`)
    }
    near('loss', plan.outputs['loss']!, [golden.loss.data[0]!, golden.total.data[0]!])
    near('gradient', gradient(), golden.gradY.data)
    t.ok(
      gradient()
        .subarray(0, columns)
        .every((d) => d === 0),
      'a row of weight 0 has no gradient'
    )
    close()
  })
}

t.test('rows of weight 0 may hold anything; weights must not be negative; the clip bounds a row', async (t) => {
  const { plan, inputs, parameters, gradient, loss, close } = lossPlan(2, 1, 7, 0.125)
  parameters.set('y', [0, 0, 0, 0, 0, 0, 0, NaN, NaN, NaN, NaN, NaN, NaN, NaN])
  inputs.x.set([2, -3, 1, NaN, 0, 0])
  inputs.weights.set([2, 0])
  await plan.run('gradient')
  // One standard Gaussian at (2, -3), a fair end: log 2 pi + (4 + 9) / 2 + log 2.
  t.ok(Math.abs(loss() - (Math.log(2 * Math.PI) + 6.5 + Math.log(2))) < 1e-6)
  t.equal(plan.outputs['loss']![1], 2)
  t.same([...gradient()], [-0.125, 0, -0.125, 0.125, -0.125, -0.125, 0.125, 0, 0, 0, 0, 0, 0, 0])
  inputs.weights.set([1, -1])
  await t.rejects(plan.run(), { code: 'ERR_OUT_OF_RANGE', message: /weights of 0 or more, got -1 in row 1/ })
  inputs.weights.set([0, 0])
  await plan.run('gradient')
  t.same([...plan.outputs['loss']!], [0, 0])
  t.ok(gradient().every((d) => d === 0))
  close()
})

t.test('finite outputs give a finite loss and gradient', async (t) => {
  const { plan, inputs, parameters, gradient, loss, close } = lossPlan(1, 1, 13)
  inputs.weights.set([1])
  const extremes = [0, 1, -20, 90, -400, 1e5, -1e9, 3e38, -3e38]
  for (let i = 0; i < 400; i++) {
    parameters.set(
      'y',
      Array.from({ length: 13 }, (_, k) => extremes[(i * (2 * k + 1) + k + (i >> 3)) % extremes.length]!)
    )
    inputs.x.set([extremes[i % 9]!, extremes[(i * 5) % 9]!, i % 2])
    await plan.run('gradient')
    if (!Number.isFinite(loss()) || !gradient().every(Number.isFinite)) {
      t.fail(`${parameters.get('y').data.join()} at ${inputs.x.join()}: ${loss()}, ${gradient().join()}`)
    }
  }
  parameters.set(
    'y',
    Array.from({ length: 13 }, (_, k) => (k === 4 ? NaN : 0))
  )
  await plan.run('gradient')
  t.ok(Number.isNaN(loss()))
  close()
})

t.test('the sampler draws from the mixture, sharper with a bias', async (t) => {
  const rows = 4000
  const graph = new Graph({ training: false })
  const y = graph.input('y', [rows, mixtureColumns(2)], 'f32')
  graph.output('point', mixtureSample(y, graph.input('control', [4], 'f32'), 3))
  const parameters = new ParameterStore([], { training: false })
  const plan = createPlan(graph, { parameters })
  const rho = 0.6
  // end 0.25; weights 0.2 and 0.8; the second at (1, -2) with deviations 0.5 and 2.
  const row = [Math.log(1 / 3), 0, Math.log(4), -30, 1, 0, -2, 0, Math.log(0.5), 0, Math.log(2), 0, Math.atanh(rho)]
  for (let i = 0; i < rows; i++) (plan.inputs['y'] as Float32Array).set(row, i * 13)
  const control = plan.inputs['control'] as Float32Array
  const draw = (bias: number) => {
    control[0] = bias
    plan.runSync()
    const points = Array.from({ length: rows }, (_, i) => [...plan.outputs['point']!.subarray(3 * i, 3 * i + 3)])
    const second = points.filter(([x]) => x! > -10)
    const mean = (f: (point: number[]) => number) => second.reduce((sum, p) => sum + f(p), 0) / second.length
    const [m1, m2] = [mean((p) => p[0]!), mean((p) => p[1]!)]
    const s1 = Math.sqrt(mean((p) => (p[0]! - m1) ** 2))
    const s2 = Math.sqrt(mean((p) => (p[1]! - m2) ** 2))
    const r = mean((p) => (p[0]! - m1) * (p[1]! - m2)) / (s1 * s2)
    return {
      points,
      share: second.length / rows,
      end: points.filter((p) => p[2] === 1).length / rows,
      m1,
      m2,
      s1,
      s2,
      r
    }
  }
  const close = (found: number, expected: number, bound: number) =>
    t.ok(Math.abs(found - expected) < bound, `${found} near ${expected}`)
  const plain = draw(0)
  for (const [found, expected, bound] of [
    [plain.share, 0.8, 0.03],
    [plain.end, 0.25, 0.03],
    [plain.m1, 1, 0.04],
    [plain.m2, -2, 0.15],
    [plain.s1, 0.5, 0.03],
    [plain.s2, 2, 0.12],
    [plain.r, rho, 0.05]
  ] as const) {
    close(found, expected, bound)
  }
  const biased = draw(1)
  close(biased.share, 16 / 17, 0.02)
  close(biased.s1, 0.5 / Math.E, 0.01)
  close(biased.end, 0.25, 0.03)
  const again = () => largestDifference(draw(0).points.flat(), plain.points.flat())
  t.equal(again(), 0, 'a function of seed, stream, step and row')
  plan.control.step = 1
  t.ok(again() > 0)
  control[0] = -1
  t.throws(() => plan.runSync(), { code: 'ERR_INVALID_ARGUMENT', message: /bias from 0 to 1e6, got -1/ })
  control[0] = 0
  plan.inputs['y']!.fill(NaN)
  t.throws(() => plan.runSync(), { code: 'ERR_OUT_OF_RANGE', message: /row 0 gives no point/ })
  plan.dispose()
})
