// One step of a training: its batches, one native call each, and the update. With `accumulate` a step takes the mean gradient of several
// batches; with one batch, gradient and update are one call.

import type { FitClaim } from '../graph/operations.js'
import type { Batch, BatchReader, BatchSource } from '../data/batching/source.js'
import type { WeightAverage } from './averaging.js'
import { shareDone, symbolCount, unlessAborted, type Position } from './limits.js'
import { expectApplied, expectFiniteBatch } from './not-finite.js'
import { applyOptimizer } from './optimizers.js'
import type { CheckedOptions } from './options.js'
import type { Progress } from './progress.js'
import type { StopReason } from './reports.js'
import { scheduleFactor } from './schedules.js'
import type { StepPlan } from './step-plan.js'

/** The batches of a reader. The next one is read while a step runs. */
export class BatchQueue {
  readonly #reader: BatchReader
  #coming: Promise<Batch | null>

  constructor(reader: BatchReader) {
    this.#reader = reader
    this.#coming = this.#pull()
  }

  #pull(): Promise<Batch | null> {
    const coming = this.#reader.next()
    coming.catch(() => {}) // the error is thrown when the batch is awaited
    return coming
  }

  /** Returns the next batch, null at the end of the data, or 'abort'. */
  async first(signal: AbortSignal | undefined): Promise<Batch | null | 'abort'> {
    const batch = await unlessAborted(this.#coming, signal)
    return signal?.aborted ? 'abort' : batch
  }

  /** Takes the first batch from the queue and asks the reader for the next one. */
  advance(): void {
    this.#coming = this.#pull()
  }
}

/** The batches of one step so far: their mean loss, weighted by the count of each loss, and their number of symbols. */
export class StepSum {
  #loss = 0
  /** Sum of the counts of the losses. */
  counted = 0
  /** Number of symbols. */
  count = 0
  batches = 0
  last: Batch | null = null

  /** Adds a batch of `count` symbols; `counted` is the weight of its loss in the mean. */
  add(batch: Batch, loss: number, counted: number, count: number): void {
    this.#loss += counted > 0 ? loss * counted : 0
    this.counted += counted
    this.count += count
    this.batches++
    this.last = batch
  }

  get loss(): number {
    return this.counted > 0 ? this.#loss / this.counted : 0
  }
}

/** The objects that a step uses. `position` returns the position of the run. */
export interface StepMeans {
  queue: BatchQueue
  claim: FitClaim
  signal: AbortSignal | undefined
  position: () => Position
}

/** Makes the steps of a run. */
export interface StepMaker {
  /** Begins a fit at `progress`. */
  begin(progress: Progress): void
  /** Seconds of this fit in which no step was running, because a batch was not ready or this thread was busy. */
  readonly waited: number
  /**
   * Makes one step. Returns its batches, or the reason if there is no step to make. A step that is given up leaves the carried states as they
   * were.
   */
  step(means: StepMeans): Promise<StepSum | StopReason>
}

/** Makes steps of whole batches. */
export class Stepper implements StepMaker {
  readonly #steps: StepPlan
  readonly #data: BatchSource
  readonly #options: CheckedOptions
  readonly #average: WeightAverage
  readonly #announce: (epoch: number) => void
  /** The number of finished passes that were announced. */
  #epoch = 0
  #waited = 0

  /** `announce` is called with the number of finished passes over the data. */
  constructor(
    steps: StepPlan,
    data: BatchSource,
    options: CheckedOptions,
    average: WeightAverage,
    announce: (epoch: number) => void
  ) {
    this.#steps = steps
    this.#data = data
    this.#options = options
    this.#average = average
    this.#announce = announce
  }

  /** Begins a fit at `progress`. */
  begin({ epoch }: Progress): void {
    this.#epoch = epoch
    this.#waited = 0
  }

  /** Seconds of this fit in which no step was running, because a batch was not ready or this thread was busy. */
  get waited(): number {
    return this.#waited / 1000
  }

  /**
   * Makes one step of `accumulate` batches, of fewer at the end of the data. Returns the batches, or the reason if there is no step to
   * make. A step that is given up leaves the carried states as they were.
   */
  async step(means: StepMeans): Promise<StepSum | StopReason> {
    const { accumulate } = this.#options
    const sum = new StepSum()
    const giveUp = accumulate > 1 ? this.#steps.saveStates() : () => {}
    let done = false
    try {
      let end: StopReason | null = null
      while (sum.batches < accumulate && end === null) end = await this.#addBatch(means, sum)
      if (end !== null && (end === 'abort' || sum.batches === 0)) return end
      if (accumulate > 1 && !(await this.#update(means))) return 'abort'
      expectApplied(this.#steps.plan, means.position().progress.step)
      done = true
      return sum
    } finally {
      if (!done) giveUp()
    }
  }

  /** Runs the next batch of a step, which is the whole step if it has only one. Returns the reason if there is none. */
  async #addBatch({ queue, claim, signal, position }: StepMeans, sum: StepSum): Promise<StopReason | null> {
    const { accumulate, epochs } = this.#options
    const asked = performance.now()
    const batch = await queue.first(signal)
    this.#waited += performance.now() - asked
    if (batch === 'abort') return 'abort'
    if (batch === null) return 'data'
    if (batch.epoch > this.#epoch) this.#announce((this.#epoch = batch.epoch))
    if (epochs !== undefined && batch.epoch >= epochs) return 'epochs'
    const release = await claim.step(signal)
    if (release === null) return 'abort'
    const at = position()
    try {
      this.#begin(batch, sum, at)
      const running = this.#steps.plan.run(accumulate > 1 ? 'accumulate' : 'train')
      queue.advance()
      await running
      this.#waited += this.#steps.plan.lateness // batches are prepared on this thread
    } finally {
      release()
    }
    const { loss, counted } = this.#steps.plan.control
    if (accumulate > 1) expectFiniteBatch(this.#steps.plan, at.progress.step)
    const count = batch.count ?? symbolCount(batch.dims ?? this.#data.dims)
    sum.add(batch, loss, accumulate > 1 ? counted - sum.counted : 1, count)
    return null
  }

  /** Applies the mean gradient of a step of several batches. Returns false if the caller aborted. */
  async #update({ claim, signal, position }: StepMeans): Promise<boolean> {
    const release = await claim.step(signal)
    if (release === null) return false
    try {
      const { plan } = this.#steps
      plan.control.step = position().progress.step
      await plan.run('update')
    } finally {
      release()
    }
    return true
  }

  /** Writes a batch and the scalars of this step into the plan. */
  #begin(batch: Batch, sum: StepSum, at: Position): void {
    const { clip, optimizer, schedule, rateOf, accumulate } = this.#options
    const { step, seed, plateau } = at.progress
    const { done, share } = shareDone(this.#options, at) ?? { done: 0, share: 0 }
    const control = this.#steps.begin(batch, this.#data.dims)
    applyOptimizer(optimizer, control)
    control.clipNorm = clip
    control.average = this.#average.share(at.progress)
    control.seed = seed
    control.step = step * accumulate + sum.batches // every batch has masks of its own
    control.counted = sum.counted
    control.learningRate = rateOf
      ? rateOf(step)
      : optimizer.learningRate * scheduleFactor(schedule, { step, done, share, plateau })
  }
}
