// Interfaces of models: definition, options, plans and methods. defineModel (model.ts) makes a model.

import type { Graph } from './graph/graph.js'
import type { Device, OptimizerName, Precision } from './graph/opcodes.js'
import type { ReadyOptions } from './graph/first-values.js'
import type { ParameterStore } from './graph/parameters.js'
import type { GeneratingPlan, Plan } from './graph/plan-types.js'
import type { Dims, Specs, Symbols, ViewsOf } from './graph/specs.js'
import type { Tensor } from './graph/graph.js'
import type { JsonObject } from './io/json.js'
import type { Stream, StreamOptions } from './generate/stream-types.js'

/**
 * The definition of a model. `I`, `T`: the descriptions of inputs and targets; `O`: the names of the outputs.
 */
export interface ModelDefinition<I extends Specs = Specs, T extends Specs = Specs, O extends string = string> {
  /** The name of the task. Checkpoints store it, and are refused for a model of another task. */
  name: string
  /** The settings from which the model can be defined again. Checkpoints store them. */
  config: JsonObject
  /** Inputs by name, as `f32` and `i32` describe them. */
  inputs: I
  /** Further inputs, which only the loss reads. Default: none. */
  targets?: T
  /** Records the model and returns its outputs by name. It is called once for every shape, and must use the same parameters each time. */
  forward(inputs: Symbols<I>, dims: Dims): Record<O, Tensor>
  /**
   * Returns the loss, shape [1] or [2]. Element 0 is minimised. Element 1, if present, is the number of targets of which element 0 is the
   * mean; evaluations weight batches by it. Default: the model has no loss and can only predict.
   */
  loss?(outputs: Record<O, Tensor>, targets: Symbols<T>, inputs: Symbols<I>): Tensor
  /** For models of token sequences: the int32 [length, batch] input and the logits output that `model.stream()` uses. */
  stream?: { token: keyof I & string; logits: O }
  /** Dims of the recording that finds the parameters. Default: 1 for every name. */
  smallest?: Dims
}

/** Options of `defineModel`. */
export interface ModelOptions {
  /** Seed of the first values of the parameters, an integer in [0, 2^53). Default 0. */
  seed?: number
  /** Whether there is memory for gradients and moments; without it the model can only evaluate and sample. Default true. */
  training?: boolean
  /** Threads of the plans, 0 to 1024. Default 0: as many as the engine has (see setThreads), and one for streams. */
  threads?: number
  /** Format of the operands of LSTM products in all plans. Default 'f32'. */
  precision?: Precision
  /** Device of the plans. Default 'cpu'. A plan for 'cuda' throws ERR_UNSUPPORTED if there is no GPU or the device library lacks an op. */
  device?: Device
  /**
   * Bytes that the plans of this model may keep together, at least 0. Default 512 MiB. Beyond that, the least recently used plans lose their
   * memory, which is allocated again at their next run. Results do not depend on it. A single plan may take more.
   */
  planMemory?: number
  /** Whether parameters get first values; otherwise they are zeros, for weights that are loaded next. Default true. */
  initialize?: boolean
}

/** 'train': loss with gradients; 'evaluate': loss without; 'predict': the outputs, without targets. */
export type Purpose = 'train' | 'evaluate' | 'predict'

/** Options of `model.plan` and `model.lease`. */
export interface ModelPlanOptions<P extends Purpose = Purpose, N extends string = string, G extends string = string> {
  /** Default 'train'. */
  purpose?: P
  /** The update of a plan to train. Default 'adam'. */
  optimizer?: OptimizerName
  /**
   * Names of the tensors that `plan.outputs` has: outputs of `forward`, inputs, and all tensors that a layer or `graph.name` has named, such
   * as `lstm.hidden_l0` or `lstm.forget_gate_l0`. A plan with a loss has it as the output `loss`, too. Default: the outputs of `forward` for
   * 'predict', none for the other purposes.
   */
  outputs?: readonly N[]
  /**
   * Names of float32 tensors whose gradients `plan.gradients` has after a run of the mode 'gradient' or 'train': inputs and the tensors that
   * `outputs` takes, except cells and gates. With the purpose 'evaluate' a gradient run computes only these, without dropout: it leaves the
   * parameters' gradients as they are, and may run while the model trains or was made without memory for training. Not for 'predict', which
   * has no loss. Default: none.
   */
  gradients?: readonly G[]
}

/** A recording of a model's function for one shape and purpose. */
export interface Recording<I extends Specs = Specs, O extends string = string> {
  graph: Graph
  inputs: Symbols<I>
  outputs: Record<O, Tensor>
  /** Null for the purpose 'predict' and for models without a loss. */
  loss: Tensor | null
}

/** The outputs of a plan by name, as views of its memory. */
export type OutputViews<O extends string> = { [K in O]: Float32Array }

/** The plan of a model for a purpose, with the outputs O and the gradients G; one to predict has neither targets nor a loss. */
export type ModelPlan<
  I extends Specs,
  T extends Specs,
  O extends string,
  P extends Purpose,
  G extends string = never
