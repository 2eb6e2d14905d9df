// The evaluation of a model's file: its measure on a part of the pieces next to baselines, and on request the figures of composed pieces.

import { nats } from '../../format.js'
import type { JsonObject } from '../../io/json.js'
import type { Model } from '../../model.js'
import type { TaskMeasurement } from '../task.js'
import { repetitionNats, trigramNats } from './baselines.js'
import type { StepPiece } from './batches.js'
import { piecesOfPart, readMusic, type MusicParts } from './data.js'
import { countsOf, measureMusic } from './evaluate.js'
import { composedFigures } from './figures.js'
import type { MusicEvaluation, MusicNetwork } from './settings.js'

/** Returns the nats of the form's baseline on all of `pieces`, and its name; null for forms without one, or if there is nothing to count. */
function baselineOf({ form }: MusicNetwork, { train }: MusicParts, pieces: readonly StepPiece[]) {
  if (train.length === 0) return null
  if (form === 'events') return { name: 'a trigram of the training part', sum: trigramNats(train, pieces) }
  if (form === 'voices') return { name: 'repeating the last pitch', sum: repetitionNats(train, pieces) }
  return null
}

/** Measures a model on the files of an evaluation. Throws the errors of `readMusic` and `piecesOfPart`, and ERR_ABORTED. */
export async function evaluateMusicFile(
  model: Model,
  network: MusicNetwork,
  { words, options }: { words: readonly string[]; options: MusicEvaluation },
  signal: AbortSignal
): Promise<TaskMeasurement> {
  const { part, compose, seed, temperature, topP } = options
  const { parts } = await readMusic(words, network, signal)
  const pieces = piecesOfPart(parts, part, words)
  const measurement = await measureMusic(model, pieces, network, { signal })
  const counts = countsOf(pieces, network.form)
  const lines = [...measurement.lines!]
  let facts: JsonObject = measurement.facts
  const baseline = baselineOf(network, parts, pieces)
  if (baseline) {
    const [step, note] = [baseline.sum / counts.steps, baseline.sum / counts.notes]
    facts = { ...facts, baseline_nats_per_step: step, baseline_nats_per_note: note }
    const unit = network.form === 'events' ? 'event' : 'step'
    lines.push(`${nats(step)} nats per ${unit}, ${nats(note)} nats per note by ${baseline.name}`)
  }
  if (compose > 0) {
    const own = { pieces: compose, seed, temperature, topP, signal }
    const { composed, data, difference, lines: figures } = await composedFigures(model, { parts, pieces }, network, own)
    facts = { ...facts, composed: { ...composed }, data: { ...data }, composed_difference: difference }
    lines.push('', ...figures)
  }
  return { ...measurement, facts, lines }
}
