// Models, plans and parameters.
import * as api from '../../src/index.js'
import type { GeneratingPlan } from '../../src/graph/plan.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'
import { tinyModel } from './worlds.js'

type AnyModel = api.Model
const dims = () => ({ length: 4, batch: 2 })
const model = (): AnyModel => tinyModel()
const dispose = (made: AnyModel): void => made.dispose()

function ofModel(name: keyof AnyModel & string, args: (made: AnyModel) => unknown[], more: Partial<AnyRecipe> = {}) {
  return method<AnyModel>('Model', name, model, args, { dispose, cost: 4, ...more })
}

function definition() {
  return {
    name: 'tiny',
    config: { a: 1 },
    inputs: { x: api.f32('batch', 3) },
    targets: { y: api.f32('batch', 2) },
    forward: ({ x }: { x: api.Tensor }) => ({ out: api.linear(x, { name: 'head', size: 2 }) }),
    loss: ({ out }: { out: api.Tensor }, { y }: { y: api.Tensor }) => api.meanSquare(out, y),
    smallest: { batch: 1 }
  }
}

const modelOptions = () => ({
  seed: 1,
  training: true,
  threads: 1,
  precision: 'f32',
  device: 'cpu',
  planMemory: 1e6,
  initialize: true
})

const models: AnyRecipe[] = [
  pure('defineModel', api.defineModel, () => [definition(), modelOptions()], {
    returns: 'Model',
    cost: 4,
    accepts: ['0.config*', '0.inputs.x.shape*', '0.targets.y.shape.*']
  }),
  pure(
    'defineModel',
    api.defineModel,
    () => {
      const { definition: text } = tinyModel()
      return [{ ...text, stream: { token: 'tokens', logits: 'logits' } }, modelOptions()]
    },
    { cost: 8, accepts: ['0.config*', '0.inputs.tokens.shape*', '0.targets.targets.shape.*'] }
  ),
  ...(
    [
      ['f32', api.f32],
      ['i32', api.i32]
    ] as const
  ).map(([name, spec]) =>
    // Any name may be that of a dim.
    pure(name, spec, () => ['batch', 3], {
      accepts: ['0=1', '0=7', '0=2^31-1', '1=string*', '1=huge string', '1=control characters', '1=lone surrogate']
    })
  ),
  ofModel(
    'plan',
    () => [dims(), { purpose: 'train', optimizer: 'adam', outputs: ['logits'], gradients: ['embedding.output'] }],
    { returns: 'Plan' }
  ),
  ofModel('lease', () => [dims(), { purpose: 'evaluate', outputs: ['logits'], gradients: ['head.output'] }], {
    returns: 'PlanLease'
  }),
  ofModel('record', () => [dims(), 'train'], { returns: 'Recording' }),
  ofModel(
    'compile',
    (made) => {
      const { graph, loss } = made.record(dims(), 'train')
      return [graph, { loss, optimizer: 'adam', threads: 1, gradients: ['embedding.output'], parameterGradients: true }]
    },
    { accepts: ['1.loss=null', '1.optimizer=null'] }
  ),
  ofModel(
    'stream',
    (made) => {
      using other = made.clone()
      const stream = other.stream()
      stream.feed([1, 2])
      return [{ seed: 1, temperature: 0.5, topK: 3, topP: 0.9, snapshot: stream.snapshot() }]
    },
    { returns: 'Stream', accepts: ['0.snapshot.ready=null'] }
  ),
  ofModel('ready', () => [{ signal: new AbortController().signal }]),
  ofModel('clone', () => []),
  ofModel('dispose', () => [])
]

interface PlanWorld {
  model: AnyModel
  plan: GeneratingPlan
}

const planWorld = (): PlanWorld => {
  const made = model()
  const plan = made.plan(dims(), { purpose: 'train', optimizer: 'adam' }) as unknown as GeneratingPlan
  return { model: made, plan }
}
const endPlan = ({ model: made }: PlanWorld): void => made.dispose()
const resetPlan = ({ model: made, plan }: PlanWorld): void => {
  if (plan.disposed) return
  made.parameters.initialize(5)
  made.parameters.clearOptimizer()
  plan.resetStates()
  plan.control.step = 0
}

function ofPlan(name: string, args: (world: PlanWorld) => unknown[], more: Partial<AnyRecipe> = {}): AnyRecipe {
  return recipe<PlanWorld>({
    name: `Plan.${name}`,
    setup: planWorld,
    args,
    call: ({ plan }, given) =>
      (plan as unknown as Record<string, (...values: unknown[]) => unknown>)[name]!.apply(plan, given),
    digest: ({ plan }) => (plan.disposed ? 'disposed' : plan.outputs),
    reset: resetPlan,
    dispose: endPlan,
    cost: 4,
    ...more
  })
}

