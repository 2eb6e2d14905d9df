// The plans of a run and the maker of its steps: whole batches, or batches in shards, by one process or several.

import { expected } from '../errors.js'
import type { BatchSource } from '../data/batching/source.js'
import { weightsChecksum } from '../graph/shard-sums.js'
import type { Model } from '../model.js'
import { Ranks } from '../ranks/ranks.js'
import { findPackage } from '../version.js'
import type { WeightAverage } from './averaging.js'
import { updateOf } from './optimizers.js'
import type { CheckedOptions } from './options.js'
import type { Progress } from './progress.js'
import { ShardPlans } from './shard-plans.js'
import { ShardStepper } from './shard-stepper.js'
import { StepPlan, type TrainingPlans } from './step-plan.js'
import { Stepper, type StepMaker } from './stepper.js'
import { Team } from './team.js'

/** The parts of a run that make its steps. */
export interface Steps {
  readonly plans: TrainingPlans
  readonly stepper: StepMaker
  readonly team: Team
}

/**
 * Returns the plans and the maker of the steps of a run. Throws ERR_INVALID_ARGUMENT if an option does not fit the shards, and ERR_UNSUPPORTED for
 * a model that cannot be trained in shards.
 */
export function makeSteps(
  model: Model,
  data: BatchSource,
  options: CheckedOptions,
  average: WeightAverage,
  announce: (epoch: number) => void
): Steps {
  const { optimizer, outputs, gradients, shards, ranks } = options
  const planOptions = { optimizer: updateOf(optimizer), ...(outputs && { outputs }), ...(gradients && { gradients }) }
  if (shards === undefined) {
    const plans = new StepPlan(model, planOptions, data.dims)
    return { plans, stepper: new Stepper(plans, data, options, average, announce), team: new Team(null) }
  }
  refuseUnfit(options)
  const sharding = { shards, ranks: ranks ?? new Ranks(onlyProcess) }
  const plans = new ShardPlans(model, planOptions, data.dims, sharding)
  const team = new Team(sharding.ranks)
  return { plans, stepper: new ShardStepper({ model, data, plans, options, average, sharding, team, announce }), team }
}

const onlyProcess = { rank: 0, size: 1, launcher: null, library: null, version: null, silence: 30 }

function refuseUnfit({ accumulate, outputs, gradients }: CheckedOptions): void {
  const unfit =
    accumulate > 1
      ? `accumulate ${accumulate}`
      : outputs?.length
        ? 'outputs of the plan'
        : gradients?.length
          ? 'gradients of tensors'
          : null
  if (unfit === null) return
  throw expected(
    'ERR_INVALID_ARGUMENT',
    'a training in shards without that option',
    unfit,
    'leave it out, or train without shards'
  )
}

/** Returns the facts that all processes of a training must have in common when a fit begins. */
export function commonFacts(model: Model, data: BatchSource, { shards, seed }: CheckedOptions, progress: Progress) {
  return {
    version: findPackage()?.version ?? null,
    model: model.name,
    configuration: model.config,
    'number of shards': shards ?? 1,
    'shape of batches': { ...data.dims },
    'number of steps in an epoch': data.stepsPerEpoch ?? null,
    seed: seed ?? null,
    step: progress.step,
    'position in the data': progress.cursor,
    'checksum of the weights': String(weightsChecksum(model.parameters))
  }
}
