// Metrics by hand, over batches, next to the loss of an evaluation, and as the monitored figure of a training.
import t from 'tap'
import {
  accuracy,
  createTrainer,
  crossEntropy,
  defineModel,
  embedding,
  evaluate,
  f1,
  i32,
  perplexity,
  type Batch,
  type Metric,
  type MetricBatch,
  type TrainerOptions
} from '../../src/index.js'
import { snapshotOf } from '../train/snapshots.js'

/** A batch whose rows have their largest logit at `found`. */
function batchOf(found: number[], targets: number[], classes = 3): MetricBatch {
  const logits = new Float32Array(found.length * classes)
  found.forEach((id, row) => (logits[row * classes + id] = 1))
  return {
    outputs: { logits },
    inputs: { targets: Int32Array.from(targets) },
    shapes: { outputs: { logits: [found.length, classes] }, inputs: { targets: [found.length] } },
    loss: 0.5,
    count: targets.filter((id) => id >= 0).length
  }
}

function measure(metric: Metric, ...batches: MetricBatch[]): number {
  const measurement = metric.begin()
  for (const batch of batches) measurement.add(batch)
  return measurement.value()
}

t.test('accuracy, F1 and perplexity over batches', (t) => {
  const [first, second] = [batchOf([0, 1, 2, 0], [0, 1, 1, -1]), batchOf([2, 2], [2, 0])]
  t.equal(measure(accuracy(), first, second), 3 / 5)
  t.equal(measure(accuracy({ ignore: 0 }), second), 1)
  t.ok(Number.isNaN(measure(accuracy(), batchOf([0], [-1]))))
  // class 0: 1 hit of 2 targets, 1 found; class 1: 1 of 2, 1 found; class 2: 1 of 1, 3 found
  const figures = [2 / 3, 2 / 3, 1 / 2]
  t.ok(Math.abs(measure(f1(), first, second) - figures.reduce((a, b) => a + b) / 3) < 1e-15)
  t.equal(measure(f1({ positive: 2 }), first, second), 1 / 2)
  t.equal(measure(f1({ positive: 1 }), second), 0)
  t.ok(Number.isNaN(measure(f1(), batchOf([0], [-1]))))
  t.ok(Math.abs(measure(perplexity(), first, second) - Math.exp(0.5)) < 1e-15)
  t.throws(() => measure(accuracy({ targets: 'labels' }), first), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => accuracy({ ignore: 0.5 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => f1({ positive: -1 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.end()
})

const classifier = () =>
  defineModel({
    name: 'classifier',
    config: {},
    inputs: { ids: i32('size') },
    targets: { targets: i32('size') },
    forward: ({ ids }) => ({ logits: embedding(ids, { name: 'table', vocabulary: 4, size: 4 }) }),
    loss: ({ logits }, { targets }) => crossEntropy(logits, targets)
  })

const sourceOf = (ids: number[], targets: number[]) => ({
  dims: { size: ids.length },
  *batches(): Generator<Batch> {
    for (let epoch = 0; ; epoch++)
      yield { inputs: { ids: Int32Array.from(ids), targets: Int32Array.from(targets) }, epoch, cursor: epoch }
  }
})
const data = sourceOf([0, 1, 2, 3], [1, 2, 3, 0])

t.test('an evaluation measures them on the outputs that they name', async (t) => {
  using model = classifier()
  const table = new Float32Array(16)
  for (const at of [1, 6, 8, 13]) table[at] = 3 // classes 1, 2, 0, 1: two of four are right
  model.parameters.set('table.weight', table)
  const { loss, metrics } = await evaluate(model, data, { metrics: { accuracy: accuracy(), perplexity: perplexity() } })
  t.same(metrics, { accuracy: 0.5, perplexity: Math.exp(loss) })
  t.notOk('metrics' in (await evaluate(model, data)))
  const refuse = (metric: unknown, code = 'ERR_INVALID_ARGUMENT') =>
    t.rejects(evaluate(model, data, { metrics: { m: metric as Metric } }), { code })
  const own = { outputs: [], better: 'higher', begin: () => ({ add() {}, value: () => 1 }) }
  t.same((await evaluate(model, data, { metrics: { m: own as Metric } })).metrics, { m: 1 })
  await refuse({ ...own, outputs: ['scores'] })
  await refuse({ ...own, better: 'more' })
  await refuse({ ...own, begin: () => 7 })
  await refuse({ ...own, begin: () => ({ add() {}, value: () => 'high' }) })
})

/** Returns the values of `figures`, one for each measurement. */
function scripted(figures: readonly number[], better: 'higher' | 'lower'): Metric {
  const rest = [...figures]
  return { outputs: [], better, begin: () => ({ add() {}, value: () => rest.shift() ?? NaN }) }
}

t.test('early stopping and the best weights go by the monitored metric', async (t) => {
  for (const better of ['higher', 'lower'] as const) {
    const figures = [0.2, 0.6, 0.5, 0.4, 0.9].map((x) => (better === 'higher' ? x : 1 - x))
    using model = classifier()
    const bests: number[] = []
    const options: TrainerOptions = {
      validation: data,
      validateEvery: 1,
      metrics: { figure: scripted(figures, better) },
      monitor: 'figure',
      patience: 2,
      checkpoint: ({ progress }, kind) => void (kind === 'best' && bests.push(progress['step'] as number))
    }
    const trainer = createTrainer(model, data, options)
    const { stopped, best, validation } = await trainer.fit()
    t.equal(stopped, 'patience')
    t.match(best, { step: 2, metrics: { figure: figures[1] } })
    t.match(validation, { step: 4, best: false, metrics: { figure: figures[3] } })
    t.same(bests, [1, 2])
    const resume = snapshotOf(trainer)
    const again = { ...options, metrics: { figure: scripted([figures[4]!], better) }, resume, patience: 9, steps: 5 }
    t.match((await createTrainer(model, data, again).fit()).best, { step: 5, metrics: { figure: figures[4] } })
    const { monitor: left, ...other } = again
    t.equal(left, 'figure')
    t.throws(() => createTrainer(model, data, other), { code: 'ERR_INVALID_ARGUMENT', message: /monitored figure/ })
  }
})

t.test('refused', async (t) => {
  using model = classifier()
  const refuse = (options: TrainerOptions) =>
    t.throws(() => createTrainer(model, data, options), { code: 'ERR_INVALID_ARGUMENT' })
  refuse({ monitor: 'accuracy', validation: data })
  refuse({ monitor: 'accuracy', metrics: { accuracy: accuracy() } })
  refuse({ better: 'higher' })
  refuse({ better: 'more' as 'higher', validation: data })
  const nothing = createTrainer(model, data, {
    validation: data,
    validateEvery: 1,
    metrics: { figure: scripted([], 'lower') },
    monitor: 'figure'
  })
  await t.rejects(nothing.fit(), { code: 'ERR_NOT_FINITE', message: /"figure"/ })
})
