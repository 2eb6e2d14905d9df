// The outputs of the network: quantiles of distributions, and their losses.

import t, { type Test } from 'tap'
import { createPlan } from '../../../src/graph/plan.js'
import { Graph } from '../../../src/graph/graph.js'
import { mean, reshape } from '../../../src/graph/ops/index.js'
import { ParameterStore } from '../../../src/graph/parameters.js'
import { negativeBinomialQuantile } from '../../../src/tasks/forecast/negative-binomial.js'
import { LEVELS, normalQuantile, normalTails } from '../../../src/tasks/forecast/levels.js'
import { outputOf } from '../../../src/tasks/forecast/outputs.js'
import { outputNames, type OutputName } from '../../../src/tasks/forecast/settings.js'
import { LEVEL_PLACES, placeOfScore, scoreOf, valueOfScore } from '../../../src/tasks/forecast/normal-scores.js'
import { studentQuantile } from '../../../src/tasks/forecast/student.js'

const near = (t: Test, found: number, wanted: number, tolerance: number) =>
  t.ok(Math.abs(found - wanted) <= tolerance, `${found} beside ${wanted}`)

t.test('quantiles of known distributions', async (t) => {
  near(t, normalQuantile(0.975), 1.959963985, 1e-7)
  near(t, normalQuantile(0.001), -3.090232306, 1e-7)
  near(t, normalTails(1.959963985), 0.05, 1e-7)
  near(t, normalTails(-3), 0.002699796, 1e-8)
  // Tables of Student's t: 90 % and 60 %.
  near(t, studentQuantile(0.9, 5), 1.475884, 2e-4)
  near(t, studentQuantile(0.6, 5), 0.267181, 2e-4)
  near(t, studentQuantile(0.9, 3), 1.637744, 1e-3)
  near(t, studentQuantile(0.1, 1e6), normalQuantile(0.1), 1e-4)
  t.equal(studentQuantile(0.5, 7), 0)
})

t.test('quantiles of counts', async (t) => {
  // One failure: a geometric distribution, P(k <= n) = 1 - q^(n + 1), q = 4 / 5.
  for (const level of LEVELS) {
    const wanted = Math.ceil(Math.log(1 - level) / Math.log(0.8) - 1 - 1e-9)
    t.equal(negativeBinomialQuantile(level, { mean: 4, failures: 1 }), Math.max(0, wanted), `${level}`)
  }
  t.equal(negativeBinomialQuantile(0.9, { mean: 1e-3, failures: 1 }), 0)
  // A large mean: about a normal distribution.
  const [mean, failures] = [1e5, 1e4]
  const deviation = Math.sqrt(mean + mean ** 2 / failures)
  near(t, negativeBinomialQuantile(0.9, { mean, failures }), mean + 1.2816 * deviation, 0.01 * deviation)
})

/** Returns the loss of an output for one value, and its slope in each number. */
async function lossOf(name: OutputName, numbers: readonly number[], { value, base }: { value: number; base: number }) {
  const graph = new Graph()
  const own = graph.parameter('numbers', [1, numbers.length], (values) => values.fill(0))
  const input = (name: string, size: number) => graph.input(name, [size], 'f32')
  const [values, means, levels] = [input('values', 1), input('means', 1), input('levels', LEVELS.length)]
  const one = (x: typeof values) => reshape(x, [1, 1, 1, 1])
  const loss = mean(
    outputOf(name).loss(reshape(own, [1, 1, 1, numbers.length]), { values: one(values), means: one(means), levels })
  )
  graph.output('loss', loss)
  const parameters = new ParameterStore(graph.parameters, { training: true })
  const plan = createPlan(graph, { parameters, loss, threads: 1 })
  parameters.set('numbers', Float32Array.from(numbers))
  plan.inputs['values']![0] = value
  plan.inputs['means']![0] = base
  plan.inputs['levels']!.set(LEVELS)
  await plan.run('gradient')
  const found = { loss: plan.outputs['loss']![0]!, slopes: [...parameters.get('numbers').grad!] }
  plan.dispose()
  parameters.dispose()
  return found
}

t.test('losses are those of the definitions', async (t) => {
  const gaussian = await lossOf('gaussian', [0.5, Math.log(2)], { value: 2, base: 1 })
  near(t, gaussian.loss, 0.5 * (1.5 / 2) ** 2 + Math.log(2) + 0.5 * Math.log(2 * Math.PI), 1e-5)
  near(t, gaussian.slopes[0]!, -1.5 / 4, 1e-5)
  // scipy.stats.t.logpdf(1.5, 2 + log(1 + e))
  const freedom = 2 + Math.log1p(Math.E)
  const student = await lossOf('student', [0, 0, 1], { value: 1.5, base: 1 })
  const density = (x: number) => (1 + x ** 2 / freedom) ** (-(freedom + 1) / 2)
  let area = 0
  for (let x = -400; x < 400; x += 0.01) area += 0.01 * density(x)
  near(t, student.loss, -Math.log(density(1.5) / area), 1e-3)
  // A geometric distribution with mean 4: P(3) = 0.2 * 0.8^3.
  const counts = await lossOf('negative-binomial', [Math.log(2), 0], { value: 3, base: 2 })
  near(t, counts.loss, -Math.log(0.2 * 0.8 ** 3), 1e-4)
  const zeros = await lossOf('negative-binomial', [0, 0], { value: 0, base: 0 })
  t.ok(Number.isFinite(zeros.loss) && zeros.slopes.every(Number.isFinite), 'no count and a forecast of none')
  const pinball = await lossOf(
    'quantiles',
    LEVELS.map(() => 1),
    { value: 3, base: 0 }
  )
  near(t, pinball.loss, 1, 1e-6)
})

t.test('every output gives ascending quantiles about the linear forecast', async (t) => {
  for (const name of outputNames) {
    const output = outputOf(name)
    const of = { mean: 50, inDeviations: (value: number) => (value - 50) / 10 }
    const out = LEVEL_PLACES.map((place) => output.quantile(output.start, 0, of, place))
    t.ok(
      out.every((value, i) => i === 0 || value >= out[i - 1]!),
      name
    )
    t.ok(out[0]! < 0 && out[8]! > 0, `${name}: ${out.join(' ')}`)
  }
})

t.test('scores of values and values of scores', async (t) => {
  const quantiles = [-3, -1.5, -1, 0, 0.5, 0.7, 2, 4, 9]
  for (const score of [-6, -1.5, -0.9, -0.1, 0, 0.3, 1.2, 1.4, 5])
    near(t, scoreOf(valueOfScore(quantiles, 0, score), quantiles), score, 1e-9)
  LEVEL_PLACES.forEach(({ score }, i) => t.equal(valueOfScore(quantiles, 0, score), quantiles[i]))
  near(t, placeOfScore(1.2815515655).level, 0.9, 1e-7)
  near(t, placeOfScore(-1.2815515655).level, 0.1, 1e-7)
  t.equal(scoreOf(1e300, quantiles), 100)
})
