// The training loop: each step reads a batch and makes one native call; reports, validations, early stopping and checkpoints follow. The
// event loop is free while a step runs, and the next batch is read meanwhile.

import { EventEmitter } from 'node:events'
import { awaitable } from '../check/index.js'
import { expected } from '../errors.js'
import type { FitClaim } from '../graph/operations.js'
import { operationsOf } from '../graph/parameters.js'
import type { Plan } from '../graph/plan.js'
import { checkModel, type Model } from '../model.js'
import { WeightAverage } from './averaging.js'
import { beginRun } from './begin-run.js'
import { readSource, readBatches, type BatchReader, type BatchSource } from '../data/batching/source.js'
import { Groups, type TrainingGroup } from './groups.js'
import { orAborted, reachedLimit, shareDone, type Position } from './limits.js'
import { Stopwatch, Window, rate, shareOf } from './metrics.js'
import { momentsOf } from './optimizers.js'
import { checkOptions, type CheckedOptions, type TrainerOptions } from './options.js'
import { guardPlan, ownsMoments, takeMoments } from './ownership.js'
import { afterStep, takeSnapshot, type Progress, type Snapshot } from './progress.js'
import { checkFitOptions } from './reports.js'
import type { FitOptions, Report, StopReason, Summary, TrainerEvents, Validation } from './reports.js'
import { BatchQueue, type StepSum } from './stepper.js'
import { commonFacts, makeSteps, type Steps } from './steps.js'
import { afterMeasure, isOwed, isRegular, validate } from './validation.js'

/** Trains one model on one source of batches; made by `createTrainer`. */
export class Trainer extends EventEmitter<TrainerEvents> {
  readonly model: Model
  readonly data: BatchSource
  readonly #options: CheckedOptions
  readonly #steps: Steps
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
    const { average, accumulate } = this.#options
    const { parameters } = model
    operationsOf(parameters).checkNoFit('another trainer')
    this.#groups = new Groups(this.#options.groups ?? [], parameters.names) // throws before the model is changed
    this.#average = new WeightAverage(model, average)
    if (accumulate > 1) parameters.addArena('accumulated')
    this.#steps = makeSteps(model, this.data, this.#options, this.#average, (epoch) => void this.emit('epoch', epoch))
    const { plans } = this.#steps
    this.#progress = beginRun(model, this.#options, this, plans.carried.states)
    plans.scatter()
    this.#before = this.#progress.elapsed ?? 0
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
   * The plan of a training step, which belongs to this trainer. Its `bytes` and `explain()` return the memory that a run needs. Its runs,
   * `resetStates` and `dispose` throw ERR_BUSY during a fit of the trainer.
   */
  get plan(): Plan {
    return guardPlan(this.#plan, () => this.#claim !== null)
  }

  get #plan(): Plan {
    return this.#steps.plans.plan
  }

  /** Steps, epoch, losses and the other figures of the run so far, as a checkpoint stores them. */
  get progress(): Readonly<Progress> {
    return this.#progress
  }

