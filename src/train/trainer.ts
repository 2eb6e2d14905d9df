// The training loop: batch in, one native call, rates and events out; validation, early stopping, checkpoints through a
// callback, exact resume. The event loop is free while a step runs, and the next batch is made ready meanwhile.

import { EventEmitter } from 'node:events'
import { awaitable, choice, optional, options as optionsOf, signal as signalOf } from '../check/index.js'
import { GatecellError } from '../errors.js'
import type { FitClaim } from '../graph/operations.js'
import { operationsOf } from '../graph/parameters.js'
import type { Plan } from '../graph/plan.js'
import { checkModel, type Model } from '../model.js'
import { WeightAverage } from './averaging.js'
import { readSource, readBatches, type BatchReader, type BatchSource } from '../data/batching/source.js'
import { Groups, type TrainingGroup } from './groups.js'
import { orAborted, reachedLimit, shareDone, type Position } from './limits.js'
import { Stopwatch, Window, rate, shareOf, smooth } from './metrics.js'
import { momentsOf, updateOf } from './optimizers.js'
import { checkOptions, type CheckedOptions, type TrainerOptions } from './options.js'
import { clearMoments, guardPlan, ownsMoments, setMomentOwner, takeMoments } from './ownership.js'
import { firstProgress, restoreRun, restoreStates, takeSnapshot, type Progress, type Snapshot } from './progress.js'
import { monitorKey } from './reports.js'
import type { FitOptions, Report, StopReason, Summary, TrainerEvents, Validation } from './reports.js'
import { StepPlan } from './step-plan.js'
import { BatchQueue, Stepper, type StepSum } from './stepper.js'
import { afterMeasure, isOwed, isRegular, validate } from './validation.js'

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
  readonly #stepper: Stepper
  readonly #average: WeightAverage
  #claim: FitClaim | null = null
  #groups: Groups
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
    const { optimizer, resume, seed, average, accumulate, monitor, rateOf, scheduled } = this.#options
    const { parameters } = model
    operationsOf(parameters).checkNoFit('another trainer')
    this.#groups = new Groups(this.#options.groups ?? [], parameters.names) // before the model is changed
    this.#average = new WeightAverage(model, average)
    if (accumulate > 1) parameters.addAccumulated()
    this.#steps = new StepPlan(model, updateOf(optimizer), this.data.dims)
    const announce = (epoch: number) => void this.emit('epoch', epoch)
    this.#stepper = new Stepper(this.#steps, this.data, this.#options, this.#average, announce)
    if (resume) {
      this.#progress = restoreRun(
        this.model,
        resume,
        { seed, average, optimizer: updateOf(optimizer), monitor },
        momentsOf(optimizer)
      )
      restoreStates(this.#plan.states, resume)
      this.#before = this.#progress.elapsed ?? 0
      setMomentOwner(parameters, this)
    } else {
      this.#progress = firstProgress(seed ?? 0, updateOf(optimizer))
      // Where an evaluation is under way, the moments are cleared when the fit begins.
      if (operationsOf(parameters).idle) clearMoments(parameters, this)
    }
    if (this.#progress.rateFunction && !scheduled) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        'Expected the function that gives the rates of the run to resume but there is none, because a checkpoint cannot keep it: pass it again as `schedule`.'
      )
    }
    this.#progress = { ...this.#progress, rateFunction: true }
    if (!rateOf) delete this.#progress.rateFunction
    if (monitorKey(monitor) !== 'loss') this.#progress = { ...this.#progress, monitor: monitorKey(monitor) }
    this.#setGroups(this.#options.groups ?? this.#progress.groups ?? [])
  }

  /**
   * Changes the groups of parameters for the fits to come, as the option `groups` sets them; [] for none. Throws ERR_INVALID_ARGUMENT for
   * groups that are not valid, and ERR_BUSY during a fit.
   * @example
   * trainer.setGroups([{ parameters: 'embedding.*', frozen: true }])
   */
  setGroups(groups: readonly TrainingGroup[]): void {
    operationsOf(this.model.parameters).checkNoFit('a change of the groups')
    this.#setGroups(groups)
  }

  #setGroups(groups: readonly TrainingGroup[]): void {
    this.#groups = new Groups(groups, this.model.parameters.names)
    const { list } = this.#groups
    this.#progress = { ...this.#progress, groups: list }
    if (list.length === 0) delete this.#progress.groups
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
    const claim = (this.#claim = operationsOf(parameters).fit())
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
      this.#groups.leave(parameters)
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
    const { checkpointEvery } = this.#options
    const watch = this.#watch
    const window = new Window(0)
    if ((await orAborted(this.model.ready({ signal }))) === 'abort') return 'abort'
    if (isOwed(this.#options, this.#progress) && !(await this.#validate('regular', signal))) return 'abort'
    if (!(await takeMoments(this.model.parameters, this, { step: this.#progress.step, claim, signal }))) return 'abort'
    if (!(await this.#average.begin(this.#progress, claim, signal))) return 'abort'
    this.#groups.enter(this.model.parameters, this.#options.optimizer, this.#progress.skipped)
    this.#stepper.begin(this.#progress)
    watch.start()
    for (const queue = new BatchQueue(reader); ;) {
      const limit = this.#reachedLimit()
      if (limit) return limit
      const made = await this.#stepper.step({ queue, claim, signal, position: () => this.#position })
      if (typeof made === 'string') return made
      this.#finish(made, window)
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
    const { stepsPerEpoch } = this.data
    return {
      progress: this.#progress,
      stepsPerEpoch: stepsPerEpoch === undefined ? undefined : stepsPerEpoch / this.#options.accumulate,
      elapsed: this.#before + seconds,
      stepSeconds: this.#stepsHere > 0 ? seconds / this.#stepsHere : 0
    }
  }

  #finish({ loss, count, last }: StepSum, window: Window): void {
    const progress = this.#progress
    const skipped = this.#groups.counted(progress.skipped)
    this.#stepsHere++
    window.add(loss, count)
    this.#progress = {
      ...progress,
      ...this.#average.counted(progress),
      ...skipped,
      step: progress.step + 1,
      epoch: last!.epoch,
      cursor: last!.cursor,
      count: progress.count + count,
      smoothedLoss: smooth(progress.smoothedLoss, loss)
    }
  }

  /** Measures the validation data and takes the consequences; false if the caller aborted. */
  async #validate(kind: 'regular' | 'end', signal: AbortSignal | undefined): Promise<boolean> {
    const { schedule, monitor } = this.#options
    const { step } = this.#progress
    const result = await validate(this.#average.model(this.#progress), this.#options, step, signal)
    if (result === 'abort') return false
    const { progress, gained } = afterMeasure(this.#progress, result, { kind, schedule, monitor })
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
      ...window.take(seconds, this.#stepper.waited),
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
    const waiting = shareOf(this.#stepper.waited, seconds)
    return {
      step,
      epoch,
      smoothedLoss,
      validation,
      best,
      seconds,
      wallSeconds,
      tokens,
      tokensPerSecond,
      waiting,
      stopped
    }
  }
}

/** A trainer for `model` on `data`. Compiles the training step and, with `resume`, puts the run back where it was. */
export function createTrainer(model: Model, data: BatchSource, options?: TrainerOptions): Trainer {
  return new Trainer(model, data, options)
}
