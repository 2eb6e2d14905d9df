// What the trainings on ink have in common on the command line: options, how they become those of a run, and the lines about
// the data and the training.

import type { Ink } from '../../../data/ink/strokes.js'
import { counted } from '../../../errors.js'
import type { InkConfig } from '../../../tasks/ink/config.js'
import type { InkRunData } from '../../../tasks/ink/application.js'
import { totalPoints } from '../../../tasks/ink/samples.js'
import type { Run } from '../../../tasks/runs/run.js'
import { integer } from '../../ui/format.js'
import { inkReading, type InkFlags } from '../../options/ink.js'
import type { TrainContext } from './command.js'
import type { TrainFlags } from './options.js'

export interface InkTrainFlags extends TrainFlags, InkFlags {}

/** Returns the options of a run that read its ink; `tell` prints the samples that were left out. */
export function inkRunOptions(flags: InkTrainFlags, { signal, output }: TrainContext) {
  const { read, onBad, tell } = inkReading(flags, signal)
  return {
    options: { ...(onBad && { onBad }), read },
    tell: ({ samples }: AnyInkRun) => tell(output, samples.train.length + samples.valid.length)
  }
}

type AnyInkRun = Run<unknown> & InkRunData<{ ink: Ink; steps: number }> & { readonly config: InkConfig<unknown> }

/** Returns the lines about data and batch of any run on ink. */
export function introduceInk({ config, samples, vocabulary }: AnyInkRun): { data: string; step: string } {
  const { training, normalisation } = config
  const counts = `${counted(samples.train.length, 'sample')} to train on, ${integer(samples.valid.length)} to validate`
  const symbols = vocabulary ? `${vocabulary.size} different symbols` : 'without texts'
  const points = totalPoints(samples.train.map(({ ink }) => ink))
  const seen = integer(samples.train.reduce((sum, { steps }) => sum + steps, 0))
  const resampled = normalisation.resample === 'none' ? '' : `, resampled (${normalisation.resample}) to ${seen}`
  return {
    data: `ink      ${counts}; ${symbols}; ${counted(points, 'point')}${resampled}`,
    step: counted(training!.batch, 'sample')
  }
}