  /** Returns the content of a checkpoint of the run. Its arrays are live views, which the next step changes. */
  snapshot(): Snapshot {
    const progress = { ...this.#progress }
    if (this.#options.timeLimit !== undefined) progress.elapsed = this.#before + this.#watch.seconds
    return takeSnapshot(this.model, progress, momentsOf(this.#options.optimizer), this.#steps.plans.carried)
  }

  /**
   * Trains until a limit is reached, validations stop improving, the data ends or the caller aborts. Each step waits for operations that
   * read the weights. Throws ERR_BUSY during another fit of this model and if another trainer has used the model since the last step.
   * Throws ERR_NOT_FINITE if a loss or gradient is not finite; the model then keeps the last finite weights, and no checkpoint is written.
   * Throws ERR_ABORTED if `options.signal` is aborted, and the errors of the data and of the checkpoint callback.
   */
  async fit(options: FitOptions = {}): Promise<Summary> {
    const reports = this.reports(options)
    for (;;) {
      const { done, value } = await reports.next()
      if (done) return value
    }
  }

  /**
   * Trains as `fit` does and yields the reports. Training continues when the next report is asked for; it ends without a checkpoint if the
   * iterator is closed before its end, as `break` does.
   */
  async *reports(options: FitOptions = {}): AsyncGenerator<Report, Summary, undefined> {
    const { signal, onAbort = 'throw' } = checkFitOptions(options, 'the options of fit')
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
      // A run that was aborted before its weights had first values has no state to save: the next run begins in the same way.
      if (parameters.isReady) await this.#save('last')
      if (stopped === 'abort' && onAbort === 'throw') {
        const found = `an abort after step ${this.#progress.step}`
        throw expected('ERR_ABORTED', 'to finish', found, 'resume from the last checkpoint', signal?.reason)
      }
      if (stopped !== 'abort') await this.#validateEnd(signal)
      const summary = this.#summary(stopped, this.#progress.count - countBefore, begin)
      this.emit('end', summary)
      return summary
    } catch (error) {
      await this.#steps.team.fail(error)
      throw error
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
    const { team, stepper } = this.#steps
    const own = team.own(signal)
    if ((await orAborted(this.model.ready({ signal: own }))) === 'abort') return 'abort'
    if (team.several) await team.begin(commonFacts(this.model, this.data, this.#options, this.#progress), signal)
    if (isOwed(this.#options, this.#progress) && !(await this.#validate('regular', signal))) return 'abort'
    if (!(await takeMoments(this.model.parameters, this, { step: this.#progress.step, claim, signal: own }))) return 'abort' // prettier-ignore
    if (!(await this.#average.begin(this.#progress, claim, own))) return 'abort'
    this.#groups.enter(this.model.parameters, this.#options.optimizer, this.#progress.skipped)
    stepper.begin(this.#progress)
    watch.start()
    for (const queue = new BatchQueue(reader); ;) {
      const limit = team.stop ?? this.#reachedLimit()
      if (limit) return limit
      const made = await stepper.step({ queue, claim, signal, position: () => this.#position })
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
    this.#progress = { ...afterStep(progress, loss, count, last!), ...this.#average.counted(progress), ...skipped }
  }

  /** Measures the validation data, then updates progress and best checkpoint. Returns false if the caller aborted. */
  async #validate(kind: 'regular' | 'end', signal: AbortSignal | undefined): Promise<boolean> {
    const { schedule, monitor } = this.#options
    const { step } = this.#progress
    const measure = () => validate(this.#average.model(this.#progress), this.#options, step, signal)
    const result = await this.#steps.team.lead(measure)
    if (result === 'abort') return false
    const { progress, gained } = afterMeasure(this.#progress, result, { kind, schedule, monitor })
    this.#progress = progress
    this.#validation = { step, best: gained, ...result }
    this.emit('validation', this.#validation)
    if (gained) await this.#save('best')
    return true
  }

  /** Calls the checkpoint callback with a snapshot of the run. */
  async #save(kind: 'last' | 'best'): Promise<void> {
    const { checkpoint } = this.#options
    const { plans, team } = this.#steps
    if (checkpoint) await plans.collect()
    if (checkpoint && team.leads) await awaitable(checkpoint(this.snapshot(), kind), 'the result of checkpoint')
  }

  /** Validates the last step if it was not validated, then writes the 'last' checkpoint again, with the result. */
  async #validateEnd(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#options.validation || this.#validation?.step === this.#progress.step) return
    if (await this.#validate('end', signal)) await this.#save('last')
  }

  #reachedLimit(): StopReason | null {
    return reachedLimit(this.#options, this.#position, this.#steps.team.several)
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
      ...window.take(seconds, this.#steps.stepper.waited),
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
    const wallSeconds = (performance.now() - begin) / 1000
    const waiting = shareOf(this.#steps.stepper.waited, seconds)
    const rates = { seconds, wallSeconds, tokens, tokensPerSecond: rate(tokens, seconds), waiting }
    return { step, epoch, smoothedLoss, validation: this.#validation, best, ...rates, stopped }
  }
}

/**
 * Creates a trainer of `model` on `data`: compiles the training step and, with `options.resume`, restores the run of a checkpoint. `data` has
 * an array for each input and target of the model. Throws ERR_INVALID_ARGUMENT if an option is not valid or the checkpoint was made with
 * other settings, ERR_INVALID_SHAPE if its tensors do not fit, ERR_BUSY during a fit of the model, ERR_UNSUPPORTED for a model made with
 * `training: false`, and ERR_OUT_OF_MEMORY.
 * @example
 * const data = tokenSource(createBatches(tokensOf(vocabulary.encode(text)), { batch: 8, length: 27 }))
 * const trainer = createTrainer(model, data, { optimizer: { kind: 'adam', learningRate: 1e-2 }, steps: 100 })
 * trainer.on('report', ({ step, loss }) => console.log(step, loss))
 * const { step, stopped } = await trainer.fit() // 100, 'steps'
 */
export function createTrainer(model: Model, data: BatchSource, options?: TrainerOptions): Trainer {
  return new Trainer(model, data, options)
}
