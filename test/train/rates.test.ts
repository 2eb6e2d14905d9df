// A schedule as a function: the rates of the steps, resume, refusals.
import t from 'tap'
import { createTrainer, type TrainerOptions } from '../../src/index.js'
import { noise, textModel, trainingData } from '../text-model.js'
import { snapshotOf } from './snapshots.js'

const data = trainingData(noise(400))
const rateOf = (step: number) => 0.01 / (step + 1)

t.test('its rates are those of the steps, also after a resume, which needs the function again', async (t) => {
  using model = textModel()
  const rates: number[] = []
  const run = async (options: TrainerOptions) => {
    const trainer = createTrainer(model, data, {
      reportEvery: 1,
      optimizer: { kind: 'sgd', learningRate: 7 },
      ...options
    })
    trainer.on('report', ({ learningRate }) => rates.push(learningRate))
    await trainer.fit()
    return trainer
  }
  const first = await run({ steps: 2, schedule: rateOf })
  const resume = snapshotOf(first)
  t.throws(() => createTrainer(model, data, { resume, optimizer: { kind: 'sgd' } }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /pass it again as `schedule`/
  })
  await run({ steps: 4, schedule: rateOf, resume })
  t.same(rates, [0, 1, 2, 3].map(rateOf))
  await run({ steps: 5, schedule: { kind: 'constant' }, resume })
  t.equal(rates.at(-1), 7, 'another schedule takes its place')
})

t.test('rates that are negative, no numbers or not finite are refused before the step', async (t) => {
  for (const bad of [-1, NaN, Infinity, '1', undefined, Promise.resolve(1)]) {
    using model = textModel()
    const trainer = createTrainer(model, data, { steps: 2, schedule: (() => bad) as unknown as () => number })
    await t.rejects(trainer.fit(), { code: 'ERR_INVALID_ARGUMENT' })
    t.equal(trainer.progress.step, 0)
  }
})
