// A new trainer begins with zero moments: a model that nobody has written to has them already, any other is cleared.

import t from 'tap'
import { createBatches, createTrainer, tokenSource, tokensOf, type Model } from '../../src/index.js'
import { alphabet, textModel } from '../text-model.js'

const source = () => tokenSource(createBatches(tokensOf(alphabet(12)), { batch: 2, length: 4, seed: 3 }))
const groups = ['grad', 'moment1', 'moment2', 'moment3'] as const
const begin = (model: Model) =>
  createTrainer(model, source(), { optimizer: { kind: 'adam', amsgrad: true }, steps: 1 }).snapshot()

t.test('a trainer of a model that nobody has written to takes no memory for its moments', async (t) => {
  using model = textModel({ hidden: 2048 })
  const before = process.memoryUsage.rss()
  createTrainer(model, source(), { steps: 1 })
  const grown = process.memoryUsage.rss() - before
  const moments = 2 * 4 * model.parameterCount
  t.ok(grown < moments / 2, `${grown} of ${moments} bytes`)
})

t.test('whatever has written gradients or moments, the next trainer begins with zeros', async (t) => {
  const writers: Record<string, (model: Model) => unknown> = {
    nobody: () => {},
    'a view that was taken before': (model) => {
      const views = [...model.parameters].flatMap((parameter) => groups.map((group) => parameter[group]))
      return () => views.forEach((view) => view?.fill(0.5))
    },
    load: (model) =>
      model.parameters.load(
        new Map([...model.parameters].map(({ name, shape, data }) => [name, { shape, data: data.slice().fill(1) }])),
        'moment2'
      ),
    'a fit': (model) => createTrainer(model, source(), { steps: 2 }).fit(),
    'a training run by hand': async (model) => {
      using plan = model.plan({ length: 4, batch: 2 })
      plan.control.learningRate = 0.1
      await plan.run('train')
    },
    'a run of gradients by hand': (model) => {
      using plan = model.plan({ length: 4, batch: 2 })
      plan.runSync('gradient')
    }
  }
  for (const [name, write] of Object.entries(writers)) {
    using model = textModel({ hidden: 8 })
    const later = await write(model)
    if (typeof later === 'function') later()
    const { moment1, moment2, moment3 } = begin(model)
    for (const { data } of [...moment1!, ...moment2!, ...moment3!])
      t.ok(
        data.every((value) => value === 0),
        name
      )
    t.ok(
      [...model.parameters].every(({ grad }) => grad!.every((value) => value === 0)),
      `${name}: gradients`
    )
  }
})
