// Interfaces of models: definition, options, plans and methods. defineModel (model.ts) makes a model.

import type { Graph } from './graph/graph.js'
import type { Device, OptimizerName } from './graph/opcodes.js'
import type { ParameterStore, ReadyOptions } from './graph/parameters.js'
import type { GeneratingPlan, Plan, Precision } from './graph/plan.js'
import type { Dims, Specs, Symbols, ViewsOf } from './graph/specs.js'
import type { Tensor } from './graph/graph.js'
import type { JsonObject } from './io/json.js'
import type { Stream, StreamOptions } from './generate/stream-types.js'

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
  /** Returns the loss, shape [1] or [2]. Element 0 is minimised; element 1, if present, is the number of elements that element 0 is the mean of. */
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
  /** Device of its plans; default 'cpu'. Throws ERR_UNSUPPORTED if 'cuda' is not available or lacks an op. */
  device?: Device
  /**
   * Bytes that the plans of this model may keep together, default 512 MiB: beyond that, plans that ran longest ago give their
   * memory back and get it again at their next run. Results do not depend on it. A single plan may take more.
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

/** The outputs of a plan by name, as views of its memory. */
export type OutputViews<O extends string> = { [K in O]: Float32Array }

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
  /** Compiles a recording; the plan is disposed of together with the model. */
  compile(
    graph: Graph,
    options?: { loss?: Tensor | null; optimizer?: OptimizerName | null; threads?: number }
  ): GeneratingPlan
  /** A stream that owns its state and steps in microseconds. */
  stream(options?: StreamOptions): Stream
  /**
   * Returns a copy for sampling while this one trains, with the weights as they are after one step. Synchronous: takes about 8 ms of the
   * calling thread for a million weights, most of it for new memory, so clone a large model when a pause does no harm.
   */
  clone(): Model<I, T, O>
  /** Frees all native memory. Throws ERR_BUSY, before anything is freed, while an operation on the model is under way. */
  dispose(): void
}
