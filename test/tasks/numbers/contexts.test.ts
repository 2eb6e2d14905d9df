// The first example of the project: after 6, 7, 8 comes 9, after 2, 4, 8 comes 16. The last number is the same, the context decides. A small network
// learns it in seconds from other arithmetic and geometric sequences of small numbers; those of the example are not among them.

import t from 'tap'
import { createTrainer, defineModel, type BatchSource } from '../../../src/index.js'
import { createRandom } from '../../../src/random.js'
import { packNumbers, widthOf } from '../../../src/tasks/numbers/digits.js'
import { numbersDefinition } from '../../../src/tasks/numbers/model.js'
import { predictNext } from '../../../src/tasks/numbers/predict.js'
import { sampleOf } from '../../../src/tasks/numbers/samples.js'

const BATCH = 64
const LEFT_OUT = ['6,7,8', '2,4,8']

/** Returns three terms of a sequence of small numbers, and the next one. */
function draw(random: ReturnType<typeof createRandom>) {
  for (;;) {
    const sample =
      random.below(2) === 0
        ? sampleOf({ family: 'arithmetic', parameters: [random.below(20), random.below(10)] }, 3)
        : sampleOf({ family: 'geometric', parameters: [1 + random.below(20), 2 + random.below(2)] }, 3)
    if (!LEFT_OUT.includes(sample.terms.join(','))) return sample
  }
}

const source: BatchSource = {
  dims: { length: 4, batch: BATCH },
  *batches() {
    for (let step = 0; ; step++) {
      const random = createRandom(0, `step ${step}`)
      const samples = Array.from({ length: BATCH }, () => draw(random))
      const length = widthOf(samples.flatMap(({ terms, next }) => [...terms, next]))
      yield { inputs: { ...packNumbers(samples, length) }, dims: { length, batch: BATCH }, epoch: 0, cursor: step }
    }
  }
}

t.test('the same last input in two contexts', async (t) => {
  using model = defineModel(numbersDefinition({ hidden: 48, embedding: 8, sums: 4 }), { seed: 0, threads: 1 })
  const optimizer = { kind: 'adam', learningRate: 1e-2 } as const
  await createTrainer(model, source, { steps: 600, optimizer, clip: 1, schedule: { kind: 'cosine', warmup: 20 } }).fit()
  const next = async (...terms: bigint[]) => (await predictNext(model, terms, { count: 1 })).next[0]!
  const [one, other] = [await next(6n, 7n, 8n), await next(2n, 4n, 8n)]
  t.equal(one.term, 9n)
  t.equal(other.term, 16n)
  t.ok(one.probability > 0.5 && other.probability > 0.5)
})
