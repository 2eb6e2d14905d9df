// A plan: a graph compiled for one shape. Inputs are written into its views, results read from its views; a run is one
// native call and allocates nothing. Everything a caller may get wrong ends in a typed error, never in the core.

import { integer, list, object, optional, options as optionsOf, signal as signalOf } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import { native, type PlanHandle } from '../native.js'
import { throwIfAborted } from './abort.js'
import { createArena, viewOf } from './arena.js'
import { lower } from './compile.js'
import { createControl, type ControlBlock } from './control.js'
import type { Graph } from './graph.js'
import { callNative, nativeError } from './native-call.js'
import { devices, modes, optimizers, type Device, type Mode, type OptimizerName } from './opcodes.js'
import { handleOf, operationsOf, type ParameterStore } from './parameters.js'
import { fetched, shapesOf, viewsOf, type Views } from './plan-views.js'
import type { Resident, Residency } from './residency.js'
import type { Shape } from './shape.js'
import { tensor, type Tensor } from './graph.js'

export interface RunOptions {
  /** Looked at before the run starts, and while it waits for first values; a run that has started is finished. */
  signal?: AbortSignal | undefined
}

/**
 * 'bf16' halves the operands' bytes and, where the CPU has AVX512-BF16, doubles the arithmetic rate. 'int8' is for
 * inference: weights as codes with a scale per row, inputs as codes with a range per row. 'tf32' is for the GPU, where
 * 'f32' gives the processor's bits and is slow.
 */
export type Precision = CpuPrecision | 'tf32'
/** Those of the processor. */
export type CpuPrecision = 'f32' | 'bf16' | 'int8'
export const precisions = { f32: 0, bf16: 1, int8: 2, tf32: 3 } as const satisfies Record<Precision, number>
export const precisionNames = ['f32', 'bf16', 'int8', 'tf32'] as const satisfies readonly Precision[]

export interface PlanOptions {
  parameters: ParameterStore
  /** Tensor whose first element is minimised; null: the plan has no gradients. */
  loss?: Tensor | null
  optimizer?: OptimizerName | null
  /** 0: the engine's threads. */
  threads?: number
  /** Operands of the LSTM products; sums, states and weights stay float32. Default 'f32'. */
  precision?: Precision
  /** Default 'cpu'. */
  device?: Device
  /** Bounds the memory of this plan and others; by default the plan keeps its memory until it is disposed of. */
  residency?: Residency
  /** Called when the plan gets its native memory again (true), and when the residency has taken it (false). */
  onResidency?: (resident: boolean) => void
}

/** Estimate of the bytes of a plan's JavaScript objects: its graph, tables and views. */
const PLAN_OBJECTS = 24 * 1024

const readStop = integer(-1, 2 ** 31 - 1)
const readLoopOptions = object<LoopOptions>({
  feeds: list(list(tensor, 2, 2), 0, 16),
  records: list(tensor, 0, 16),
  rows: optional(tensor),
  watched: optional(tensor)
})
const readRunOptions = optionsOf<RunOptions>({ signal: optional(signalOf) })

/** A compiled graph. `I`, `O`: names and dtypes of its inputs and outputs. */
export interface Plan<I extends Views = Views, O extends Views = Views> extends Disposable {
  /** Views to write before a run. */
  readonly inputs: Readonly<I>
  /** Views to read after a run. */
  readonly outputs: Readonly<O>
  /**
   * Carried states: zero at first, after a run the values the next run starts from. Write them as you like. On a GPU they stay
   * there from run to run, and looking one up here brings them back: look it up after the run, not before. ERR_BUSY there while
   * a run is under way.
   */
  readonly states: Readonly<Record<string, Float32Array>>
  readonly control: ControlBlock
  readonly shapes: {
    readonly inputs: Readonly<Record<string, Shape>>
    readonly outputs: Readonly<Record<string, Shape>>
    readonly states: Readonly<Record<string, Shape>>
  }
  /** Runs on the engine's threads. Throws ERR_BUSY, ERR_DISPOSED, ERR_ABORTED, ERR_OUT_OF_RANGE (an id outside its table). */
  run(mode?: Mode, options?: RunOptions): Promise<void>
  /** Runs at once on this thread (and the engine's): for steps of microseconds. Throws ERR_NOT_READY, see `ParameterStore.ready`. */
  runSync(mode?: Mode): void
  /**
   * Milliseconds from the end of the last asynchronous run until this thread, which was busy with other work, took its result; 0 before the
   * first run.
   */
  readonly lateness: number
  /** Zeroes the carried states. Throws ERR_BUSY while a run is under way. */
  resetStates(): void
  /** What was chosen and why: memory by kind, a line per op. */
  explain(): PlanExplanation
  /** Bytes of this plan: its host arena, and native memory including the packed weights and blocks that all plans of the model share. */
  readonly bytes: number
  readonly disposed: boolean
  /** Frees the native memory now. Throws ERR_BUSY while a run is under way. */
  dispose(): void
}

