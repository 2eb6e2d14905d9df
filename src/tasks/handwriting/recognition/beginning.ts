// Recognises a reader that has not begun to read. Connectionist temporal classification first learns to give the blank nearly
// everywhere, which costs least as long as the outputs do not depend on the ink; some trainings end there.

import type { Report } from '../../../train/reports.js'
import { measureRecognition, type RecognitionMeasure } from './evaluate.js'
import type { RecognitionRun } from './run.js'

/** A reader that has begun gives at least this many symbols for each one written, right or wrong. */
const LEAST_READ = 0.5
/** Share of a run after which a reader has usually begun: well before its end, so that nobody waits in vain. */
const LOOK_AT = 0.25
/** Validation samples that are read for the look during a training. */
const LOOKED_AT = 64

/** Returns whether a reader gives the blank nearly everywhere, so that it leaves most symbols out. */
export function hasNotBegun({ symbolsRead }: Pick<RecognitionMeasure, 'symbolsRead'>): boolean {
  return symbolsRead < LEAST_READ
}

/**
 * Returns a function that takes the reports of a run and once, at the first validation after a quarter of the run, reads a few validation
 * samples with the weights as they are. It returns the measure if the reader has not begun to read, and null otherwise.
 */
export function watchBeginning({
  model,
  config,
  samples
}: Pick<RecognitionRun, 'model' | 'config' | 'samples'>): (
  report: Pick<Report, 'validation' | 'fraction'>
) => Promise<RecognitionMeasure | null> {
  let looked = false
  return async ({ validation, fraction }) => {
    if (looked || validation === null || fraction === null || fraction < LOOK_AT || fraction >= 1) return null
    looked = true
    const measure = await measureRecognition(model, config, samples.valid.slice(0, LOOKED_AT))
    return hasNotBegun(measure) ? measure : null
  }
}
