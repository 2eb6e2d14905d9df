// Trainers and evaluations.
import * as api from '../../src/index.js'
import { pure, recipe, type AnyRecipe } from './recipe.js'
import { isPlain } from './values.js'
import { heldOut, source, tinyModel } from './worlds.js'

type AnyModel = api.Model
const dims = () => ({ length: 4, batch: 2 })
const model = (): AnyModel => tinyModel()
const dispose = (made: AnyModel): void => made.dispose()

const trainerOptions = () => ({
  optimizer: {
    kind: 'adam',
    learningRate: 0.01,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    amsgrad: true,
    weightDecay: 0.1,
    decays: 'all'
  },
  schedule: { kind: 'cosine', warmup: 1, final: 0.1 },
  clip: 1,
  seed: 1,
  steps: 2,
  epochs: 1,
  timeLimit: 1000,
  validation: heldOut(),
  validateEvery: 2,
  patience: 3,
  reportEvery: 1,
  checkpoint: () => {},
  checkpointEvery: 2,
  accumulate: 2,
  groups: [
    { parameters: 'head.*', rate: 0.5, weightDecay: 0.1 },
    { parameters: ['embedding.*'], frozen: true }
  ],
  metrics: { accuracy: api.accuracy() },
  monitor: 'accuracy',
  better: 'higher'
})

