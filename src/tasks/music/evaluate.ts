// The measure of a model of music: the mean negative log-likelihood of a step and of a note. Every step counts, the first one of a piece too.

import { duration, grouped, nats } from '../../format.js'
import type { Model } from '../../model.js'
import { evaluate } from '../../train/evaluate.js'
import type { TaskMeasurement } from '../task.js'
import { pieceBatches, type StepPiece } from './batches.js'
import type { MusicNetwork } from './settings.js'

/** Number of pieces that are measured together. */
const TOGETHER = 16

/** Returns the numbers of pieces, steps and notes; in the form voices a rest is a note. */
export function countsOf(pieces: readonly StepPiece[]) {
  const steps = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const notes = pieces.reduce((sum, piece) => sum + piece.reduce((own, step) => own + step.length, 0), 0)
  return { pieces: pieces.length, steps, notes }
}

/** Measures a model on pieces. Throws ERR_ABORTED if the signal aborts. */
export async function measureMusic(
  model: Model,
  pieces: readonly StepPiece[],
  { form }: Pick<MusicNetwork, 'form'>,
  { signal }: { signal?: AbortSignal | undefined } = {}
): Promise<TaskMeasurement> {
  const { loss, count, seconds } = await evaluate(model, pieceBatches(pieces, form, TOGETHER), { signal })
  const counts = countsOf(pieces)
  const [step, note] = [(loss * count) / counts.steps, (loss * count) / counts.notes]
  return {
    values: { nats_per_step: step, nats_per_note: note },
    facts: { ...counts, seconds },
    lines: [
      `${nats(step)} nats per step, ${nats(note)} nats per note: ${grouped(counts.steps)} steps and ${grouped(counts.notes)} notes of ${grouped(counts.pieces)} pieces, in ${duration(seconds)}`
    ]
  }
}
