// The measure of a model of music: the mean negative log-likelihood of a step and of a note. Every step counts, the first one of a piece too.

import { countPresses } from '../../data/music/events.js'
import { duration, grouped, nats } from '../../format.js'
import type { Model } from '../../model.js'
import { evaluate } from '../../train/evaluate.js'
import type { TaskMeasurement } from '../task.js'
import { pieceBatches, type StepPiece } from './batches.js'
import type { MusicInputs, MusicNetwork } from './settings.js'

/** Number of pieces that are measured together. */
const TOGETHER = 16

/**
 * Returns the numbers of pieces, steps and notes; in the form voices a rest is a note. In the form events steps are events, without the ends of
 * pieces, and notes are presses.
 */
export function countsOf(pieces: readonly StepPiece[], form?: MusicNetwork['form']) {
  const sum = (own: (piece: StepPiece) => number) => pieces.reduce((total, piece) => total + own(piece), 0)
  if (form === 'events') {
    const steps = sum((piece) => piece.length - 1)
    return { pieces: pieces.length, steps, notes: sum((piece) => countPresses(piece.map(([id]) => id!))) }
  }
  const notes = sum((piece) => piece.reduce((own, step) => own + step.length, 0))
  return { pieces: pieces.length, steps: sum((piece) => piece.length), notes }
}

/** Measures a model on pieces. Pieces without notes have no nats per note. Throws ERR_ABORTED if the signal aborts. */
export async function measureMusic(
  model: Model,
  pieces: readonly StepPiece[],
  network: MusicInputs,
  { signal }: { signal?: AbortSignal | undefined } = {}
): Promise<TaskMeasurement> {
  const { loss, count, seconds } = await evaluate(model, pieceBatches(pieces, network, TOGETHER), { signal })
  const { form } = network
  const counts = countsOf(pieces, form)
  const unit = form === 'events' ? 'event' : 'step'
  const step = (loss * count) / counts.steps
  const note = counts.notes > 0 ? { nats_per_note: (loss * count) / counts.notes } : null
  const perNote = note ? `, ${nats(note.nats_per_note)} nats per note` : ''
  return {
    values: { nats_per_step: step, ...note },
    facts: { ...counts, seconds },
    lines: [
      `${nats(step)} nats per ${unit}${perNote}: ${grouped(counts.steps)} ${unit}s and ${grouped(counts.notes)} notes of ${grouped(counts.pieces)} pieces, in ${duration(seconds)}`
    ]
  }
}