export const trainRecipes: AnyRecipe[] = [
  recipe<AnyModel>({
    name: 'createTrainer',
    setup: model,
    args: (made) => [made, source(), trainerOptions()],
    call: (_, [made, data, options]) =>
      api.createTrainer(made as AnyModel, data as api.BatchSource, options as api.TrainerOptions),
    digest: (_, result) => (result as api.Trainer).progress,
    dispose,
    returns: 'Trainer',
    cost: 10
  }),
  recipe<AnyModel>({
    name: 'createTrainer',
    setup: model,
    args: (made) => {
      const optimizer = { kind: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true } as const
      const first = api.createTrainer(made, source(), { optimizer, steps: 1 }).snapshot()
      const named = (list: api.NamedTensor[]) =>
        new Map(list.map((tensor) => [tensor.name, { ...tensor, data: tensor.data.slice() }]))
      const resume = {
        progress: first.progress,
        weights: named(first.weights),
        moment1: named(first.moment1!),
        state: named(first.state!)
      }
      const schedule = { kind: 'plateau', factor: 0.5, patience: 2, threshold: 0.1, minimum: 0.01 }
      return [made, source(), { optimizer, schedule, validation: heldOut(), steps: 3, resume }]
    },
    call: (_, [made, data, options]) =>
      api.createTrainer(made as AnyModel, data as api.BatchSource, options as api.TrainerOptions),
    digest: (_, result) => (result as api.Trainer).progress,
    dispose,
    cost: 12
  }),
  recipe<AnyModel>({
    name: 'createTrainer',
    setup: model,
    args: (made) => [
      made,
      source(),
      {
        optimizer: { kind: 'rmsprop', alpha: 0.9, epsilon: 1e-6 },
        schedule: { kind: 'step', every: 2, factor: 0.5 },
        shards: 2,
        steps: 2,
        reportEvery: 1,
        validation: heldOut(),
        validateEvery: 2,
        checkpoint: () => {},
        checkpointEvery: 1
      }
    ],
    // The reports are left after the third: a fit of 2^32 steps would still be under way during later calls.
    call: (_, [made, data, options]) =>
      api.createTrainer(made as AnyModel, data as api.BatchSource, options as api.TrainerOptions).reports(),
    digest: (_, reports) => (reports as api.Report[]).map(({ step, loss, gradNorm }) => [step, loss, gradNorm]),
    reset: (made) => made.parameters.disposed || made.parameters.initialize(5),
    dispose,
    cost: 20
  }),
  ...(['fit', 'reports'] as const).map((name) =>
    recipe<AnyModel>({
      name: `Trainer.${name}`,
      setup: model,
      args: () => [{ signal: new AbortController().signal, onAbort: 'return' }],
      call: (made, [options]) =>
        api.createTrainer(made, source(), { steps: 2, reportEvery: 1 })[name](options as api.FitOptions),
      digest: () => '',
      reset: (made) => made.parameters.disposed || made.parameters.initialize(5),
      dispose,
      cost: 20
    })
  ),
  recipe<AnyModel>({
    name: 'Trainer.fit',
    setup: model,
    args: () => {
      const batch = {
        inputs: { tokens: new Int32Array(8), targets: new Int32Array(8) },
        epoch: 0,
        cursor: 1,
        reset: true,
        count: 8,
        dims: dims()
      }
      return [{ dims: dims(), stepsPerEpoch: 5, batches: () => [batch] }, batch]
    },
    call: (made, [data, batch]) => {
      // Proxies are passed on as they are: here a trap, or that one was revoked, would throw outside of the product.
      const hostile = isPlain(data) ? { ...data, batches: () => [batch] } : data
      return api.createTrainer(made, hostile as api.BatchSource, { steps: 2 }).fit()
    },
    digest: () => '',
    reset: (made) => made.parameters.disposed || made.parameters.initialize(5),
    dispose,
    accepts: ['0.batches*', '1.cursor*'],
    cost: 20
  }),
  recipe<AnyModel>({
    name: 'Trainer.snapshot',
    setup: model,
    args: () => [],
    call: (made) => api.createTrainer(made, source(), { steps: 2 }).snapshot(),
    digest: () => '',
    dispose,
    cost: 20
  }),
  recipe<AnyModel>({
    name: 'Trainer.setGroups',
    setup: model,
    args: () => [[{ parameters: 'head.*', rate: 0.5, weightDecay: 0.1 }]],
    call: (made, [groups]) =>
      api.createTrainer(made, source(), { steps: 2 }).setGroups(groups as readonly api.TrainingGroup[]),
    digest: () => '',
    dispose,
    cost: 20
  }),
  recipe<AnyModel>({
    name: 'initializeFrom',
    setup: model,
    args: (made) => [
      made,
      new Map(made.parameters.copies().map((tensor) => [tensor.name, tensor])),
      {
        rows: [
          {
            parameters: ['head.bias'],
            from: [...'abcdefghijklmnopqrstuvwxyz '],
            to: [...'abcdefghijklmnopqrstuvwxyz ']
          },
          { parameters: ['lstm.weight_ih_l0'], from: ['a', 'b'], to: ['b', 'a'], firstColumn: 10 }
        ],
        signal: new AbortController().signal
      }
    ],
    call: (_, given) => api.initializeFrom(...(given as Parameters<typeof api.initializeFrom>)),
    digest: (made, result) => (made.parameters.disposed ? '' : [result, made.parameters.get('head.bias').data]),
    reset: (made) => made.parameters.disposed || made.parameters.initialize(5),
    dispose,
    cost: 20
  }),
  recipe<AnyModel>({
    name: 'createTrainer',
    setup: model,
    args: (made) => [made, source(), { steps: 2, schedule: (step: number) => 0.01 / (step + 1) }],
    call: (_, [made, data, options]) =>
      api.createTrainer(made as AnyModel, data as api.BatchSource, options as api.TrainerOptions),
    digest: (_, result) => (result as api.Trainer).progress,
    dispose,
    cost: 10
  }),
  pure('accuracy', api.accuracy, () => [{ logits: 'logits', targets: 'targets', ignore: -1 }], { digest: () => '' }),
  pure('f1', api.f1, () => [{ logits: 'logits', targets: 'targets', ignore: -1, positive: 1 }], { digest: () => '' }),
  pure('perplexity', api.perplexity, () => [], { digest: () => '' }),
  recipe<AnyModel>({
    name: 'evaluate',
    setup: model,
    args: (made) => [
      made,
      heldOut(),
      { signal: new AbortController().signal, metrics: { perplexity: api.perplexity() } }
    ],
    call: (_, given) => api.evaluate(...(given as Parameters<typeof api.evaluate>)),
    dispose,
    cost: 20
  })
]
