// The native side of a plan: its handle, which is created again after the residency has taken the memory, and the claims that a run holds
// on the plan and on the weights.

import { expected } from '../errors.js'
import { native, type PlanHandle } from '../native.js'
import { callNative, nativeError } from '../native-call.js'
import type { Mode } from './opcodes.js'
import { operationsOf, type ParameterStore } from './parameters.js'
import type { PlanExplanation } from './plan-types.js'
import type { Resident, Residency } from './residency.js'

/** Estimated bytes of the JavaScript objects of a plan: its graph, tables and views. */
const PLAN_OBJECTS = 24 * 1024

/** Options of NativePlan. */
export interface NativePlanOptions {
  parameters: ParameterStore
  /** Whether no run changes weights or gradients of parameters, so that each claims the weights as a forward run does. */
  readsOnly: boolean
  /** Compiles the plan; called at once, and again at the first use after the residency has taken the memory. */
  create: () => PlanHandle
  /** Bytes of the host arena. */
  hostBytes: number
  /** Whether the plan takes blocks from the memory that the plans of a model share, as plans on the CPU do. */
  sharesBlock: boolean
  residency: Residency | undefined
  onResidency: (resident: boolean) => void
}

/** A compiled plan of the core and the state of its runs. */
export class NativePlan implements Resident {
  readonly #options: NativePlanOptions
  #handle: PlanHandle | null
  #disposed = false
  #running = false
  #lateness = 0

  constructor(options: NativePlanOptions) {
    this.#options = options
    this.#handle = options.create()
    options.residency?.enter(this, options.onResidency)
  }

  /** Whether an asynchronous run is under way. */
  get running(): boolean {
    return this.#running
  }

  /** See `Plan.lateness`. */
  get lateness(): number {
    return this.#lateness
  }

  get disposed(): boolean {
    return this.#disposed
  }

  /** Throws ERR_BUSY during an asynchronous run. */
  checkIdle(): void {
    if (!this.#running) return
    throw expected('ERR_BUSY', 'an idle plan', 'one with a run that is under way', 'await that run')
  }

  /** Returns the handle, of a plan that is compiled again if it has lost its memory. Throws ERR_DISPOSED, and ERR_BUSY during a run. */
  live(): PlanHandle {
    const { create, residency, onResidency } = this.#options
    if (this.#disposed) {
      throw expected('ERR_DISPOSED', 'a live plan', 'one that was disposed of', 'ask the model for another one')
    }
    this.checkIdle()
    if (this.#handle === null) {
      this.#handle = create()
      residency?.enter(this, onResidency)
      onResidency(true)
    } else residency?.touch(this)
    return this.#handle
  }

  /** Copies the carried states from the device to the host arena; a plan without memory has them there. */
  fetchStates(): void {
    if (this.#handle) callNative(() => native().planFetchStates(this.live()))
  }

  explain(): PlanExplanation {
    return JSON.parse(callNative(() => native().planExplain(this.live()))) as PlanExplanation
  }

  /** Bytes of native memory, those that the plans of the model share included. */
  get bytes(): number {
    return callNative(() => native().planBytes(this.live()))
  }

  sizes(): { own: number; shared: number } {
    const { hostBytes, sharesBlock } = this.#options
    const { ownBytes, arenaBytes } = this.explain()
    return { own: hostBytes + ownBytes + PLAN_OBJECTS, shared: sharesBlock ? arenaBytes : 0 }
  }

  suspend(): void {
    const plan = this.#handle
    if (plan === null) return
    callNative(() => {
      native().planFetchStates(plan)
      native().planDispose(plan)
    })
    this.#handle = null
  }

  /**
   * Claims the plan and the weights for a run on this thread and returns the handle; `end` ends the claim. Allocates nothing, because every
   * step of a stream passes here.
   */
  begin(mode: Mode): PlanHandle {
    const { parameters } = this.#options
    const plan = this.live()
    operationsOf(parameters).acquire(this.#claim(mode), true)
    try {
      parameters.settle()
    } catch (error) {
      this.end(mode)
      throw error
    }
    return plan
  }

  /** Ends the claim of `begin`. */
  end(mode: Mode): void {
    operationsOf(this.#options.parameters).release(this.#claim(mode))
  }

  /** Returns the mode whose claim on the weights a run needs. */
  #claim(mode: Mode): Mode {
    return this.#options.readsOnly ? 'forward' : mode
  }

  /** Claims the plan and the weights while `work` runs on the engine's thread; `work` returns the lateness of the run. */
  async runAway(
    mode: Mode,
    signal: AbortSignal | undefined,
    work: (plan: PlanHandle) => Promise<number>
  ): Promise<void> {
    const { parameters } = this.#options
    const plan = this.live()
    operationsOf(parameters).acquire(this.#claim(mode), false)
    this.#running = true
    try {
      // Nobody can change the weights between this wait and the run, because the run has acquired them.
      if (!parameters.isReady) await parameters.ready({ signal })
      this.#lateness = await work(plan)
    } catch (error) {
      throw nativeError(error)
    } finally {
      this.#running = false
      operationsOf(parameters).release(this.#claim(mode))
    }
  }

  /** Frees the native memory. A second call does nothing. Throws ERR_BUSY during a run. */
  dispose(): void {
    if (this.#disposed) return
    this.checkIdle()
    const plan = this.#handle
    if (plan) callNative(() => native().planDispose(plan))
    this.#handle = null
    this.#disposed = true
    this.#options.residency?.leave(this)
  }
}
