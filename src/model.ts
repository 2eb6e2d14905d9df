// A model: a function from symbolic tensors to symbolic tensors, its parameters, and its plans, one per shape and purpose.
// It knows nothing of text, strokes or music: tasks and users bring the function.

import { boolean, checkObject, choice, filled, integer, list, made, nullable, number, object } from './check/index.js'
import {
  optional,
  options as optionsOf,
  record,
  seed as seedOf,
  string,
  syncFunction,
  type Check
} from './check/index.js'
import { GatecellError, show } from './errors.js'
import { checkGraph, Graph } from './graph/graph.js'
import type { ParameterSpec } from './graph/parameter-specs.js'
import { deviceNames, dtypes, optimizerNames } from './graph/opcodes.js'
import { operationsOf, ParameterStore } from './graph/parameters.js'
import { createPlan, precisionNames, type GeneratingPlan, type Plan, type PlanOptions } from './graph/plan.js'
import { PlanCache, type CacheOptions } from './graph/plan-cache.js'
import {
  checkDims,
  dimNamesOf,
  readShape,
  size,
  smallestDims,
  type Dims,
  type InputSpec,
  type Specs,
  type Symbols
} from './graph/specs.js'
import { type DType, type Shape } from './graph/shape.js'
import { tensor, type Tensor } from './graph/graph.js'
import type {
  Model,
  ModelDefinition,
  ModelOptions,
  ModelPlan,
  ModelPlanOptions,
  Purpose,
  Recording
} from './model-types.js'
import { createStream } from './generate/stream.js'

export { f32, i32, type Dims, type InputSpec, type Specs, type Symbols, type ViewsOf } from './graph/specs.js'
export type * from './model-types.js'

const readModelOptions = optionsOf<ModelOptions>({
  seed: optional(seedOf),
  training: optional(boolean),
  threads: optional(integer(0, 1024)),
  precision: optional(choice(...precisionNames)),
  device: optional(choice(...deviceNames)),
  planMemory: optional((value, name) => (value === Infinity ? value : number(0)(value, name))),
  initialize: optional(boolean)
})

const readPlanOptions = optionsOf<ModelPlanOptions>({
  purpose: optional(choice<Purpose>('train', 'evaluate', 'predict')),
  optimizer: optional(choice(...optimizerNames)),
  outputs: optional(list(string))
})
const checkPurpose = choice<Purpose>('train', 'evaluate', 'predict')
const readCompileOptions = optionsOf<NonNullable<Parameters<Model['compile']>[1]>>({
  loss: optional(nullable(tensor)),
  optimizer: optional(nullable(choice(...optimizerNames))),
  threads: optional(integer(0, 1024))
})
const readSpecs = record(object<InputSpec>({ dtype: choice(...(Object.keys(dtypes) as DType[])), shape: readShape }))
const readDefinition = object<ModelDefinition>({
  name: filled,
  config: (value, name) => (checkObject(value, name), value),
  inputs: readSpecs,
  targets: optional(readSpecs),
  forward: syncFunction(),
  loss: optional(syncFunction()),
  stream: optional(object<NonNullable<ModelDefinition['stream']>>({ token: filled, logits: filled })),
  smallest: optional(record(size))
})
const readOutputs = record(tensor)

const models = new WeakSet<Model>()
/** Throws ERR_INVALID_ARGUMENT for what `defineModel` did not return. */
export const checkModel: Check<Model> = made('a model', models)

/** Default of `planMemory`. */
const PLAN_MEMORY = 2 ** 29

/** Returns `definition`, typed by what it names. */
export function modelDefinition<I extends Specs, T extends Specs = Record<never, InputSpec>, O extends string = string>(
  definition: ModelDefinition<I, T, O>
): ModelDefinition<I, T, O> {
  return definition
}

/** Returns the parameters and carried states of a model by name, with their shapes, from a recording; allocates nothing for them. */
export function tensorsOf(definition: ModelDefinition, dims: Dims = {}) {
  const { graph } = recordModel(definition, { ...smallestDims(definition), ...dims }, 'train', undefined)
  const parameters: ReadonlyMap<string, Shape> = new Map(graph.parameters.map(({ name, shape }) => [name, shape]))
  const states: ReadonlyMap<string, Shape> = new Map([...graph.states].map(([name, { shape }]) => [name, shape]))
  return { parameters, states }
}

/**
 * Defines a model. Its parameters get their first values, a function of only (seed, name), when they are first wanted: see
 * `ready`.
 */
