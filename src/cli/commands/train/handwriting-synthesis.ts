// gatecell train handwriting: ink in, a training of tasks/handwriting/generation, its progress out.

import {
  prepareGenerationRun,
  type GenerationMeasure,
  type GenerationRun
} from '../../../tasks/handwriting-synthesis/index.js'
import { counted } from '../../../errors.js'
import { trainingDefaults } from '../../../tasks/handwriting-synthesis/defaults.js'
import { given } from '../../../tasks/runs/settings.js'
import { nats, shellWord } from '../../ui/format.js'
import { INK_FORMATS } from '../../options/ink.js'
import { whole } from '../../options/parse.js'
import type { TrainingCommand } from './command.js'
import { addInkTrainOptions, inkRunOptions, introduceInk, type InkTrainFlags } from './ink.js'

interface Flags extends InkTrainFlags {
  hidden?: number
  layers?: number
  gaussians?: number
  window?: number
  text: boolean
}

const EXAMPLES = `${INK_FORMATS}

Examples:
  gatecell train handwriting words.ndjson.gz --out writer.safetensors
  gatecell train handwriting drawings.ndjson.gz --no-text --out kanji.safetensors --valid-file valid.ndjson.gz

Where every sample has a text the network learns to write what it is told; else, or with --no-text, it learns to draw.`

export const trainHandwriting: TrainingCommand<Flags, GenerationRun, GenerationMeasure> = {
  name: 'handwriting',
  summary: 'learn to write by hand',
  description: 'Trains LSTM layers with a soft window over the text and a mixture density output to write by hand.',
  data: ['<ink...>', 'files, folders, patterns, or - for standard input'],
  examples: EXAMPLES,
  addOptions(command) {
    command
      .option('--hidden <n>', 'units of each LSTM layer (default: 200)', whole('--hidden', 1, 2 ** 20))
      .option('--layers <n>', 'LSTM layers (default: 3)', whole('--layers', 1, 16))
      .option('--gaussians <n>', 'of the mixture of the next point (default: 20)', whole('--gaussians', 1, 1000))
      .option('--window <n>', 'Gaussians of the window over the text (default: 10)', whole('--window', 1, 1000))
      .option('--no-text', 'draw without a text')
    return addInkTrainOptions(command, {
      resample: 'none',
      step: '1',
      augment: '0, none',
      learningRate: '0.002',
      clip: trainingDefaults.clip,
      seed: 'weights, order and variations'
    })
  },
  unit: 'points',
  lossUnit: 'nats per point',
  async prepare(ink, flags, context) {
    const { hidden, layers, gaussians, window } = flags
    const { options, tell } = inkRunOptions(ink, flags, context)
    const run = await prepareGenerationRun({
      ...options,
      ...(!flags.text && { text: false }),
      network: given({ hidden, layers, gaussians, window })
    })
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