> = P extends 'predict'
  ? Plan<ViewsOf<I>, OutputViews<O>, G>
  : Plan<ViewsOf<I> & ViewsOf<T>, OutputViews<O | 'loss'>, G>

/** A plan that belongs to one operation until `release`. */
export interface PlanLease<P extends Plan = Plan> extends Disposable {
  readonly plan: P
  /** Gives the plan back for the next lease of its shape. Call it after the last run has ended. */
  release(): void
}

/** Options of `model.compile`. */
export interface CompileOptions {
  /** Tensor whose first element is minimised, or of which gradients are computed. Default null: the plan computes no gradients. */
  loss?: Tensor | null
  /** Update of the modes 'train' and 'update'. Default null: no updates. */
  optimizer?: OptimizerName | null
  /** Number of threads, from 0 to 1024. Default: that of the model. */
  threads?: number
  /** Names of float32 tensors of the graph whose gradients `plan.gradients` has after a gradient run. Default: none. */
  gradients?: readonly string[]
  /** Whether a gradient run also computes the gradients of parameters, with dropout. Default true. */
  parameterGradients?: boolean
}

/** A model: a definition with parameters and plans; `defineModel` makes it. */
export interface Model<I extends Specs = Specs, T extends Specs = Specs, O extends string = string> extends Disposable {
  readonly name: string
  readonly config: JsonObject
  readonly definition: ModelDefinition<I, T, O>
  /** The parameters by name, with their values and gradients. */
  readonly parameters: ParameterStore
  /**
   * Computes the first values of the weights, which a new model does not have yet, without blocking the event loop; fits, evaluations,
   * `plan.run` and streams call it by themselves. A synchronous access computes them at once, and throws ERR_NOT_READY if that would take
   * longer than about a second. Throws ERR_ABORTED if `options.signal` is aborted, ERR_DISPOSED, and ERR_OUT_OF_MEMORY.
   */
  ready(options?: ReadyOptions): Promise<void>
  /** Number of weights. */
  readonly parameterCount: number
  readonly threads: number
  readonly precision: Precision
  readonly device: Device
  /**
   * Number of plans that have native memory now, and the bytes of all plans: those of each plan and the block that they share, without packed
   * weights.
   */
  readonly planUsage: { readonly plans: number; readonly bytes: number }
  /** Names of the dims of inputs and targets, which `plan`, `lease` and `record` take to train and to evaluate. */
  readonly dimNames: readonly string[]
  /** Names of the dims of the inputs, which `plan`, `lease` and `record` take to predict. */
  readonly inputDimNames: readonly string[]
  /**
   * Returns the plan for one shape and purpose, which is made at the first call and then kept (see `planMemory`). Every caller gets the same
   * plan with the same inputs: code that awaits between writing inputs and reading outputs takes a `lease` instead. Throws
   * ERR_INVALID_SHAPE if a dim is missing, unknown or not an integer of at least 1, ERR_INVALID_ARGUMENT if an option is not valid or the
   * model has no loss for the purpose, and the errors of `createPlan`.
   * @example
   * const plan = model.plan({ length: 20, batch: 4 }, { purpose: 'predict' })
   * plan.inputs.x.fill(1)
   * await plan.run()
   * console.log(plan.outputs.next)
   */
  plan<P extends Purpose = 'train', N extends string = O, G extends string = never>(
    dims: Dims,
    options?: ModelPlanOptions<P, N, G>
  ): ModelPlan<I, T, N, P, G>
  /**
   * Returns a plan for one shape and purpose without other users, with carried states of zero. Plans of earlier leases are reused. Throws the errors
   * of `plan`.
   */
  lease<P extends Purpose = 'train', N extends string = O, G extends string = never>(
    dims: Dims,
    options?: ModelPlanOptions<P, N, G>
  ): PlanLease<ModelPlan<I, T, N, P, G>>
  /** Records the model's function for `dims`, to compile it with additions by the caller. */
  record(dims: Dims, purpose: Purpose): Recording<I, O>
  /**
   * Compiles a recording, for example to read gradients of a figure of the caller's own. The plan is disposed of together with the model.
   * Throws ERR_INVALID_ARGUMENT if an option is not valid, and the errors of `createPlan`.
   * @example
   * const { graph, outputs } = model.record({ length: 20, batch: 1 }, 'predict')
   * const loss = graph.name('sum of squares', ops.sum(ops.mul(outputs.next, outputs.next)))
   * const plan = model.compile(graph, { loss, gradients: ['x'], parameterGradients: false })
   */
  compile(graph: Graph, options?: CompileOptions): GeneratingPlan
  /** Creates a stream of tokens, which owns its state and steps in microseconds. Throws ERR_UNSUPPORTED if the definition has no `stream`. */
  stream(options?: StreamOptions): Stream
  /**
   * Returns a copy without gradients, to sample while this model trains, with the weights as they are after one step. Synchronous: takes
   * about 8 ms of the calling thread for a million weights, most of it for new memory.
   */
  clone(): Model<I, T, O>
  /** Frees all native memory. Throws ERR_BUSY, before any memory is freed, while an operation on the model is under way. */
  dispose(): void
}
