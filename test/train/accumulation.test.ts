// Gradient accumulation: PyTorch's numbers, one large batch, the end of the data, aborts and resume.
import t from 'tap'
import {
  createTrainer,
  defineModel,
  crossEntropy,
  embedding,
  i32,
  type Batch,
  type TrainerOptions
} from '../../src/index.js'
import { readGolden, type GoldenTensor } from '../golden.js'
import { noise, textModel, trainingData } from '../text-model.js'
import { snapshotOf } from './snapshots.js'

interface Golden {
  start: GoldenTensor
  batches: number
  rows: {
    kind: 'sgd' | 'adam'
    lr: number
    steps: { ids: GoldenTensor; targets: GoldenTensor }[][]
    after: { loss: number; weight: GoldenTensor }[]
  }[]
}
const golden = readGolden<Golden>('accumulation')

const tableModel = () =>
  defineModel({
    name: 'table',
    config: {},
    inputs: { ids: i32('size') },
    targets: { targets: i32('size') },
    forward: ({ ids }) => ({ logits: embedding(ids, { name: 'table', vocabulary: 5, size: 5 }) }),
    loss: ({ logits }, { targets }) => crossEntropy(logits, targets)
  })

t.test("the numbers of PyTorch's step on all batches together", async (t) => {
  for (const { kind, lr, steps, after } of golden.rows) {
    using model = tableModel()
    model.parameters.set('table.weight', golden.start.data)
    const batches = steps.flat().map(({ ids, targets }, i): Batch => {
      const inputs = { ids: Int32Array.from(ids.data), targets: Int32Array.from(targets.data) }
      return { inputs, epoch: 0, cursor: i + 1 }
    })
    const source = { dims: { size: batches[0]!.inputs['ids']!.length }, batches: () => batches }
    const optimizer = { kind, learningRate: lr }
    const trainer = createTrainer(model, source, { optimizer, clip: 0, accumulate: golden.batches, reportEvery: 1 })
    let step = 0
    for await (const { loss } of trainer.reports()) {
      const { data } = model.parameters.get('table.weight')
      const { loss: expected, weight } = after[step]!
      t.ok(Math.abs(loss - expected) < 1e-6, `${kind}, step ${step}: loss ${loss}`)
      const worst = Math.max(...data.map((x, i) => Math.abs(x - weight.data[i]!)))
      t.ok(worst < 2e-6, `${kind}, step ${step}: ${worst}`)
      step++
    }
    t.equal(step, after.length)
  }
})

const options: TrainerOptions = { steps: 6, optimizer: { kind: 'adamw' }, accumulate: 3, seed: 4 }
const train = async (more: Partial<TrainerOptions> = {}) => {
  const model = textModel({ dropout: 0.2 })
  const trainer = createTrainer(model, trainingData(noise(600)), { ...options, ...more })
  return { model, trainer, summary: await trainer.fit() }
}

t.test('a step counts once, and a resumed run gives the same bits', async (t) => {
  const whole = await train()
  t.match(whole.summary, { step: 6, tokens: 6 * 3 * 32, stopped: 'steps' })
  const first = await train({ steps: 3 })
  const resume = snapshotOf(first.trainer)
  const rest = await train({ resume })
  t.same(snapshotOf(rest.trainer), snapshotOf(whole.trainer))
  for (const { model } of [whole, first, rest]) model.dispose()
})

t.test('an abort within a step gives it up: states, weights and cursor are those before it', async (t) => {
  const whole = await train()
  using model = textModel({ dropout: 0.2 })
  const controller = new AbortController()
  const data = trainingData(noise(600))
  let asked = 0
  const source = {
    dims: data.dims,
    async *batches(cursor?: Parameters<typeof data.batches>[0]) {
      for await (const batch of data.batches(cursor)) {
        if (++asked === 12) controller.abort()
        yield batch
      }
    }
  }
  const trainer = createTrainer(model, source, options)
  const { stopped, step } = await trainer.fit({ signal: controller.signal, onAbort: 'return' })
  t.match({ stopped, step }, { stopped: 'abort', step: 3 })
  await trainer.fit()
  t.same(snapshotOf(trainer), snapshotOf(whole.trainer), 'the next fit begins the step again')
  whole.model.dispose()
})

t.test('the last step of the data has fewer batches; a bad batch changes nothing', async (t) => {
  using model = tableModel()
  const batch = (cursor: number): Batch => ({
    inputs: { ids: Int32Array.of(0, 1), targets: Int32Array.of(1, cursor % 5) },
    epoch: 0,
    cursor
  })
  const source = (count: number) => ({ dims: { size: 2 }, batches: () => [...Array(count).keys()].map(batch) })
  const summary = await createTrainer(model, source(5), { accumulate: 2 }).fit()
  t.match(summary, { step: 3, stopped: 'data' })
  model.parameters.set('table.weight', new Float32Array(25).fill(NaN))
  const trainer = createTrainer(model, source(4), { accumulate: 2 })
  await t.rejects(trainer.fit(), { code: 'ERR_NOT_FINITE', message: /at step 1 the loss is NaN/ })
  for (const accumulate of [0, 1.5, 1e6, '2'] as number[])
    t.throws(() => createTrainer(model, source(1), { accumulate }), { code: 'ERR_INVALID_ARGUMENT' })
})
