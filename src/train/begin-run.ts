// The begin of a run: from the checkpoint that it resumes, or from the first step.

import { expected } from '../errors.js'
import { operationsOf } from '../graph/parameters.js'
import type { Model } from '../model.js'
import { momentsOf, updateOf } from './optimizers.js'
import type { CheckedOptions } from './options.js'
import { clearMoments, setMomentOwner } from './ownership.js'
import { firstProgress, restoreRun, restoreStates, type Progress } from './progress.js'
import { monitorKey } from './reports.js'

/**
 * Restores the run of `options.resume`, or clears the moments for a new run, and returns the progress. `run` becomes the owner of the
 * moments; `states` are its carried states. Throws ERR_INVALID_ARGUMENT if the options do not fit the run, and the errors of
 * `restoreRun` and `restoreStates`.
 */
export function beginRun(
  model: Model,
  options: CheckedOptions,
  run: object,
  states: Readonly<Record<string, Float32Array>>
): Progress {
  const { optimizer, resume, seed, average, monitor, rateOf, scheduled, shards } = options
  const { parameters } = model
  let progress: Progress
  if (resume) {
    const settings = { seed, average, optimizer: updateOf(optimizer), monitor, shards }
    progress = restoreRun(model, resume, settings, momentsOf(optimizer))
    restoreStates(states, resume)
    setMomentOwner(parameters, run)
  } else {
    progress = firstProgress(seed ?? 0, updateOf(optimizer))
    // During an evaluation they cannot be cleared: the fit does that when it begins.
    if (operationsOf(parameters).idle) clearMoments(parameters, run)
  }
  if (progress.rateFunction && !scheduled) {
    const found = 'none, because a checkpoint cannot keep it'
    const remedy = 'pass it again as `schedule`'
    throw expected('ERR_INVALID_ARGUMENT', 'the function that gives the rates of the run to resume', found, remedy)
  }
  const begun: Progress = { ...progress, rateFunction: true, ...(shards !== undefined && { shards }) }
  if (!rateOf) delete begun.rateFunction
  if (monitorKey(monitor) !== 'loss') begun.monitor = monitorKey(monitor)
  return begun
}
