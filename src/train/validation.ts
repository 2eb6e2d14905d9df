// Validations of a run: which of them are due, and their effect on the progress. Regular ones take place every `validateEvery` steps. The
// end of a run is validated, too, so that the best model may be the last one; patience and the plateau schedule count only the regular
// ones, because a resumed run must have the rates of a run that never stopped.

import { expected } from '../errors.js'
import type { Model } from '../model.js'
import { evaluate, type Evaluation } from './evaluate.js'
import { orAborted } from './limits.js'
import type { CheckedOptions } from './options.js'
import type { Progress } from './progress.js'
import type { Monitor } from './reports.js'
import { afterValidation, type Schedule } from './schedules.js'

/** Returns whether a regular validation takes place after the present step. */
export function isRegular({ validation, validateEvery }: CheckedOptions, { step }: Progress): boolean {
  return validation !== undefined && step > 0 && step % validateEvery === 0
}

/** Returns whether the regular validation after the present step is missing, because the run was aborted during it. */
export function isOwed(options: CheckedOptions, progress: Progress): boolean {
  return isRegular(options, progress) && progress.validation?.step !== progress.step
}

/** Returns loss and metrics on the validation data, or 'abort'. Throws ERR_NOT_FINITE if the loss or the monitored metric is not finite. */
export async function validate(
  model: Model,
  { validation: source, metrics, monitor }: CheckedOptions,
  step: number,
  signal: AbortSignal | undefined
): Promise<Evaluation | 'abort'> {
  const result = await orAborted(evaluate(model, source!, { signal, metrics }))
  if (result !== 'abort' && !Number.isFinite(result.loss)) {
    const wanted = 'a finite loss of the validation data'
    const remedy = 'continue from the last checkpoint with a lower learning rate'
    throw expected('ERR_NOT_FINITE', wanted, `${result.loss} after step ${step}`, remedy)
  }
  if (result !== 'abort' && !Number.isFinite(monitoredValue(result, monitor))) {
    const wanted = `a finite value of the metric "${monitor.name}" to monitor`
    const found = `${monitoredValue(result, monitor)} after step ${step}`
    throw expected('ERR_NOT_FINITE', wanted, found, 'use validation data on which it has a value')
  }
  return result
}

/** Returns the monitored figure of a validation, negated if higher is better: of two, the lower one is the better one. */
function monitoredValue({ loss, metrics }: Pick<Evaluation, 'loss' | 'metrics'>, { name, better }: Monitor): number {
  const value = name === 'loss' ? loss : (metrics?.[name] ?? NaN)
  return better === 'higher' ? -value : value
}

/** Returns the progress after a validation, and whether it is the best so far. */
export function afterMeasure(
  progress: Progress,
  { loss, metrics }: Evaluation,
  { kind, schedule, monitor }: { kind: 'regular' | 'end'; schedule: Required<Schedule>; monitor: Monitor }
): { progress: Progress; gained: boolean } {
  const { step, best, bad, plateau, lowest } = progress
  // A metric that has counted nothing is NaN, which JSON cannot represent.
  const finite = metrics && Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)))
  const measured = { loss, step, ...(finite && { metrics: finite }) }
  const value = monitoredValue(measured, monitor)
  const gained = best === null || value < monitoredValue(best, monitor)
  const next = { ...progress, validation: measured, best: gained ? measured : best }
  if (kind === 'end') return { progress: next, gained }
  const lower = lowest === null || value < lowest
  next.lowest = lower ? value : lowest
  next.bad = lower ? 0 : bad + 1
  next.plateau = afterValidation(schedule, plateau, lower, value)
  return { progress: next, gained }
}
