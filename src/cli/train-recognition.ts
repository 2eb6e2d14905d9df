// gatecell train handwriting-recognition: ink in, a training of tasks/handwriting/recognition, its progress out.

import type { Command } from 'commander'
import {
  prepareRecognitionRun,
  type RecognitionNetwork,
  type RecognitionResult
} from '../tasks/handwriting/recognition/index.js'
import { integer, nats, percent } from './format.js'
import { INK_FORMATS } from './ink-options.js'
import { number, whole } from './options.js'
import { defined, runTraining, type Trainee, type TrainContext } from './train-command.js'
import { addInkTrainOptions, inkRunOptions, introduceInk, type InkTrainFlags } from './train-ink.js'

interface Flags extends InkTrainFlags {
  hidden?: number
  layers?: number
  dropout?: number
  forward?: true
  deslant?: boolean
}

const EXAMPLES = `${INK_FORMATS}

Examples:
  gatecell train handwriting-recognition words.ndjson.gz --out reader.safetensors
  gatecell train handwriting-recognition digits.ndjson --valid-where writer=26-30 --out digits.safetensors --hidden 64
  gatecell train handwriting-recognition train.unipen --valid-file valid.unipen --forward --out live.safetensors

Two files are written: the model to use (the weights that validated best), and where the training stands, from which the
same command with --resume goes on, bit for bit, also after a kill.`

export function addTrainRecognition(train: Command): void {
  const command = train
    .command('handwriting-recognition')
    .summary('learn to read handwriting from the movements of the pen')
    .description('Trains LSTM layers with connectionist temporal classification to read ink.')
    .argument('<ink...>', 'files, folders, patterns, or - for standard input')
    .requiredOption('--out <file>', 'the model, a .safetensors file')
    .option('--hidden <n>', 'units of each LSTM layer and direction (default: 96)', whole('--hidden', 1, 2 ** 20))
    .option('--layers <n>', 'LSTM layers (default: 2)', whole('--layers', 1, 1000))
    .option(
      '--dropout <p>',
      'share dropped between the layers and after the last (default: 0.2)',
      number('--dropout', 0, 0.99)
    )
    .option('--forward', 'one direction alone: it can read while the pen moves')
    .option('--no-deslant', 'leave the slant of the writing as it is')
  addInkTrainOptions(command, {
    resample: 'length',
    step: '0.0625 heights',
    augment: '1; 0: none',
    learningRate: '0.003',
    seed: 'weights, order, variations and dropout'
  })
    .addHelpText('after', EXAMPLES)
    .action(async (ink: string[], flags: Flags, command: Command) => {
      process.exitCode = await runTraining(command, flags, 'points', (context) => prepare(ink, flags, context))
    })
}

async function prepare(ink: string[], flags: Flags, context: TrainContext): Promise<Trainee<RecognitionResult>> {
  const { hidden, layers, dropout, forward, deslant } = flags
  const { options, tell } = inkRunOptions<RecognitionNetwork>(ink, flags, context)
  const run = await prepareRecognitionRun({
    ...options,
    network: defined({ hidden, layers, dropout, ...(forward && { bidirectional: false }) }),
    normalisation: { ...options.normalisation, ...(deslant === false && { deslant }) }
  })
  tell()
  const { network } = run.config
  const directions = network.bidirectional ? 'both directions' : 'forwards'
  return {
    run,
    unit: 'points',
    lossUnit: 'nats per sample',
    measuring: (samples) => `reading ${integer(samples)} samples`,
    introduce: (threads) => introduceInk(run, `${network.layers} x ${network.hidden} LSTM, ${directions}`, threads),
    measured: ({ valid }) => ({
      valid_nats: valid?.nats ?? null,
      valid_samples: valid?.samples ?? null,
      valid_cer: valid?.cer ?? null,
      valid_exact: valid?.exact ?? null
    }),
    judge({ valid }, weights) {
      if (!valid) return null
      const errors = `${percent(valid.cer)} of the symbols wrong, ${percent(valid.exact)} of ${integer(valid.samples)} samples without error`
      return `${errors}, ${nats(valid.nats)} nats a sample${weights}`
    },
    next: `gatecell read ${run.files.model} INK`
  }
}
