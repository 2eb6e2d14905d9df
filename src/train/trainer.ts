// The training loop: batch in, one native call, rates and events out; validation, early stopping, checkpoints through a
// callback, exact resume. The event loop is free while a step runs, and the next batch is made ready meanwhile.

import { EventEmitter } from 'node:events'
import { awaitable, choice, optional, options as optionsOf, signal as signalOf } from '../check/index.js'
import { GatecellError } from '../errors.js'
import type { FitClaim } from '../graph/operations.js'
import type { Plan } from '../graph/plan.js'
import { checkModel, type Model } from '../model.js'
import { WeightAverage } from './averaging.js'
import { readSource, readBatches, type Batch, type BatchReader, type BatchSource } from '../data/batching/source.js'
import { orAborted, reachedLimit, shareDone, symbolsOf, unlessAborted, type Position } from './limits.js'
import { Stopwatch, Window, rate, smooth } from './metrics.js'
import { expectApplied } from './not-finite.js'
import { applyOptimizer, momentsOf, updateOf } from './optimizers.js'
import { checkOptions, type CheckedOptions, type TrainerOptions } from './options.js'
import { clearMoments, guardPlan, ownsMoments, setMomentOwner, takeMoments } from './ownership.js'
import { firstProgress, restoreRun, restoreStates, takeSnapshot, type Progress, type Snapshot } from './progress.js'
import type { FitOptions, Report, StopReason, Summary, TrainerEvents, Validation } from './reports.js'
import { scheduleFactor } from './schedules.js'
import { StepPlan } from './step-plan.js'
import { afterLoss, isOwed, isRegular, validate } from './validation.js'

const readFitOptions = optionsOf<FitOptions>({
  signal: optional(signalOf),
  onAbort: optional(choice('throw', 'return'))
})

/** Trains one model on one source; made by `createTrainer`. */
export class Trainer extends EventEmitter<TrainerEvents> {
  readonly model: Model
  readonly data: BatchSource
  readonly #options: CheckedOptions
  readonly #steps: StepPlan
  readonly #average: WeightAverage
  #claim: FitClaim | null = null
  #progress: Progress
  #watch = new Stopwatch()
  #stepsHere = 0
  /** Seconds of training before this fit. */
  #before = 0
  #validation: Validation | null = null

  constructor(model: Model, data: BatchSource, options: TrainerOptions = {}) {
    super()
    checkModel(model, 'the model')
    this.model = model
    this.data = readSource(data, 'the data')
    this.#options = checkOptions(options, this.data.stepsPerEpoch)
    const { optimizer, resume, seed, average } = this.#options
    const { parameters } = model
    parameters.operations.checkNoFit('another trainer')
    this.#average = new WeightAverage(model, average)
    this.#steps = new StepPlan(model, updateOf(optimizer), this.data.dims)
    if (resume) {
      this.#progress = restoreRun(
        this.model,
        resume,
        { seed, average, optimizer: updateOf(optimizer) },
        momentsOf(optimizer)
      )
      restoreStates(this.#plan.states, resume)
      this.#before = this.#progress.elapsed ?? 0
      setMomentOwner(parameters, this)
    } else {
      this.#progress = firstProgress(seed ?? 0, updateOf(optimizer))
      // Where an evaluation is under way, the moments are cleared when the fit begins.
      if (parameters.operations.idle) clearMoments(parameters, this)
    }
  }

  /**
   * The plan of a training step, which no other caller has; its `bytes` and `explain()` give the memory that a run needs. While
   * the trainer fits, runs, `resetStates` and `dispose` throw ERR_BUSY.
   */
  get plan(): Plan {
    return guardPlan(this.#plan, () => this.#claim !== null)
  }

  get #plan(): Plan {
    return this.#steps.plan
  }

  get progress(): Readonly<Progress> {
    return this.#progress
  }

