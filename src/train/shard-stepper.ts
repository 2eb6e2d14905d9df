// Steps of a training whose batches are divided into shards. The gradients of the shards are summed as a balanced tree over their numbers, by
// one process or by several that each compute neighbouring shards; loss, clipping and update follow in every process on the same numbers. So
// the weights are the same bits for any number of processes and threads.

import { handleOf } from '../graph/parameters.js'
import { weightsChecksum } from '../graph/shard-sums.js'
import type { Batch, BatchSource } from '../data/batching/source.js'
import type { Model } from '../model.js'
import type { Control } from '../graph/control.js'
import type { WeightAverage } from './averaging.js'
import { shareDone, symbolCount, type Position } from './limits.js'
import { expectApplied } from './not-finite.js'
import { applyOptimizer } from './optimizers.js'
import type { CheckedOptions } from './options.js'
import type { Progress } from './progress.js'
import type { StopReason } from './reports.js'
import { scheduleFactor } from './schedules.js'
import type { ShardPlans, Sharding } from './shard-plans.js'
import { StepSum, type StepMaker, type StepMeans } from './stepper.js'
import type { Team } from './team.js'

/** Steps after which the processes compare their weights. */
const COMPARE_EVERY = 100

/** The parts of a run that its steps use. */
export interface ShardRun {
  readonly model: Model
  readonly data: BatchSource
  readonly plans: ShardPlans
  readonly options: CheckedOptions
  readonly average: WeightAverage
  readonly sharding: Sharding
  readonly team: Team
  /** Called with the number of finished passes over the data. */
  readonly announce: (epoch: number) => void
}

/** Makes the steps of a run in shards. */
export class ShardStepper implements StepMaker {
  readonly #run: ShardRun
  #epoch = 0
  #waited = 0

  constructor(run: ShardRun) {
    this.#run = run
  }

  begin({ epoch }: Progress): void {
    this.#epoch = epoch
    this.#waited = 0
  }

  get waited(): number {
    return this.#waited / 1000
  }

  async step({ queue, claim, signal, position }: StepMeans): Promise<StepSum | StopReason> {
    const { team, plans, options } = this.#run
    const own = team.own(signal)
    const asked = performance.now()
    const batch = await queue.first(own)
    this.#waited += performance.now() - asked
    if (batch === 'abort') return 'abort'
    const end =
      batch === null ? 'data' : options.epochs !== undefined && batch.epoch >= options.epochs ? 'epochs' : null
    if (batch && batch.epoch > this.#epoch) this.#run.announce((this.#epoch = batch.epoch))
    const release = await claim.step(own)
    if (release === null) return 'abort'
    const giveUp = plans.saveStates()
    let applied = false
    try {
      const at = position()
      const losses = end ? plans.shards.flatMap(() => [0, 0]) : await this.#gradients(batch!, queue, at)
      const facts = this.#facts(batch, end, signal, at)
      const agreed = await team.agree(facts, losses)
      if (end) return end
      const sum = this.#sum(batch!, agreed.losses, facts.symbols)
      await this.#update(sum, agreed, at.progress)
      applied = true
      return sum
    } finally {
      if (!applied && !end) giveUp()
      release()
    }
  }

  /** Runs the shards of this process, and returns pairs of loss and count. The next batch is read meanwhile. */
  async #gradients(batch: Batch, queue: StepMeans['queue'], { progress }: Position): Promise<number[]> {
    const { plans, data, sharding } = this.#run
    const controls = plans.begin(batch, data.dims)
    const { shards } = plans
    const losses: number[] = []
    for (const [place, control] of controls.entries()) {
      if (control) {
        control.seed = progress.seed
        control.step = progress.step * sharding.shards + shards[place]! // every shard has masks of its own
        control.shard = place
      }
      const running = plans.run(place)
      if (place === 0) queue.advance()
      const { loss, counted } = await running
      losses.push(loss, counted)
    }
    return losses
  }

  #facts(batch: Batch | null, end: 'data' | 'epochs' | null, signal: AbortSignal | undefined, at: Position) {
    const { model, options, data, team } = this.#run
    const { step } = at.progress
    const { timeLimit } = options
    const compares = team.several && step % COMPARE_EVERY === 0
    return {
      step,
      end,
      cursor: batch?.cursor ?? null,
      symbols: batch === null ? 0 : (batch.count ?? symbolCount(batch.dims ?? data.dims)),
      weights: compares ? weightsChecksum(model.parameters) : 0n,
      aborted: signal?.aborted === true,
      timeUp: timeLimit !== undefined && at.elapsed + at.stepSeconds > timeLimit,
      ...(shareDone(options, at) ?? { done: 0, share: 0 })
    }
  }

  #sum(batch: Batch, losses: readonly number[], symbols: number): StepSum {
    const sum = new StepSum()
    for (let i = 0; i < losses.length; i += 2) sum.add(batch, losses[i]!, losses[i + 1]!, symbols)
    sum.count = symbols
    return sum
  }

  /** Sums the gradients of all shards and applies their mean. Throws ERR_NOT_FINITE if loss or gradient is not finite. */
  async #update(sum: StepSum, { done, share }: { done: number; share: number }, progress: Progress): Promise<void> {
    const { model, plans, sharding } = this.#run
    const { step } = progress
    if (!Number.isFinite(sum.loss) || !Number.isFinite(sum.counted)) {
      const { inputs, shapes } = plans.suspect
      expectApplied({ inputs, shapes, control: { loss: sum.loss, gradNorm: NaN, applied: false } }, step)
    }
    await sharding.ranks.reduce(handleOf(model.parameters)!, sum.counted)
    const { plan } = plans
    this.#settings(plan.control, progress, { done, share })
    await plan.run('update')
    expectApplied(plan, step)
  }

  #settings(control: Control, progress: Progress, at: { done: number; share: number }): void {
    const { clip, optimizer, schedule, rateOf } = this.#run.options
    const { step, plateau } = progress
    applyOptimizer(optimizer, control)
    control.clipNorm = clip
    control.average = this.#run.average.share(progress)
    control.step = step
    control.learningRate = rateOf
      ? rateOf(step)
      : optimizer.learningRate * scheduleFactor(schedule, { step, ...at, plateau })
  }
}
