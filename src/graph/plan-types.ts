// Interfaces of plans: the options of createPlan, a plan, its explanation, and its loops.

import type { ControlBlock } from './control.js'
import type { Tensor } from './graph.js'
import type { Device, Mode, OptimizerName, Precision } from './opcodes.js'
import type { ParameterStore } from './parameters.js'
import type { Views } from './plan-views.js'
import type { Residency } from './residency.js'
import type { Shape } from './shape.js'

/** Options of `plan.run`. */
export interface RunOptions {
  /**
   * Stops a run that has not started: the run throws ERR_ABORTED if the signal is aborted before it starts or while it waits for the first
   * values of parameters. A run that has started is completed.
   */
  signal?: AbortSignal | undefined
}

/** Options of `createPlan`. */
export interface PlanOptions {
  /** The parameters of the graph. */
  parameters: ParameterStore
  /** Tensor whose first element is minimised. Default null: the plan computes no gradients. */
  loss?: Tensor | null
  /** Float32 tensors by name whose gradients the plan has after a backward pass. Needs a loss. Default: none. */
  gradients?: Readonly<Record<string, Tensor>>
  /**
   * Whether a backward pass also computes the gradients of parameters. With false it changes nothing of the model, so that it may run while
   * the model trains and without memory for gradients, and it has no dropout. Default true.
   */
  parameterGradients?: boolean
  /** Update of the runs of the modes 'train' and 'update'. Default null: no updates. */
  optimizer?: OptimizerName | null
  /** Number of threads, from 0 to 1024. Default 0: as many as the engine has, see `setThreads`. */
  threads?: number
  /** Format of the operands of LSTM products; sums, states and weights are float32. Default 'f32'. */
  precision?: Precision
  /** Default 'cpu'. */
  device?: Device
  /** Bounds the memory of this plan and others. By default the plan keeps its memory until it is disposed of. */
  residency?: Residency
  /** Called with true when a plan that had lost its native memory has it again, and with false when the residency has taken it. */
  onResidency?: (resident: boolean) => void
}

/** A compiled graph. `I`, `O`: names and dtypes of its inputs and outputs; `G`: names of the tensors whose gradients it has. */
export interface Plan<I extends Views = Views, O extends Views = Views, G extends string = string> extends Disposable {
  /** Views to write before a run. */
  readonly inputs: Readonly<I>
  /** Views to read after a run. The next run overwrites them. */
  readonly outputs: Readonly<O>
  /**
   * The gradients of the loss's first element by the tensors that the option `gradients` names, with the shapes of these tensors, after a
   * run of the mode 'gradient', 'train' or 'accumulate'; zeros where the loss does not depend on a tensor. The next such run overwrites them.
   */
  readonly gradients: Readonly<Record<G, Float32Array>>
  /**
   * Carried states by name: zeros at first, and after a run the values from which the next run starts. They may be written between runs. On
   * a GPU the states stay in its memory from run to run; reading a property of this object copies all of them to the host. Read it after
   * the run, because a view that was read before is not updated. On a GPU, throws ERR_BUSY during a run.
   */
  readonly states: Readonly<Record<string, Float32Array>>
  /** Scalars of the runs: seed, step, learning rate, and the resulting loss and norm. */
  readonly control: ControlBlock
  /** Shapes by name. */
  readonly shapes: {
    readonly inputs: Readonly<Record<string, Shape>>
    readonly outputs: Readonly<Record<string, Shape>>
    readonly states: Readonly<Record<string, Shape>>
  }
  /**
   * Runs the plan on the engine's threads, by default in the mode 'forward'. Throws ERR_BUSY if a run of the plan or an operation that
   * excludes this one is under way, ERR_DISPOSED after `dispose`, ERR_ABORTED if `options.signal` is aborted before the run has started, and
   * ERR_OUT_OF_RANGE if an id is outside its table.
   */
  run(mode?: Mode, options?: RunOptions): Promise<void>
  /**
   * Runs the plan and returns after the run, for runs that take microseconds. The calling thread takes part in the computation. Throws
   * the errors of `run`, and ERR_NOT_READY if the first values of the parameters would take longer than about a second to compute.
   */
  runSync(mode?: Mode): void
  /**
   * Milliseconds from the end of the last asynchronous run until this thread, which was busy with other work, took its result; 0 before the
   * first run.
   */
  readonly lateness: number
  /** Sets the carried states to zero. Throws ERR_BUSY during a run. */
  resetStates(): void
  /** Returns the kernel that each op uses, with the reason, and the memory that the plan needs. */
  explain(): PlanExplanation
  /** Bytes of this plan: its host arena, and native memory including the packed weights and blocks that all plans of the model share. */
  readonly bytes: number
  /** Whether the plan or its model was disposed of. */
  readonly disposed: boolean
  /** Frees the native memory now. Throws ERR_BUSY during a run. */
  dispose(): void
}

