// Descriptions of a training on ink that the tasks share.

import type { Ink } from '../../data/ink/strokes.js'
import { counted } from '../../errors.js'
import { grouped } from '../../format.js'
import type { Run } from '../runs/run-types.js'
import type { InkRunData } from './training.js'
import type { InkConfig } from './config.js'
import { totalPoints } from './samples.js'

type AnyInkRun = Run<unknown> & InkRunData<{ ink: Ink; steps: number }> & { readonly config: InkConfig<unknown> }

/** Returns the texts about data and batch of any run on ink. */
export function introduceInk({ config, samples, vocabulary }: AnyInkRun): { data: string; step: string } {
  const { training, normalisation } = config
  const counts = `${counted(samples.train.length, 'sample')} to train on, ${grouped(samples.valid.length)} to validate`
  const symbols = vocabulary ? `${vocabulary.size - vocabulary.special.length} different symbols` : 'without texts'
  const points = totalPoints(samples.train.map(({ ink }) => ink))
  const seen = grouped(samples.train.reduce((sum, { steps }) => sum + steps, 0))
  const resampled = normalisation.resample === 'none' ? '' : `, resampled (${normalisation.resample}) to ${seen}`
  return {
    data: `${counts}; ${symbols}; ${counted(points, 'point')}${resampled}`,
    step: counted(training!.batch, 'sample')
  }
}
