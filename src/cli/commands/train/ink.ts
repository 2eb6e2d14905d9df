// What the trainings on ink have in common on the command line: options, how they become those of a run, and the lines about
// the data and the training.

import type { Command } from 'commander'
import type { Ink } from '../../../data/ink/strokes.js'
import { counted } from '../../../errors.js'
import type { InkConfig } from '../../../tasks/ink/config.js'
import type { InkRunData } from '../../../tasks/ink/application.js'
import { totalPoints } from '../../../tasks/ink/samples.js'
import type { Run } from '../../../tasks/runs/run.js'
import { given } from '../../../tasks/runs/settings.js'
import { integer } from '../../ui/format.js'
import { addInkOptions, inkReading, type InkFlags } from '../../options/ink.js'
import { choice, number } from '../../options/parse.js'
import type { TrainContext } from './command.js'
import { addTrainOptions, runOptions, type TrainFlags } from './options.js'

export interface InkTrainFlags extends TrainFlags, InkFlags {
  resample?: 'length' | 'time' | 'none'
  step?: number
  augment?: number
  valid?: number
  validWhere?: string
}

/** How the help names a task's defaults. */
export interface InkTrainTexts {
  resample: string
  step: string
  augment: string
  learningRate: string
  clip: number
  seed: string
}

/** The options of every training on ink, after those of the network. */
export function addInkTrainOptions(command: Command, says: InkTrainTexts): Command {
  command
    .option(
      '--resample <how>',
      `points at equal length of the path, at equal time, or none (default: ${says.resample})`,
      choice('--resample', ['length', 'time', 'none'])
    )
    .option(
      '--step <n>',
      `between points: heights of a line, or times (default: ${says.step})`,
      number('--step', 0, 1e9, 'least')
    )
    .option(
      '--augment <strength>',
      `variations of the ink in training (default: ${says.augment})`,
      number('--augment', 0, 10)
    )
    .option(
      '--valid <share>',
      'share of the samples that validates, drawn by chance (default: 0.1)',
      number('--valid', 0, 1, 'most')
    )
    .option(
      '--valid-where <field=values>',
      'samples that validate: writer=26-30, or comment:2=26-30 for the second word of a field'
    )
  return addTrainOptions(addInkOptions(command), {
    data: 'samples',
    batch: 16,
    epochs: 20,
    learningRate: says.learningRate,
    warmup: 0.02,
    clip: says.clip,
    validEvery: 'an epoch, at most 1000',
    seed: says.seed,
    precision: 'f32'
  })
}

/** What `flags` say of a run, without the network; what was left out is told by `tell`. */
export function inkRunOptions(data: readonly string[], flags: InkTrainFlags, { signal, output }: TrainContext) {
  const { resample, step, augment, valid, validWhere } = flags
  const { read, onBad, tell } = inkReading(flags, signal)
  const options = {
    ...runOptions(data, flags),
    normalisation: given({ resample, step }),
    split: given({ valid, where: validWhere }),
    ...given({ augmentation: augment, onBad }),
    read
  }
  return { options, tell: ({ samples }: AnyInkRun) => tell(output, samples.train.length + samples.valid.length) }
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
