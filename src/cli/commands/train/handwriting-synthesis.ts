// gatecell train handwriting: ink in, a training of tasks/handwriting/generation, its progress out.

import {
  prepareGenerationRun,
  type GenerationMeasure,
  type GenerationRun
} from '../../../tasks/handwriting-synthesis/index.js'
import { counted } from '../../../errors.js'
import { generationRunSettings } from '../../../tasks/handwriting-synthesis/settings.js'
import { nats, shellWord } from '../../ui/format.js'
import { addInkOptions, INK_FORMATS } from '../../options/ink.js'
import type { TrainingCommand } from './command.js'
import { inkRunOptions, introduceInk, type InkTrainFlags } from './ink.js'

const EXAMPLES = `${INK_FORMATS}

Examples:
  gatecell train handwriting words.ndjson.gz --out writer.safetensors
  gatecell train handwriting drawings.ndjson.gz --no-text --out kanji.safetensors --valid-file valid.ndjson.gz

Where every sample has a text the network learns to write what it is told; else, or with --no-text, it learns to draw.`

export const trainHandwriting: TrainingCommand<
  typeof generationRunSettings,
  InkTrainFlags,
  GenerationRun,
  GenerationMeasure
> = {
  name: 'handwriting',
  summary: 'learn to write by hand',
  description: 'Trains LSTM layers with a soft window over the text and a mixture density output to write by hand.',
  data: ['<ink...>', 'files, folders, patterns, or - for standard input'],
  examples: EXAMPLES,
  settings: generationRunSettings,
  addOptions: addInkOptions,
  unit: 'points',
  lossUnit: 'nats per point',
  async prepare(place, given, flags, context) {
    const { options, tell } = inkRunOptions(flags, context)
    const run = await prepareGenerationRun({ ...given, ...place, ...options })
    tell(run)
    return run
  },
  introduce(run) {
    const { layers, hidden, gaussians } = run.config.network
    return { ...introduceInk(run), network: `${layers} x ${hidden} LSTM, ${gaussians} Gaussians` }
  },
  measuring: (samples) => `measuring on ${counted(samples, 'sample')}`,
  fields: {
    valid_nats: (valid) => valid.nats,
    valid_samples: ({ samples }) => samples,
    valid_gaussian_nats: ({ gaussian }) => gaussian,
    valid_mixture_nats: ({ mixture }) => mixture
  },
  judge({ nats: own, points, gaussian, mixture }, weights) {
    const beside = `a single Gaussian: ${nats(gaussian)}, a mixture without memory: ${nats(mixture)}`
    return `${nats(own)} nats a point over ${counted(points, 'point')}${weights}; ${beside}`
  },
  next: ({ files, vocabulary }) =>
    `gatecell write ${shellWord(files.model)}${vocabulary ? " 'some text'" : ''} --svg out.svg`
}
