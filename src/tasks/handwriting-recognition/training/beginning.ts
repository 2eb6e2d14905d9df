// Detection of a reader that has not begun to read. Under connectionist temporal classification a network first learns to output the blank
// nearly everywhere, which has the lowest loss as long as the outputs do not depend on the ink; some trainings never get further.

import type { Report } from '../../../train/reports.js'
import { measureRecognition, type RecognitionMeasure } from './evaluate.js'
import type { RecognitionRun } from './run.js'

/** Fewest symbols, right or wrong, that a reader which has begun to read outputs per symbol written. */
const LEAST_READ = 0.5
/** Share of a run after which a reader has usually begun to read. Well before the end, so that the run can be stopped early. */
const LOOK_AT = 0.25
/** Number of validation samples that are read during the training. */
const LOOKED_AT = 64

/** Returns whether a reader outputs the blank nearly everywhere, so that it leaves most symbols out. */
export function hasNotBegun({ symbolsRead }: Pick<RecognitionMeasure, 'symbolsRead'>): boolean {
  return symbolsRead < LEAST_READ
}

/**
 * Returns a function to call with each report of a run. Once, at the first validation after a quarter of the run, it reads a few validation
 * samples with the present weights. It returns the measure if the reader has not begun to read, and null otherwise.
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
