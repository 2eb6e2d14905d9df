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
import { checkGraph, Graph, type ParameterSpec } from './graph/graph.js'
import { deviceNames, dtypes, optimizerNames, type Device, type OptimizerName } from './graph/opcodes.js'
import { ParameterStore, type ReadyOptions } from './graph/parameters.js'
import {
  createPlan,
  precisionNames,
  type GeneratingPlan,
  type Plan,
  type PlanOptions,
  type Precision
} from './graph/plan.js'
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
  type Symbols,
  type ViewsOf
} from './graph/specs.js'
import { tensor, type DType, type Shape, type Tensor } from './graph/tensor.js'
import type { JsonObject } from './io/json.js'
import { createStream } from './sample/stream.js'
import type { Stream, StreamOptions } from './sample/stream-types.js'

export { f32, i32, type Dims, type InputSpec, type Specs, type Symbols, type ViewsOf } from './graph/specs.js'

export interface ModelDefinition<I extends Specs = Specs, T extends Specs = Specs, O extends string = string> {
  /** The task's name; checkpoints carry it. */
  name: string
  /** Everything needed to define the model again; checkpoints carry it. */
  config: JsonObject
  inputs: I
  /** Inputs that only the loss reads. */
  targets?: T
  /** Records the model. Called once for every shape; must ask for the same parameters each time. */
  forward(inputs: Symbols<I>, dims: Dims): Record<O, Tensor>
  /** Records the loss: a tensor whose first element is minimised, the second (where there is one) says how many it is the mean of. */
  loss?(outputs: Record<O, Tensor>, targets: Symbols<T>, inputs: Symbols<I>): Tensor
  /** For models of token sequences: the int32 [length, batch] input and the logits output that `model.stream()` uses. */
  stream?: { token: keyof I & string; logits: O }
  /** Dims of the recording that finds the parameters; default 1 for every name. */
  smallest?: Dims
}

export interface ModelOptions {
  /** Seed of the parameters' first values; an integer in [0, 2^53), default 0. */
  seed?: number
  /** false: no memory for gradients and moments; the model can only evaluate and sample. */
  training?: boolean
  /** Threads of its plans; 0: the engine's (see setThreads), and one for streams. */
  threads?: number
  /** Operands of the LSTM products in all its plans; default 'f32'. */
  precision?: Precision
  /** Where its plans run; default 'cpu'. ERR_UNSUPPORTED where 'cuda' is not there or lacks an op. */
  device?: Device
  /**
   * Bytes that the plans of this model may keep together, default 512 MiB: beyond that, plans that ran longest ago give their
   * memory back and get it again at their next run. Results do not depend on it. One plan alone may take more.
   */
  planMemory?: number
  /** false: parameters start as zeros, for weights that are loaded next. */
  initialize?: boolean
}

/** 'train': loss with gradients; 'evaluate': loss without; 'predict': the outputs, without targets. */
export type Purpose = 'train' | 'evaluate' | 'predict'

export interface ModelPlanOptions<P extends Purpose = Purpose> {
  purpose?: P
  /** For 'train'. */
  optimizer?: OptimizerName
  /** Outputs to make readable; default: all for 'predict', none besides the loss for the others. */
  outputs?: readonly string[]
}

export interface Recording<I extends Specs = Specs, O extends string = string> {
  graph: Graph
  inputs: Symbols<I>
  outputs: Record<O, Tensor>
  loss: Tensor | null
}

type OutputViews<O extends string> = { [K in O]: Float32Array }

/** The plan of a model for a purpose; one to predict has neither targets nor a loss. */
export type ModelPlan<I extends Specs, T extends Specs, O extends string, P extends Purpose> = P extends 'predict'
  ? Plan<ViewsOf<I>, OutputViews<O>>
  : Plan<ViewsOf<I> & ViewsOf<T>, OutputViews<O | 'loss'>>

/** A plan that belongs to one operation until `release`. */
export interface PlanLease<P extends Plan = Plan> extends Disposable {
  readonly plan: P
  /** Gives the plan back for the next lease of its shape; call it after the last run has ended. */
  release(): void
}

export interface Model<I extends Specs = Specs, T extends Specs = Specs, O extends string = string> extends Disposable {
  readonly name: string
  readonly config: JsonObject
  readonly definition: ModelDefinition<I, T, O>
  readonly parameters: ParameterStore
  /**
   * Computes the first values of the weights, which a new model does not have yet, without holding the event loop; fits, evaluations,
   * `plan.run` and streams call it by themselves. Synchronous access computes them at once, and throws ERR_NOT_READY where that
   * would take longer than about a second. Throws ERR_ABORTED, ERR_DISPOSED and ERR_OUT_OF_MEMORY.
   */
  ready(options?: ReadyOptions): Promise<void>
  /** Number of weights. */
  readonly parameterCount: number
  readonly threads: number
  readonly precision: Precision
  readonly device: Device
  /** Number of plans that have native memory now, and the bytes of all plans: their own, and the block that they share, without packed weights. */
  readonly planUsage: { readonly plans: number; readonly bytes: number }
  /** Names of the dims of inputs and targets, which `plan`, `lease` and `record` take to train and to evaluate. */
  readonly dimNames: readonly string[]
  /** Names of the dims of the inputs, which they take to predict. */
  readonly inputDimNames: readonly string[]
  /**
   * The plan for one shape and purpose; made at the first call, then kept (see `planMemory`). Every caller gets the same plan with the same
   * inputs: code that awaits between writing inputs and reading outputs takes a `lease` instead.
   */
  plan<P extends Purpose = 'train'>(dims: Dims, options?: ModelPlanOptions<P>): ModelPlan<I, T, O, P>
  /** A plan for one shape and purpose that nobody else has, carried states zero. Idle plans of earlier leases are reused. */
  lease<P extends Purpose = 'train'>(dims: Dims, options?: ModelPlanOptions<P>): PlanLease<ModelPlan<I, T, O, P>>
  /** Records the model's function for `dims`, to compile with additions of your own. */
  record(dims: Dims, purpose: Purpose): Recording<I, O>
  /** Compiles a recording; the model disposes of the plan when it goes. */
  compile(
    graph: Graph,
    options?: { loss?: Tensor | null; optimizer?: OptimizerName | null; threads?: number }
  ): GeneratingPlan
  /** A stream that owns its state and steps in microseconds. */
  stream(options?: StreamOptions): Stream
  /**
   * A copy for sampling while this one trains, with the weights as they are after one step. Synchronous: about 8 ms of the calling thread
   * for a million weights, most of it for memory that the system hands out, so that a large model is cloned where a pause does no harm.
   */
  clone(): Model<I, T, O>
  /** Frees all native memory. Throws ERR_BUSY, before anything is freed, while an operation on the model is under way. */
  dispose(): void
}

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
 * Defines a model. Its parameters get their first values, a function of (seed, name) alone, when they are first wanted: see
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
      parameters.operations.checkIdle('disposal')
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
