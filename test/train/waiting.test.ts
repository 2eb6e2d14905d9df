// The share of a training in which no step was running: while batches were late, or while their preparation kept this thread.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createTrainer, type Batch, type BatchSource } from '../../src/index.js'
import { alphabet, textModel, trainingData } from '../text-model.js'

const data = trainingData(alphabet(20))

/** Returns the source with `delay` before each batch. */
function delayed(delay: () => Promise<void> | void): BatchSource {
  return {
    dims: data.dims,
    async *batches(cursor) {
      for (const batch of data.batches(cursor) as Iterable<Batch>) {
        await delay()
        yield batch
      }
    }
  }
}

/** Returns the seconds that a training of twelve steps waited. */
async function secondsWaited(source: BatchSource): Promise<number> {
  using model = textModel()
  const trainer = createTrainer(model, source, { steps: 12, reportEvery: 4 })
  const shares: number[] = []
  trainer.on('report', ({ waiting }) => shares.push(waiting))
  const { waiting, seconds } = await trainer.fit()
  t.ok([...shares, waiting].every((share) => share >= 0 && share <= 1))
  t.ok(Math.min(...shares) <= waiting + 1e-9 && waiting <= Math.max(...shares) + 1e-9, 'a mean of the parts')
  return waiting * seconds
}

t.test('batches that come late', async (t) => {
  t.ok((await secondsWaited(delayed(() => sleep(100)))) > 0.05)
})

t.test('batches whose preparation keeps the thread', async (t) => {
  const busy = () => {
    for (const end = performance.now() + 100; performance.now() < end;);
  }
  t.ok((await secondsWaited(delayed(busy))) > 0.05)
})

t.test('a second fit counts its own', async (t) => {
  using model = textModel()
  const trainer = createTrainer(model, data, { steps: 5 })
  await trainer.fit()
  const { waiting, step } = await trainer.fit()
  t.same([step, waiting], [5, 0])
})