export function defineModel<I extends Specs, T extends Specs = Record<never, InputSpec>, O extends string = string>(
  givenDefinition: ModelDefinition<I, T, O>,
  modelOptions: ModelOptions = {}
): Model<I, T, O> {
  const options = readModelOptions(modelOptions, 'the options of defineModel')
  const { seed = 0, training = true, threads = 0, precision = 'f32', device = 'cpu', initialize = true } = options
  const { planMemory = PLAN_MEMORY } = options
  const definition = checkDefinition(givenDefinition) as unknown as typeof givenDefinition
  const names = dimNamesOf(definition)
  const inputNames = dimNamesOf({ inputs: definition.inputs })
  const readDims = (dims: Dims, purpose: Purpose) => checkDims(dims, purpose === 'predict' ? inputNames : names)
  const first = recordModel(definition, smallestDims(definition), 'train', undefined)
  const parameters = new ParameterStore(first.graph.parameters, { training })
  if (initialize) parameters.initialize(seed)

  const cache = new PlanCache(planMemory)
  const compiled = new Set<Plan>()
  const setting = { parameters, threads, precision, device }
  /** Reads the arguments of `plan` and `lease` once: the key of such plans, and how one is made. */
  const planned = (someDims: Dims, planOptions: ModelPlanOptions | undefined, name: string) => {
    const options = readPlanOptions(planOptions, `the options of ${name}`)
    const { purpose = 'train', optimizer = 'adam', outputs } = options
    const dims = readDims(someDims, purpose)
    const key = JSON.stringify([Object.values(dims), purpose, purpose === 'train' ? optimizer : null, outputs])
    return { key, make: (more: CacheOptions) => preparePlan(model, setting, more, dims, options) }
  }

  const model: Model<I, T, O> = {
    name: definition.name,
    config: definition.config,
    definition,
    parameters,
    parameterCount: parameters.count,
    threads,
    precision,
    device,
    dimNames: [...names],
    inputDimNames: [...inputNames],
    ready: (readyOptions) => parameters.ready(readyOptions),
    get planUsage() {
      return cache.usage
    },
    plan<P extends Purpose = 'train'>(dims: Dims, planOptions?: ModelPlanOptions<P>) {
      const { key, make } = planned(dims, planOptions, 'plan')
      return cache.shared(key, make) as Plan as ModelPlan<I, T, O, P>
    },
    lease<P extends Purpose = 'train'>(dims: Dims, planOptions?: ModelPlanOptions<P>) {
      const { key, make } = planned(dims, planOptions, 'lease')
      const { plan, release } = cache.lease(key, make)
      plan.resetStates()
      return { plan: plan as Plan as ModelPlan<I, T, O, P>, release, [Symbol.dispose]: release }
    },
    record(dims, purpose) {
      checkPurpose(purpose, 'the purpose')
      return recordModel(definition, readDims(dims, purpose), purpose, parameters.specs)
    },
    compile(graph, compileOptions) {
      checkGraph(graph, 'the graph')
      const plan = createPlan(graph, { ...setting, ...readCompileOptions(compileOptions, 'the options of compile') })
      for (const old of compiled) if (old.disposed) compiled.delete(old)
      compiled.add(plan)
      return plan
    },
    stream: (streamOptions) => createStream(model, streamOptions),
    clone() {
      const copy = defineModel(definition, { ...options, training: false, initialize: false })
      copy.parameters.copyFrom(parameters)
      return copy
    },
    dispose() {
      operationsOf(parameters).checkIdle('disposal')
      for (const plan of compiled) plan.dispose()
      compiled.clear()
      cache.dispose()
      parameters.dispose()
    },
    [Symbol.dispose]() {
      model.dispose()
    }
  }
  models.add(model)
  return Object.freeze(model)
}

function preparePlan<I extends Specs, T extends Specs, O extends string>(
  model: Model<I, T, O>,
  setting: Pick<PlanOptions, 'parameters' | 'threads' | 'precision' | 'device'>,
  more: CacheOptions,
  dims: Dims,
  { purpose = 'train', optimizer = 'adam', outputs: wanted }: ModelPlanOptions
): GeneratingPlan {
  const { graph, outputs, loss } = model.record(dims, purpose)
  for (const name of wanted ?? (purpose === 'predict' ? Object.keys(outputs) : [])) {
    const tensor = Object.hasOwn(outputs, name) ? (outputs as Record<string, Tensor>)[name] : undefined
    if (!tensor) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected one of ${Object.keys(outputs).join(', ')} as output but received ${show(name)}: name an output that forward returns.`
      )
    }
    graph.output(name, tensor)
  }
  if (purpose !== 'predict') {
    if (!loss)
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected a loss in the definition of "${model.name}" but there is none: define one, or use the purpose predict.`
      )
    graph.output('loss', loss)
  }
  return createPlan(graph, { ...setting, ...more, ...(purpose === 'train' && { loss, optimizer }) })
}

function recordModel<I extends Specs, T extends Specs, O extends string>(
  definition: ModelDefinition<I, T, O>,
  dims: Dims,
  purpose: Purpose,
  parameters: readonly ParameterSpec[] | undefined
): Recording<I, O> {
  const graph = new Graph({ training: purpose === 'train', ...(parameters && { parameters }) })
  const symbols = (specs: Specs) =>
    Object.fromEntries(
      Object.entries(specs).map(([name, { dtype, shape }]) => {
        const sizes = shape.map((dim) => (typeof dim === 'number' ? dim : dims[dim]!))
        return [name, graph.input(name, sizes, dtype)]
      })
    )
  const inputs = symbols(definition.inputs) as Symbols<I>
  const outputs = readOutputs(definition.forward(inputs, dims), 'the outputs of forward') as Record<O, Tensor>
  const wantsLoss = definition.loss !== undefined && purpose !== 'predict'
  const loss = wantsLoss
    ? tensor(definition.loss!(outputs, symbols(definition.targets ?? {}) as Symbols<T>, inputs), 'the loss')
    : null
  return { graph, inputs, outputs, loss }
}

/** Returns a copy; its functions keep their `this`. */
function checkDefinition(given: ModelDefinition): ModelDefinition {
  const read = readDefinition(given, 'the definition of the model')
  const { inputs, targets = {}, forward, loss } = read
  const twice = Object.keys(inputs).find((input) => Object.hasOwn(targets, input))
  if (twice !== undefined) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected inputs and targets of different names but both have "${twice}": rename one of them.`
    )
  }
  const bound = { forward: forward.bind(given), ...(loss && { loss: loss.bind(given) }) }
  return Object.freeze({ ...read, ...bound })
}
