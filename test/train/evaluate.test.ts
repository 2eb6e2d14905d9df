// The validation measure, and batches of several shapes.
import t from 'tap'
import { createTrainer, evaluate, evaluationSource, type Batch, type BatchSource } from '../../src/index.js'
import { createEvaluation } from '../../src/data/batching/windows.js'
import { tokensOf } from '../../src/data/text/tokens.js'
import { alphabet, noise, textModel, trainingData, validationData, vocabulary } from '../text-model.js'

const ids = noise(103)

/** -log softmax(logits)[target], in double. */
function nats(logits: Float32Array, target: number): number {
  const top = Math.max(...logits)
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0)) + top - logits[target]!
}

t.test('is the mean over every symbol but the first, the state carried', async (t) => {
  using model = textModel({ layers: 2 })
  const stream = model.stream()
  let sum = 0
  for (let i = 0; i + 1 < ids.length; i++) sum += nats(stream.step(ids[i]!), ids[i + 1]!)
  for (const length of [7, 16, 200]) {
    const { loss, count, seconds } = await evaluate(model, validationData(ids, 1, length))
    t.equal(count, ids.length - 1)
    t.ok(Math.abs(loss - sum / count) < 1e-5, `windows of ${length}: ${loss} is ${sum / count}`)
    t.ok(seconds > 0)
  }
  const again = await evaluate(model, validationData(ids, 1, 16))
  t.equal(again.loss, (await evaluate(model, validationData(ids, 1, 16))).loss, 'twice the same')
})

t.test('dropout is off, and training ahead of it does not matter', async (t) => {
  using plain = textModel({ dropout: 0 })
  using dropping = textModel({ dropout: 0.9 })
  const source = validationData(ids)
  t.equal((await evaluate(dropping, source)).loss, (await evaluate(plain, source)).loss)
})

t.test('refusals', async (t) => {
  using model = textModel()
  await t.rejects(evaluate(model, validationData(ids), { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  const empty: BatchSource = { dims: { batch: 1, length: 4 }, batches: () => [] }
  await t.rejects(evaluate(model, empty), { code: 'ERR_CORPUS_EMPTY' })
  const uncounted: BatchSource = {
    dims: { batch: 1, length: 4 },
    batches: () => [{ inputs: { tokens: new Int32Array(4), targets: new Int32Array(4).fill(-1) }, epoch: 0, cursor: 1 }]
  }
  await t.rejects(evaluate(model, uncounted), { code: 'ERR_CORPUS_EMPTY' })
  t.equal((await evaluate(model, validationData(ids))).count, ids.length - 1, 'and goes on')
})

/** The alphabet in batches whose length changes from one to the next. */
const buckets: BatchSource = {
  dims: { batch: 4, length: 8 },
  *batches(cursor = 0) {
    for (let step = cursor as number, at = 0; ; step++) {
      const length = [8, 5, 13][step % 3]!
      const symbol = (shift: number) =>
        Int32Array.from({ length: 4 * length }, (_, i) => (at + shift + Math.floor(i / 4) + 5 * (i % 4)) % vocabulary)
      yield {
        inputs: { tokens: symbol(0), targets: symbol(1) },
        dims: { batch: 4, length },
        epoch: 0,
        cursor: step + 1
      }
      at += length
    }
  }
}

t.test('batches may change their shape; the state goes along', async (t) => {
  using model = textModel()
  const trainer = createTrainer(model, buckets, { steps: 90, optimizer: { kind: 'adam', learningRate: 2e-2 } })
  const { smoothedLoss, tokens } = await trainer.fit()
  t.equal(tokens, 30 * 4 * (8 + 5 + 13))
  t.ok(smoothedLoss! < 1.5, `it learns (${smoothedLoss})`)

  using one = textModel()
  using three = textModel()
  const long = one.plan({ batch: 4, length: 26 }, { purpose: 'evaluate' })
  const whole = (buckets.batches() as Iterable<Batch>)[Symbol.iterator]()
  const parts = [0, 1, 2].map(() => whole.next().value as Batch)
  long.inputs.tokens.set(parts.flatMap(({ inputs }) => [...inputs['tokens']!]))
  await long.run()
  createTrainer(three, buckets, { steps: 3, optimizer: { kind: 'sgd', learningRate: 0 } })
  const still = createTrainer(three, buckets, { steps: 3, optimizer: { kind: 'sgd', learningRate: 0 } })
  await still.fit()
  t.same(
    [...still.plan.states['lstm.h_l0']!],
    [...long.states['lstm.h_l0']!],
    'three pieces end in the state of the whole'
  )
})

t.test('segments side by side give nearly the same as one stream', async (t) => {
  using model = textModel()
  await createTrainer(model, trainingData(alphabet(20)), {
    steps: 60,
    optimizer: { kind: 'adam', learningRate: 1e-2 }
  }).fit()
  const text = tokensOf(alphabet(30))
  const one = await evaluate(model, evaluationSource(createEvaluation(text, { length: 32 })))
  const four = await evaluate(model, evaluationSource(createEvaluation(text, { length: 32, batch: 4, warmup: 27 })))
  t.equal(four.count, one.count)
  t.ok(Math.abs(four.loss - one.loss) < 0.05, `${four.loss} and ${one.loss}`)
})
