// A model: a function from symbolic tensors to symbolic tensors, its parameters, and its plans, one per shape and purpose. Tasks and users
// provide the function; nothing here depends on text, strokes or music.

import { boolean, checkObject, choice, filled, integer, list, made, nullable, number, object } from './check/index.js'
import { optional, options as optionsOf, record, seed as seedOf, string } from './check/index.js'
import { syncFunction, type Check } from './check/index.js'
import { expected } from './errors.js'
import { checkGraph, Graph, tensor, type Tensor } from './graph/graph.js'
import type { ParameterSpec } from './graph/parameter-specs.js'
import { deviceNames, dtypes, optimizerNames, precisionNames } from './graph/opcodes.js'
import { operationsOf, ParameterStore } from './graph/parameters.js'
import { createPlan, type GeneratingPlan, type Plan, type PlanOptions } from './graph/plan.js'
import { PlanCache, type CacheOptions } from './graph/plan-cache.js'
import { tensorsCalled } from './graph/plan-views.js'
import { nameOutputs } from './graph/tensor-names.js'
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
import type {
  CompileOptions,
  Model,
  ModelDefinition,
  ModelOptions,
  ModelPlanOptions,
  PlanLease,
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
  outputs: optional(list(string)),
  gradients: optional(list(string))
})
const checkPurpose = choice<Purpose>('train', 'evaluate', 'predict')
const readCompileOptions = optionsOf<CompileOptions>({
  loss: optional(nullable(tensor)),
  optimizer: optional(nullable(choice(...optimizerNames))),
  threads: optional(integer(0, 1024)),
  gradients: optional(list(string)),
  parameterGradients: optional(boolean)
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
/** Checks that a value is a model: an object that `defineModel` returned. */
export const checkModel: Check<Model> = made('a model', models)

/** Default of `planMemory`. */
const PLAN_MEMORY = 2 ** 29

/** Returns `definition`, with the types that follow from its inputs, targets and outputs. */
export function modelDefinition<I extends Specs, T extends Specs = Record<never, InputSpec>, O extends string = string>(
  definition: ModelDefinition<I, T, O>
): ModelDefinition<I, T, O> {
  return definition
}

/** Returns the shapes of the parameters and carried states of a model by name, from a recording; no memory is allocated for them. */
export function tensorsOf(definition: ModelDefinition, dims: Dims = {}) {
  const { graph } = recordModel(definition, { ...smallestDims(definition), ...dims }, 'train', undefined)
  const shapes = (all: Iterable<readonly [string, { shape: Shape }]>): ReadonlyMap<string, Shape> =>
    new Map([...all].map(([name, { shape }]) => [name, shape]))
  return { parameters: shapes(graph.parameters.map((one) => [one.name, one])), states: shapes(graph.states) }
}

/** Returns the recording of a model's function to predict; no memory is allocated for its parameters. */
export function recordOf(definition: ModelDefinition, dims: Dims): Recording {
  return recordModel(definition, dims, 'predict', undefined)
}

/**
 * Creates a model from its definition: records its function once to find its parameters, and allocates them. Their first values, a function of only
 * (seed, name), are computed later; see `Model.ready`. Throws ERR_INVALID_ARGUMENT if a part of the definition or an option is not valid,
 * ERR_OUT_OF_MEMORY, and the errors of the ops that `forward` and `loss` record.
 * @example
 * const model = defineModel({
 *   name: 'series',
 *   config: {},
 *   inputs: { x: f32('length', 'batch', 1) },
 *   targets: { y: f32('length', 'batch', 1) },
 *   forward: ({ x }) => ({ next: linear(lstm(x, { name: 'lstm', hidden: 16 }).output, { name: 'head', size: 1 }) }),
 *   loss: ({ next }, { y }) => meanSquare(next, y)
 * })
 */
export function defineModel<I extends Specs, T extends Specs = Record<never, InputSpec>, O extends string = string>(
  givenDefinition: ModelDefinition<I, T, O>,
  modelOptions: ModelOptions = {}
): Model<I, T, O> {
  const options = readModelOptions(modelOptions, 'the options of defineModel')
  const { seed = 0, training = true, threads = 0, precision = 'f32', device = 'cpu', initialize = true } = options
  const definition = checkDefinition(givenDefinition) as unknown as typeof givenDefinition
  const first = recordModel(definition, smallestDims(definition), 'train', undefined)
  const parameters = new ParameterStore(first.graph.parameters, { training })
  if (initialize) parameters.initialize(seed)
  const { planMemory = PLAN_MEMORY } = options
  const plans = new ModelPlans(definition, { parameters, threads, precision, device }, planMemory)

  const model: Model<I, T, O> = {
    name: definition.name,
    config: definition.config,
    definition,
    parameters,
    parameterCount: parameters.count,
    threads,
    precision,
    device,
    dimNames: [...dimNamesOf(definition)],
    inputDimNames: [...dimNamesOf({ inputs: definition.inputs })],
    ready: (readyOptions) => parameters.ready(readyOptions),
    get planUsage() {
      return plans.usage
    },
    // The types of a plan's views follow from the options, which only the interface states.
    plan: (dims, planOptions) => plans.shared(dims, planOptions) as never,
    lease: (dims, planOptions) => plans.lease(dims, planOptions) as never,
    record: (dims, purpose) => plans.record(dims, checkPurpose(purpose, 'the purpose')),
    compile: (graph, compileOptions) => plans.compile(graph, compileOptions),
    stream: (streamOptions) => createStream(model, streamOptions),
    clone() {
      const copy = defineModel(definition, { ...options, training: false, initialize: false })
      copy.parameters.copyFrom(parameters)
      return copy
    },
    dispose() {
      operationsOf(parameters).checkIdle('disposal')
      plans.dispose()
      parameters.dispose()
    },
    [Symbol.dispose]() {
      model.dispose()
    }
  }
  models.add(model)
  return Object.freeze(model)
}

type Setting = Pick<PlanOptions, 'parameters' | 'threads' | 'precision' | 'device'>

/** The plans of one model. */
class ModelPlans<I extends Specs, T extends Specs, O extends string> {
  readonly #definition: ModelDefinition<I, T, O>
  readonly #setting: Setting
  readonly #cache: PlanCache
  /** Plans of recordings with additions by the caller. */
  readonly #compiled = new Set<Plan>()

  constructor(definition: ModelDefinition<I, T, O>, setting: Setting, planMemory: number) {
    this.#definition = definition
    this.#setting = setting
    this.#cache = new PlanCache(planMemory)
  }

  get usage(): Model['planUsage'] {
    return this.#cache.usage
  }

  record(dims: Dims, purpose: Purpose): Recording<I, O> {
    return recordModel(this.#definition, this.#checkDims(dims, purpose), purpose, this.#setting.parameters.specs)
  }

  shared(dims: Dims, options: ModelPlanOptions | undefined): Plan {
    const { key, make } = this.#planned(dims, options, 'plan')
    return this.#cache.shared(key, make)
  }

  lease(dims: Dims, options: ModelPlanOptions | undefined): PlanLease {
    const { key, make } = this.#planned(dims, options, 'lease')
    const { plan, release } = this.#cache.lease(key, make)
    plan.resetStates()
    return { plan, release, [Symbol.dispose]: release }
  }

  compile(graph: Graph, options: CompileOptions | undefined): GeneratingPlan {
    checkGraph(graph, 'the graph')
    const { gradients, ...read } = readCompileOptions(options, 'the options of compile')
    const plan = createPlan(graph, { ...this.#setting, ...read, gradients: tensorsCalled(graph, gradients) })
    for (const old of this.#compiled) if (old.disposed) this.#compiled.delete(old)
    this.#compiled.add(plan)
    return plan
  }

  dispose(): void {
    for (const plan of this.#compiled) plan.dispose()
    this.#compiled.clear()
    this.#cache.dispose()
  }

  #checkDims(dims: Dims, purpose: Purpose): Dims {
    const { inputs } = this.#definition
    return checkDims(dims, dimNamesOf(purpose === 'predict' ? { inputs } : this.#definition))
  }

  /** Reads the arguments of `plan` and `lease` once; returns the key of such plans and the function that makes one. */
  #planned(someDims: Dims, planOptions: ModelPlanOptions | undefined, name: string) {
    const options = readPlanOptions(planOptions, `the options of ${name}`)
    const { purpose = 'train', optimizer = 'adam', outputs, gradients } = options
    const dims = this.#checkDims(someDims, purpose)
    const update = purpose === 'train' ? optimizer : null
    const key = JSON.stringify([Object.values(dims), purpose, update, outputs, gradients])
    return { key, make: (more: CacheOptions) => this.#make(more, dims, options) }
  }

  #make(more: CacheOptions, dims: Dims, options: ModelPlanOptions): GeneratingPlan {
    const { purpose = 'train', optimizer = 'adam', outputs: wanted, gradients: names = [] } = options
    const { graph, outputs, loss } = this.record(dims, purpose)
    for (const name of wanted ?? (purpose === 'predict' ? Object.keys(outputs) : []))
      graph.output(name, graph.tensor(name))
    if (purpose !== 'predict') {
      if (!loss) {
        const where = `a loss in the definition of "${this.#definition.name}"`
        throw expected('ERR_INVALID_ARGUMENT', where, 'none', 'define one, or use the purpose predict')
      }
      graph.output('loss', loss)
    }
    const gradients = tensorsCalled(graph, names)
    const settings = { ...this.#setting, ...more, gradients }
    if (purpose === 'train') return createPlan(graph, { ...settings, loss, optimizer })
    const observes = purpose === 'evaluate' && names.length > 0
    return createPlan(graph, { ...settings, ...(observes && { loss, parameterGradients: false }) })
  }
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
  nameOutputs(graph, outputs)
  const wantsLoss = definition.loss !== undefined && purpose !== 'predict'
  const loss = wantsLoss
    ? tensor(definition.loss!(outputs, symbols(definition.targets ?? {}) as Symbols<T>, inputs), 'the loss')
    : null
  return { graph, inputs, outputs, loss }
}

/** Returns a checked copy of a definition; its functions keep their `this`. */
function checkDefinition(given: ModelDefinition): ModelDefinition {
  const read = readDefinition(given, 'the definition of the model')
  const { inputs, targets = {}, forward, loss } = read
  const twice = Object.keys(inputs).find((input) => Object.hasOwn(targets, input))
  if (twice !== undefined) {
    const found = `"${twice}" in both`
    throw expected('ERR_INVALID_ARGUMENT', 'inputs and targets of different names', found, 'rename one of them')
  }
  const bound = { forward: forward.bind(given), ...(loss && { loss: loss.bind(given) }) }
  return Object.freeze({ ...read, ...bound })
}