/** The choices of a compiled plan, as `gc_plan_explain` of the core returns them in JSON. */
export interface PlanExplanation {
  device: 'cpu' | 'cuda'
  /** The reason for this device, if the option was 'auto'. */
  deviceWhy: string
  /** Instruction set of the kernels. */
  isa: string
  threads: number
  /** Bytes of the block that a run takes from the memory that the model's plans share; on a GPU, of the plan's own arena. */
  arenaBytes: number
  /** Bytes of the plan's own tables, and of its memory on a GPU. */
  ownBytes: number
  /** Bytes of packed copies of weights, which all plans of the model share. */
  packedBytes: number
  /** One entry for each op. `bufferBytes`: memory that the op needs besides its outputs; `why`: the kernel and the reason for it. */
  nodes: { op: string; shape: string; backward: boolean; bufferBytes: number; why: string }[]
  /** On a GPU: the times that were measured to choose kernels. */
  measured?: Record<string, unknown>
}

/** A loop of forward runs in which outputs feed inputs; see `GeneratingPlan.loop`. */
export interface LoopOptions {
  /** Pairs: after each run an output is copied to an input of its dtype and number of elements. At most 16. */
  readonly feeds: readonly (readonly [from: Tensor, to: Tensor])[]
  /** Tensors whose elements each run writes out, one tensor after the other. At most 16. */
  readonly records: readonly Tensor[]
  /** The int32 [rows, 4] input from which `sample` and `mixtureSample` read seeds and steps; the step of each row grows by one after each run. */
  readonly rows?: Tensor
  /** An int32 tensor: the loop ends after a run that leaves the token `stop` in one of its elements. */
  readonly watched?: Tensor
  /** Logits [..., R, V] from which `runRows` draws the tokens of its rows. */
  readonly logits?: Tensor
  /** The int32 input of R elements that gets the tokens of `runRows`. */
  readonly token?: Tensor
}

/** A loop that a plan can run natively. */
export interface Loop {
  /** Number of elements that a run writes out. */
  readonly width: number
  /**
   * Makes at most `count` forward runs, fewer if `stop` (-1: no token) comes. Each run writes the records to `out`, which has room for
   * count * width elements (float32 values as their bits), and adds 1 to `control.step`. Returns the number of runs.
   */
  run(count: number, stop: number, out: Int32Array): number
  /** Does the same on the engine's thread. `out` is in shared memory and has room for one element more. */
  runAsync(count: number, stop: number, out: Int32Array): Promise<number>
  /**
   * Does the same as `runAsync` with the rows of a table in shared memory, which begin and end by themselves; row-words.ts has its layout. Each
   * run also writes out the results of the rows, after the records.
   */
  runRows(count: number, out: Int32Array, table: Int32Array): Promise<number>
  /** Does the same on the caller's thread. */
  runRowsSync(count: number, out: Int32Array, table: Int32Array): number
}

/** A plan that can run native loops; see src/generate. */
export interface GeneratingPlan extends Plan {
  /**
   * Runs forward on a second thread of the engine, at the same time as a run or loop of another plan. On a machine without a core for it the two
   * share one. Throws the errors of `run`.
   */
  runAside(): Promise<void>
  /**
   * Describes a loop of forward runs. Throws ERR_INVALID_ARGUMENT if an option is not valid or a tensor belongs to another graph; the runs of
   * the loop throw ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an output and the input that it feeds do not fit.
   */
  loop(options: LoopOptions): Loop
}
