// gatecell train handwriting: ink in, a training of tasks/handwriting/generation, its progress out.

import type { Command } from 'commander'
import {
  prepareGenerationRun,
  type GenerationNetwork,
  type GenerationResult
} from '../tasks/handwriting/generation/index.js'
import { integer, nats } from './format.js'
import { INK_FORMATS } from './ink-options.js'
import { whole } from './options.js'
import { defined, runTraining, type Trainee, type TrainContext } from './train-command.js'
import { addInkTrainOptions, inkRunOptions, introduceInk, type InkTrainFlags } from './train-ink.js'

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

export function addTrainHandwriting(train: Command): void {
  const command = train
    .command('handwriting')
    .summary('learn to write by hand')
    .description('Trains LSTM layers with a soft window over the text and a mixture density output to write by hand.')
    .argument('<ink...>', 'files, folders, patterns, or - for standard input')
    .requiredOption('--out <file>', 'the model, a .safetensors file')
    .option('--hidden <n>', 'units of each LSTM layer (default: 200)', whole('--hidden', 1, 2 ** 20))
    .option('--layers <n>', 'LSTM layers (default: 3)', whole('--layers', 1, 16))
    .option('--gaussians <n>', 'of the mixture of the next point (default: 20)', whole('--gaussians', 1, 1000))
    .option('--window <n>', 'Gaussians of the window over the text (default: 10)', whole('--window', 1, 1000))
    .option('--no-text', 'draw without a text')
  addInkTrainOptions(command, {
    resample: 'none',
    step: '1',
    augment: '0, none',
    learningRate: '0.002',
    seed: 'weights, order and variations'
  })
    .addHelpText('after', EXAMPLES)
    .action(async (ink: string[], flags: Flags, command: Command) => {
      process.exitCode = await runTraining(command, flags, 'points', (context) => prepare(ink, flags, context))
    })
}

async function prepare(ink: string[], flags: Flags, context: TrainContext): Promise<Trainee<GenerationResult>> {
  const { hidden, layers, gaussians, window } = flags
  const { options, tell } = inkRunOptions<GenerationNetwork>(ink, flags, context)
  const run = await prepareGenerationRun({
    ...options,
    ...(!flags.text && { text: false }),
    network: defined({ hidden, layers, gaussians, window })
  })
  tell()
  const { network } = run.config
  const shape = `${network.layers} x ${network.hidden} LSTM, ${network.gaussians} Gaussians`
  return {
    run,
    unit: 'points',
    lossUnit: 'nats per point',
    measuring: (samples) => `measuring on ${integer(samples)} samples`,
    introduce: (threads) => introduceInk(run, shape, threads),
    measured: ({ valid }) => ({
      valid_nats: valid?.nats ?? null,
      valid_samples: valid?.samples ?? null,
      valid_gaussian_nats: valid?.gaussian ?? null,
      valid_mixture_nats: valid?.mixture ?? null
    }),
    judge({ valid }, weights) {
      if (!valid) return null
      const beside = `a single Gaussian: ${nats(valid.gaussian)}, a mixture without memory: ${nats(valid.mixture)}`
      return `${nats(valid.nats)} nats a point over ${integer(valid.points)} points${weights}; ${beside}`
    },
    next: `gatecell write ${run.files.model}${run.vocabulary ? " 'some text'" : ''} --svg out.svg`
  }
}