/** JSON of gc_plan_explain. */
export interface PlanExplanation {
  device: 'cpu' | 'cuda'
  /** Why it runs there, where that was a choice. */
  deviceWhy: string
  isa: string
  threads: number
  /** Bytes of the block that a run takes from the memory that the model's plans share; on a GPU, of the plan's own arena. */
  arenaBytes: number
  /** Bytes of the plan's own tables, and of its memory on a GPU. */
  ownBytes: number
  packedBytes: number
  nodes: { op: string; shape: string; backward: boolean; bufferBytes: number; why: string }[]
  /** On a GPU: what was measured while kernels were chosen. */
  measured?: Record<string, unknown>
}

/** A loop of forward runs in which outputs feed inputs; see `GeneratingPlan.loop`. */
export interface LoopOptions {
  /** Pairs: after each run an output is copied to an input of its dtype and number of elements. At most 16. */
  readonly feeds: readonly (readonly [from: Tensor, to: Tensor])[]
  /** Tensors whose elements each run writes out, one tensor after the other. At most 16. */
  readonly records: readonly Tensor[]
  /** The int32 [rows, 4] input that `sample` and `mixtureSample` draw by; the step of each row grows by one after each run. */
  readonly rows?: Tensor
  /** An int32 tensor: the loop ends after a run that leaves the token `stop` in one of its elements. */
  readonly watched?: Tensor
}

/** A loop that a plan can run natively. */
export interface Loop {
  /** Elements that a run writes out. */
  readonly width: number
  /**
   * Makes at most `count` forward runs, fewer if `stop` (-1: no token) comes; after each one the records go to `out`, which has room for
   * count * width elements (float32 values as their bits), and control.step grows by one. Returns the number of runs.
   */
  run(count: number, stop: number, out: Int32Array): number
  /** Does the same on the engine's thread. `out` lies in shared memory and has room for one element more. */
  runAsync(count: number, stop: number, out: Int32Array): Promise<number>
}

/** A plan that can run native loops; see generate/. */
export interface GeneratingPlan extends Plan {
  /** Describes a loop. Its runs throw ERR_INVALID_ARGUMENT and ERR_INVALID_SHAPE for feeds that do not fit. */
  loop(options: LoopOptions): Loop
}