const controlNames = [
  'seed',
  'step',
  'learningRate',
  'clipNorm',
  'beta1',
  'beta2',
  'epsilon',
  'weightDecay',
  'average',
  'counted',
  'l2',
  'nesterov',
  'decayAll'
] as const

/** A graph that draws a token, and the loop that feeds it to the input. */
function sampling(made: AnyModel): unknown[] {
  const { graph, inputs, outputs } = made.record({ length: 1, batch: 1 }, 'predict')
  const rows = graph.input('rows', [1, 4], 'i32')
  const sampled = api.ops.sample(outputs['logits']!, graph.input('control', [1, 4], 'f32'), 7, rows)
  graph.output('sampled', sampled)
  return [graph, { feeds: [[sampled, inputs['tokens']]], records: [sampled], rows, watched: sampled }]
}

const plans: AnyRecipe[] = [
  ofPlan('run', () => ['forward', { signal: new AbortController().signal }]),
  ofPlan('runAside', () => []),
  ofPlan('runSync', () => ['train']),
  ofPlan('resetStates', () => []),
  ofPlan('explain', () => []),
  ofPlan('dispose', () => [], { reset: () => {}, digest: () => '' }),
  recipe<AnyModel>({
    name: 'Plan.loop',
    setup: model,
    args: (made) => [...sampling(made), 3, -1, new Int32Array(new SharedArrayBuffer(16))],
    call: async (made, [graph, options, ...given]) => {
      type Loop = Record<'run' | 'runAsync', (...values: unknown[]) => unknown>
      const plan = made.compile(graph as api.Graph) as unknown as { loop(options: unknown): Loop }
      const loop = plan.loop(options)
      return [loop.run(...given), await loop.runAsync(...given)]
    },
    dispose,
    cost: 10
  }),
  recipe<PlanWorld>({
    name: 'PlanLease.release',
    setup: planWorld,
    args: () => [],
    call: ({ model: made }) => made.lease(dims()).release(),
    dispose: endPlan,
    cost: 4
  }),
  ...controlNames.map((name) =>
    recipe<PlanWorld>({
      name: `Control.${name}`,
      setup: planWorld,
      args: () => [0],
      call({ plan }, [value]) {
        plan.control[name] = value as number
        plan.runSync('train')
        return plan.control.loss
      },
      reset: resetPlan,
      dispose: endPlan,
      cost: 8
    })
  )
]

type Store = AnyModel['parameters']

function ofStore(
  name: keyof Store & string,
  args: (store: Store) => unknown[],
  more: Partial<AnyRecipe> = {}
): AnyRecipe {
  return recipe<AnyModel>({
    name: `ParameterStore.${name}`,
    setup: model,
    args: ({ parameters }) => args(parameters),
    call: ({ parameters }, given) => (parameters[name] as (...values: unknown[]) => unknown).apply(parameters, given),
    digest: ({ parameters }, result) => (parameters.disposed ? '' : [result, parameters.get('head.bias').data]),
    reset: (made) => {
      if (!made.parameters.disposed) made.parameters.initialize(5)
    },
    dispose,
    cost: 4,
    ...more
  })
}

const copies = (store: Store) => new Map(store.copies().map((tensor) => [tensor.name, tensor]))

const stores: AnyRecipe[] = [
  ofStore('addArena', () => ['average']),
  ofStore('has', () => ['head.bias']),
  ofStore('get', () => ['head.bias']),
  ofStore('copies', () => ['data']),
  ofStore('set', () => ['head.bias', new Float32Array(27).fill(0.5)]),
  ofStore('list', () => ['data']),
  ofStore('load', (store) => [copies(store), 'data']),
  ofStore('touch', () => []),
  ofStore('fetch', () => []),
  ofStore('initialize', () => [5]),
  ofStore('ready', () => [{ signal: new AbortController().signal }]),
  ofStore('settle', () => []),
  ofStore('clearOptimizer', () => []),
  ofStore(
    'setGroups',
    () => [[{ names: ['head.bias'], frozen: false, rate: 1, decay: { weightDecay: 0.1, l2: 0 }, skipped: 1 }]],
    { accepts: ['0.0.decay=null'] }
  ),
  ofStore('startAverage', () => []),
  ofStore('copyFrom', (store) => [store, 'data']),
  ofStore('dispose', () => [])
]

export const engineRecipes: AnyRecipe[] = [...models, ...plans, ...stores]
