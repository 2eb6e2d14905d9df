// The lock of a model's weights. It spans whole operations (an evaluation, a fit), not single native runs, so that operations at the same
// time either give the results that they give without others or are refused before they have changed anything.

import { expected, type GatecellError } from '../errors.js'
import { abortError } from './abort.js'
import type { Mode } from './opcodes.js'

/** Ends the claim that it was returned for; a second call does nothing. */
export type Release = () => void

/** The claim of a fit: gradients, moments and the right to change the weights belong to it until `end`. */
export interface FitClaim {
  /**
   * Waits until no operation reads the weights, then holds them for one step. Returns null if `signal` is aborted first.
   */
  step(signal?: AbortSignal): Promise<Release | null>
  /** Runs `change`, which writes parameters synchronously, inside a step of this fit. */
  write<R>(change: () => R): R
  /** Ends the claim; a second call does nothing. */
  end(): void
}

interface Waiting {
  kind: 'read' | 'step'
  grant: (release: Release) => void
}

function changesWeights(mode: Mode | null): boolean {
  return mode === 'train' || mode === 'update'
}

/** The lock of one parameter store; see "Operations on one model" in ARCHITECTURE.md. */
export class OperationLock {
  /** Number of operations that need the same weights from begin to end. */
  #readers = 0
  #fit: FitClaim | null = null
  #step = false
  #writing = false
  #changing = false
  #forward = 0
  #exclusive: Exclude<Mode, 'forward'> | null = null
  #changes = 0
  readonly #queue: Waiting[] = []

  /**
   * Holds the weights as they are until released; any number of readers at a time. Waits for the step of a fit that is
   * under way and for steps that wait already. Throws ERR_ABORTED if `signal` is aborted before.
   */
  async read(signal?: AbortSignal): Promise<Release> {
    const release = await this.#enter('read', signal)
    if (release) return release
    throw abortError(signal!)
  }

  /** Runs `operation` as `read` holds the weights. */
  async reading<R>(signal: AbortSignal | undefined, operation: () => Promise<R>): Promise<R> {
    const release = await this.read(signal)
    try {
      return await operation()
    } finally {
      release()
    }
  }

  /** Begins a fit. Throws ERR_BUSY while another fit, or a run that changes weights or gradients, is under way. */
  fit(): FitClaim {
    this.checkNoFit('a fit')
    if (this.#exclusive || this.#changing) throw this.#busy('a fit')
    const claim: FitClaim = {
      step: (signal) => this.#enter('step', signal),
      write: (change) => {
        this.#writing = true
        try {
          return change()
        } finally {
          this.#writing = false
        }
      },
      end: () => {
        if (this.#fit === claim) this.#fit = null
      }
    }
    this.#fit = claim
    return claim
  }

  /**
   * Holds the whole model for a change that takes several turns of the event loop; `what` names it. Reads and steps wait
   * until it is released. Throws ERR_BUSY unless nothing is under way.
   */
  change(what: string): Release {
    this.checkIdle(what)
    this.#changing = true
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#changing = false
      this.#advance()
    }
  }

  /** Whether a training run is changing the weights now. */
  get training(): boolean {
    return changesWeights(this.#exclusive)
  }

  /** Whether a native run changes weights or gradients now. */
  get exclusive(): boolean {
    return this.#exclusive !== null
  }

  /** Whether a native run has ever changed weights or gradients. */
  get everExclusive(): boolean {
    return this.#changes > 0
  }

  /** Number of native runs that have changed weights or gradients, the one under way included. */
  get changes(): number {
    return this.#changes
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    const within = this.#writing && this.#step
    return (
      !this.#changing &&
      this.#exclusive === null &&
      this.#forward === 0 &&
      this.#readers === 0 &&
      (within || (this.#fit === null && !this.#step))
    )
  }

  /** Throws ERR_BUSY while a fit is under way; `what` names the refused operation. */
  checkNoFit(what: string): void {
    if (this.#fit) throw this.#busy(what)
  }

  /** Throws ERR_BUSY while a native run changes weights or gradients; `what` names the refused operation. */
  checkNoRun(what: string): void {
    if (this.#exclusive) throw this.#busy(what)
  }

  /** Throws ERR_BUSY unless nothing is under way; `what` names the refused operation. */
  checkIdle(what: string): void {
    if (!this.idle) throw this.#busy(what)
  }

  /**
   * Claims the weights for one native run until `release`. Forward runs may take place during a training step: the core gives
   * each the weights after one step. Throws ERR_BUSY for a synchronous run while a step is under way (it would hold the
   * event loop for the rest of the step), for a second run that changes weights or gradients, for such a run by hand
   * during a fit, and for a training run by hand during an operation that reads the weights.
   */
  acquire(mode: Mode, sync: boolean): void {
    if (this.#changing) throw this.#busy('a run')
    if (mode === 'forward') {
      if (sync && this.training) throw this.#busy('a synchronous run')
      this.#forward++
      return
    }
    const byHand = !this.#step
    if (this.#exclusive || (byHand && (this.#fit || (changesWeights(mode) && this.#readers > 0)))) {
      throw this.#busy(changesWeights(mode) ? 'a training run' : 'a run that computes gradients')
    }
    this.#exclusive = mode
    this.#changes++
  }

  /** Ends the claim of `acquire`. */
  release(mode: Mode): void {
    if (mode === 'forward') this.#forward--
    else this.#exclusive = null
    this.#advance()
  }

  #busy(what: string): GatecellError {
    const under = this.#changing
      ? 'a change of the weights'
      : this.#fit
        ? 'a fit'
        : this.#readers > 0
          ? 'an operation that reads the weights'
          : this.#exclusive
            ? 'a run that changes weights or gradients'
            : 'a run'
    const found = `a model with ${under} under way`
    return expected('ERR_BUSY', `an idle model for ${what}`, found, 'await it first, or use model.clone()')
  }

  async #enter(kind: Waiting['kind'], signal: AbortSignal | undefined): Promise<Release | null> {
    if (signal?.aborted) return null
    return new Promise((resolve) => {
      const waiting: Waiting = {
        kind,
        grant: (release) => {
          signal?.removeEventListener('abort', abort)
          resolve(release)
        }
      }
      const abort = () => {
        const at = this.#queue.indexOf(waiting)
        if (at >= 0) this.#queue.splice(at, 1)
        resolve(null)
        this.#advance()
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#queue.push(waiting)
      this.#advance()
    })
  }

  /** Grants the claims that can begin, in the order of arrival, so that a loop of evaluations does not keep a fit from its next step. */
  #advance(): void {
    // Every synchronous run passes here: while the queue is empty nothing is allocated.
    while (this.#queue.length > 0 && this.#grantFirst()) continue
  }

  /** Grants the first in the queue and returns true, or returns false if it has to wait. */
  #grantFirst(): boolean {
    const first = this.#queue[0]!
    if (this.#step || this.#changing || this.training) return false
    if (first.kind === 'step' && (this.#readers > 0 || this.#exclusive)) return false
    this.#queue.shift()
    if (first.kind === 'read') this.#readers++
    else this.#step = true
    let held = true
    first.grant(() => {
      if (!held) return
      held = false
      if (first.kind === 'read') this.#readers--
      else this.#step = false
      this.#advance()
    })
    return true
  }
}