/** Compiles `graph`. Throws ERR_OUT_OF_MEMORY, ERR_UNSUPPORTED and whatever the core finds wrong with the graph. */
export function createPlan(graph: Graph, options: PlanOptions): GeneratingPlan {
  const { parameters, loss = null, optimizer = null, threads = 0, precision = 'f32', device = 'cpu' } = options
  const { residency, onResidency = () => {} } = options
  if (loss) graph.own(loss, 'the loss')
  if (loss && !parameters.training) {
    throw new GatecellError(
      'ERR_UNSUPPORTED',
      'Expected a model made for training but it was made with training: false.'
    )
  }
  if (optimizer === 'amsgrad') parameters.addMoment3()
  const tables = lower(graph, loss)
  const host = createArena(tables.hostElements)
  const control = createControl(optimizer)
  const addon = native()
  const { tensors, ops, attributes, carry } = tables
  const lossId = loss ? tables.idOf(loss) : -1
  const create = (): PlanHandle =>
    callNative(() =>
      addon.planCreate({
        store: handleOf(parameters),
        tensors,
        ops,
        attributes,
        carry,
        loss: lossId,
        optimizer: optimizers[optimizer ?? 'none'],
        host,
        control: control.values,
        threads,
        precision: precisions[precision],
        device: devices[device]
      })
    )
  let handle: PlanHandle | null = create()
  let disposed = false
  for (const [tensor, values] of graph.constants) {
    const slot = tables.slotOf(tensor)
    if (slot >= 0) viewOf(host, slot, tensor.shape, 'f32').set(values)
  }
  const inputs = viewsOf(graph.inputs, tables, host)
  const outputs = viewsOf(graph.outputs, tables, host)
  const views = viewsOf(graph.states, tables, host) as Record<string, Float32Array>
  const fetchStates = () => handle && callNative(() => addon.planFetchStates(live()))
  const states = device === 'cpu' ? views : fetched(views, fetchStates)
  let running = false
  let lateness = 0

  function checkIdle(): void {
    if (running)
      throw new GatecellError('ERR_BUSY', 'Expected an idle plan but a run of it is under way; await that run.')
  }

  function live(): PlanHandle {
    if (disposed)
      throw new GatecellError(
        'ERR_DISPOSED',
        'Expected a live plan but it was disposed of: ask the model for another one.'
      )
    checkIdle()
    if (handle === null) {
      handle = create()
      residency?.enter(resident, onResidency)
      onResidency(true)
    } else residency?.touch(resident)
    return handle
  }

  const explain = (plan: PlanHandle) => JSON.parse(callNative(() => addon.planExplain(plan))) as PlanExplanation
  const resident: Resident = {
    sizes() {
      const { device, ownBytes, arenaBytes } = explain(live())
      return { own: host.byteLength + ownBytes + PLAN_OBJECTS, shared: device === 'cpu' ? arenaBytes : 0 }
    },
    get running() {
      return running
    },
    suspend() {
      const plan = handle
      if (plan === null) return
      callNative(() => {
        addon.planFetchStates(plan)
        addon.planDispose(plan)
      })
      handle = null
    },
    dispose
  }

  function resetStates(): void {
    checkIdle()
    for (const state of Object.values(states)) state.fill(0)
  }

  function modeNumber(mode: Mode): number {
    if (typeof mode !== 'string' || !Object.hasOwn(modes, mode)) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected ${Object.keys(modes).join(', ')} as mode but received ${show(mode)}: pass one of these.`
      )
    }
    return modes[mode]
  }

  async function run(mode: Mode = 'forward', runOptions?: RunOptions): Promise<void> {
    const number = modeNumber(mode)
    const { signal } = readRunOptions(runOptions, 'the options of run')
    throwIfAborted(signal)
    await runAway(mode, signal, (plan) => addon.planRun(plan, number))
  }

  function loop(options: LoopOptions): Loop {
    const { feeds, records, rows, watched } = readLoopOptions(options, 'the options of loop')
    const idOf = (tensor: Tensor | undefined) => {
      if (tensor) graph.own(tensor, 'a tensor of the loop')
      return tensor ? tables.idOf(tensor) : -1
    }
    const ids = [idOf(rows), idOf(watched), -1, feeds.length, records.length]
    const description = Int32Array.from([...ids, ...feeds.flat().map(idOf), ...records.map(idOf)])
    const STOP = 2
    return {
      width: records.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
      run(count, stop, out) {
        const plan = live()
        description[STOP] = readStop(stop, 'stop')
        operationsOf(parameters).acquire('forward', true)
        try {
          parameters.settle()
          return addon.planGenerate(plan, description, count, out)
        } catch (error) {
          throw nativeError(error)
        } finally {
          operationsOf(parameters).release('forward')
        }
      },
      async runAsync(count, stop, out) {
        const token = readStop(stop, 'stop')
        await runAway('forward', undefined, (plan) => {
          description[STOP] = token
          return addon.planGenerateAsync(plan, description, count, out)
        })
        return out[out.length - 1]!
      }
    }
  }

  /** Claims the weights and the plan for `work`, which runs on the engine's thread. */
  async function runAway(mode: Mode, signal: AbortSignal | undefined, work: (plan: PlanHandle) => Promise<number>) {
    const plan = live()
    operationsOf(parameters).acquire(mode, false)
    running = true
    try {
      // Nobody can change the weights between this wait and the run: it has acquired them.
      if (!parameters.isReady) await parameters.ready({ signal })
      lateness = await work(plan)
    } catch (error) {
      throw nativeError(error)
    } finally {
      running = false
      operationsOf(parameters).release(mode)
    }
  }

  function runSync(mode: Mode = 'forward'): void {
    const number = modeNumber(mode)
    const plan = live()
    operationsOf(parameters).acquire(mode, true)
    try {
      parameters.settle()
      addon.planRunSync(plan, number)
    } catch (error) {
      throw nativeError(error)
    } finally {
      operationsOf(parameters).release(mode)
    }
  }

  function dispose(): void {
    if (disposed) return
    checkIdle()
    const plan = handle
    if (plan) callNative(() => addon.planDispose(plan))
    handle = null
    disposed = true
    residency?.leave(resident)
  }
  residency?.enter(resident, onResidency)

  return {
    inputs,
    outputs,
    states,
    control,
    shapes: { inputs: shapesOf(graph.inputs), outputs: shapesOf(graph.outputs), states: shapesOf(graph.states) },
    run,
    runSync,
    loop,
    resetStates,
    explain: () => explain(live()),
    get lateness() {
      return lateness
    },
    get bytes() {
      return callNative(() => addon.planBytes(live())) + host.byteLength
    },
    get disposed() {
      return disposed || parameters.disposed
    },
    dispose,
    [Symbol.dispose]: dispose
  }
}