  /** The run as a checkpoint holds it; its arrays are live views until the next step. */
  snapshot(): Snapshot {
    const progress = { ...this.#progress }
    if (this.#options.timeLimit !== undefined) progress.elapsed = this.#before + this.#watch.seconds
    return takeSnapshot(this.model, progress, momentsOf(this.#options.optimizer), this.#plan)
  }

  /**
   * Trains until a limit is reached, validation stops improving, the data ends or the caller aborts. Each step waits for operations that
   * read the weights. Throws ERR_BUSY during another fit of this model, and if another trainer has taken its moments since the last step;
   * ERR_NOT_FINITE (the last good weights stay, no checkpoint is written), ERR_ABORTED, and the errors of data and checkpoint callback.
   */
  async fit(options: FitOptions = {}): Promise<Summary> {
    const reports = this.reports(options)
    for (;;) {
      const { done, value } = await reports.next()
      if (done) return value
    }
  }

  /** `fit` as an iterator: training waits for its reader, and ends without a checkpoint when the reader leaves. */
  async *reports(options: FitOptions = {}): AsyncGenerator<Report, Summary, undefined> {
    const { signal, onAbort = 'throw' } = readFitOptions(options, 'the options of fit')
    const { parameters } = this.model
    ownsMoments(parameters, this, this.#progress.step)
    const claim = (this.#claim = parameters.operations.fit())
    const begin = performance.now()
    const countBefore = this.#progress.count
    this.#stepsHere = 0
    let reader: BatchReader | null = null
    try {
      reader = readBatches(this.data, this.#progress.cursor ?? undefined)
      const stopped = yield* this.#loop(claim, reader, signal)
      this.#watch.stop()
      // A run that was aborted before its weights had first values has nothing to keep: it begins the same way again.
      if (parameters.isReady) await this.#save('last')
      if (stopped === 'abort' && onAbort === 'throw') {
        const message = `Expected to train on but the caller aborted after step ${this.#progress.step}: resume from the last checkpoint.`
        throw new GatecellError('ERR_ABORTED', message, { cause: signal?.reason })
      }
      if (stopped !== 'abort') await this.#validateEnd(signal)
      const summary = this.#summary(stopped, this.#progress.count - countBefore, begin)
      this.emit('end', summary)
      return summary
    } finally {
      this.#before += this.#watch.seconds
      this.#watch = new Stopwatch()
      this.#average.release()
      claim.end()
      this.#claim = null
      await reader?.close(!signal?.aborted)
    }
  }

  async *#loop(
    claim: FitClaim,
    reader: BatchReader,
    signal: AbortSignal | undefined
  ): AsyncGenerator<Report, StopReason, undefined> {
    const { checkpointEvery, epochs } = this.#options
    const watch = this.#watch
    const window = new Window(0)
    const pull = () => {
      const coming = reader.next()
      coming.catch(() => {}) // thrown where the batch is awaited
      return coming
    }
    if ((await orAborted(this.model.ready({ signal }))) === 'abort') return 'abort'
    if (isOwed(this.#options, this.#progress) && !(await this.#validate('regular', signal))) return 'abort'
    if (!(await takeMoments(this.model.parameters, this, { step: this.#progress.step, claim, signal }))) return 'abort'
    if (!(await this.#average.begin(this.#progress, claim, signal))) return 'abort'
    watch.start()
    for (let coming = pull(); ;) {
      const limit = this.#reachedLimit()
      if (limit) return limit
      const batch = await unlessAborted(coming, signal)
      if (batch === 'abort' || signal?.aborted) return 'abort'
      if (batch === null) return 'data'
      if (batch.epoch > this.#progress.epoch) this.emit('epoch', batch.epoch)
      if (epochs !== undefined && batch.epoch >= epochs) return 'epochs'
      const release = await claim.step(signal)
      if (release === null) return 'abort'
      try {
        this.#begin(batch)
        const running = this.#plan.run('train')
        coming = pull()
        await running
      } finally {
        release()
      }
      this.#finish(batch, window)

      const { step } = this.#progress
      watch.stop()
      const validated = isRegular(this.#options, this.#progress)
      if (validated && !(await this.#validate('regular', signal))) return 'abort'
      if (checkpointEvery !== undefined && step % checkpointEvery === 0) await this.#save('last')
      if (validated || this.#isDue(window)) {
        const report = this.#report(window, validated)
        this.emit('report', report)
        yield report
      }
      watch.start()
    }
  }

  get #position(): Position {
    const { seconds } = this.#watch
    return {
      progress: this.#progress,
      stepsPerEpoch: this.data.stepsPerEpoch,
      elapsed: this.#before + seconds,
      stepSeconds: this.#stepsHere > 0 ? seconds / this.#stepsHere : 0
    }
  }

  /** Puts a batch and this step's scalars into the plan. */
  #begin(batch: Batch): void {
    const { clip, optimizer, schedule } = this.#options
    const { step, seed, plateau } = this.#progress
    const { done, share } = shareDone(this.#options, this.#position) ?? { done: 0, share: 0 }
    const control = this.#steps.begin(batch, this.data.dims)
    applyOptimizer(optimizer, control)
    control.clipNorm = clip
    control.average = this.#average.share(this.#progress)
    control.seed = seed
    control.step = step
    control.learningRate = optimizer.learningRate * scheduleFactor(schedule, { step, done, share, plateau })
  }

  #finish(batch: Batch, window: Window): void {
    const { loss } = this.#plan.control
    const progress = this.#progress
    expectApplied(this.#plan, progress.step)
    const count = batch.count ?? symbolsOf(batch.dims ?? this.data.dims)
    this.#stepsHere++
    window.add(loss, count)
    this.#progress = {
      ...progress,
      ...this.#average.counted(progress),
      step: progress.step + 1,
      epoch: batch.epoch,
      cursor: batch.cursor,
      count: progress.count + count,
      smoothedLoss: smooth(progress.smoothedLoss, loss)
    }
  }

  /** Measures the validation data and takes the consequences; false if the caller aborted. */
  async #validate(kind: 'regular' | 'end', signal: AbortSignal | undefined): Promise<boolean> {
    const { validation: source, schedule } = this.#options
    const { step } = this.#progress
    const result = await validate(this.#average.model(this.#progress), source!, step, signal)
    if (result === 'abort') return false
    const { progress, gained } = afterLoss(this.#progress, result.loss, { kind, schedule })
    this.#progress = progress
    this.#validation = { step, best: gained, ...result }
    this.emit('validation', this.#validation)
    if (gained) await this.#save('best')
    return true
  }

  /** Passes the run to the caller, who keeps it. */
  async #save(kind: 'last' | 'best'): Promise<void> {
    const { checkpoint } = this.#options
    if (checkpoint) await awaitable(checkpoint(this.snapshot(), kind), 'the result of checkpoint')
  }

  /** Validates the last step, unless that was done; the 'last' checkpoint, written before, is written again with the result. */
  async #validateEnd(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#options.validation || this.#validation?.step === this.#progress.step) return
    if (await this.#validate('end', signal)) await this.#save('last')
  }

  #reachedLimit(): StopReason | null {
    const { patience } = this.#options
    if (patience !== undefined && this.#progress.bad >= patience) return 'patience'
    return reachedLimit(this.#options, this.#position)
  }

  #isDue(window: Window): boolean {
    const { reportEvery } = this.#options
    if (reportEvery !== undefined) return this.#progress.step % reportEvery === 0
    return window.age(this.#watch.seconds) >= 1 || this.#reachedLimit() !== null
  }

  #report(window: Window, validated: boolean): Report {
    const { step, epoch, count, smoothedLoss } = this.#progress
    const { control } = this.#plan
    const { seconds } = this.#watch
    const share = shareDone(this.#options, this.#position)
    return {
      step,
      epoch,
      ...window.take(seconds),
      smoothedLoss: smoothedLoss!,
      gradNorm: control.gradNorm,
      learningRate: control.learningRate,
      tokens: count,
      seconds,
      remaining: share?.remaining ?? null,
      fraction: share?.done ?? null,
      validation: validated ? this.#validation : null
    }
  }

  #summary(stopped: StopReason, tokens: number, begin: number): Summary {
    const { step, epoch, smoothedLoss, best } = this.#progress
    const { seconds } = this.#watch
    const validation = this.#validation
    const [wallSeconds, tokensPerSecond] = [(performance.now() - begin) / 1000, rate(tokens, seconds)]
    return { step, epoch, smoothedLoss, validation, best, seconds, wallSeconds, tokens, tokensPerSecond, stopped }
  }
}

/** A trainer for `model` on `data`. Compiles the training step and, with `resume`, puts the run back where it was. */
export function createTrainer(model: Model, data: BatchSource, options?: TrainerOptions): Trainer {
  return new Trainer(model, data, options)
}
