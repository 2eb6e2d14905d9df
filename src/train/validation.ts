// Validations of a run: which are due, and their consequences for the progress. Regular ones come every `validateEvery`
// steps. The end of a run is validated too, so that the best model may be the last one; patience and the plateau schedule
// count only the regular ones, because a run that is resumed must take the rates of a run that never stopped.

import { GatecellError } from '../errors.js'
import type { Model } from '../model.js'
import type { BatchSource } from '../data/batching/source.js'
import { evaluate, type Evaluation } from './evaluate.js'
import { orAborted } from './limits.js'
import type { CheckedOptions } from './options.js'
import type { Progress } from './progress.js'
import { afterValidation, type Schedule } from './schedules.js'

/** Whether a regular validation belongs to the step that the run is at. */
export function isRegular({ validation, validateEvery }: CheckedOptions, { step }: Progress): boolean {
  return validation !== undefined && step > 0 && step % validateEvery === 0
}

/** Whether a run was aborted during the regular validation of the step that it is at. */
export function isOwed(options: CheckedOptions, progress: Progress): boolean {
  return isRegular(options, progress) && progress.validation?.step !== progress.step
}

/** Returns the loss on the validation data, or 'abort'. Throws ERR_NOT_FINITE if the loss is not finite. */
export async function validate(
  model: Model,
  source: BatchSource,
  step: number,
  signal: AbortSignal | undefined
): Promise<Evaluation | 'abort'> {
  const result = await orAborted(evaluate(model, source, { signal }))
  if (result !== 'abort' && !Number.isFinite(result.loss)) {
    throw new GatecellError(
      'ERR_NOT_FINITE',
      `Expected a finite loss of the validation data but after step ${step} it is ${result.loss}; go on from the last checkpoint with a lower learning rate.`
    )
  }
  return result
}

/** Returns the progress after a validation with this loss, and whether it is the best so far. */
export function afterLoss(
  progress: Progress,
  loss: number,
  { kind, schedule }: { kind: 'regular' | 'end'; schedule: Required<Schedule> }
): { progress: Progress; gained: boolean } {
  const { step, best, bad, plateau, lowest } = progress
  const gained = best === null || loss < best.loss
  const next = { ...progress, validation: { loss, step }, best: gained ? { loss, step } : best }
  if (kind === 'end') return { progress: next, gained }
  const lower = lowest === null || loss < lowest
  next.lowest = lower ? loss : lowest
  next.bad = lower ? 0 : bad + 1
  next.plateau = afterValidation(schedule, plateau, lower, loss)
  return { progress: next, gained }
}
