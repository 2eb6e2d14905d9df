// gatecell train handwriting-recognition: ink in, a training of tasks/handwriting/recognition, its progress out.

import type { Command } from 'commander'
import {
  describeRecognitionRun,
  prepareRecognitionRun,
  type RecognitionResult,
  type RecognitionRun
} from '../tasks/handwriting/recognition/index.js'
import { totalPoints } from '../tasks/handwriting/samples.js'
import { integer, nats, percent, quantity } from './format.js'
import { addInkOptions, addInkSplitOptions, INK_FORMATS, inkReading, type InkFlags } from './ink-options.js'
import { choice, number, whole } from './options.js'
import {
  addTrainOptions,
  defined,
  modeOf,
  runTraining,
  trainingOf,
  type Trainee,
  type TrainContext,
  type TrainFlags
} from './train-command.js'

interface Flags extends TrainFlags, InkFlags {
  hidden?: number
  layers?: number
  dropout?: number
  forward?: true
  resample?: 'length' | 'time' | 'none'
  step?: number
  deslant?: boolean
  augment?: number
  valid?: number
  validWhere?: string
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
    .option(
      '--resample <how>',
      'points at equal length of the path, at equal time, or none (default: length)',
      choice('--resample', ['length', 'time', 'none'])
    )
    .option(
      '--step <n>',
      'between points: heights of a line, or times (default: 0.0625 heights)',
      number('--step', 0, 1e9, 'least')
    )
    .option('--no-deslant', 'leave the slant of the writing as it is')
    .option(
      '--augment <strength>',
      'variations of the ink in training, 0: none (default: 1)',
      number('--augment', 0, 10)
    )
  addInkSplitOptions(addInkOptions(command))
  addTrainOptions(command, {
    data: 'samples',
    batch: 16,
    epochs: 20,
    learningRate: '0.003',
    warmup: 0.02,
    validEvery: 'an epoch, at most 1000',
    seed: 'weights, order, variations and dropout'
  })
    .addHelpText('after', EXAMPLES)
    .action(async (ink: string[], flags: Flags, command: Command) => {
      process.exitCode = await runTraining(command, flags, 'points', (context) => prepare(ink, flags, context))
    })
}

async function prepare(ink: string[], flags: Flags, context: TrainContext): Promise<Trainee<RecognitionResult>> {
  const { hidden, layers, dropout, forward, resample, step, deslant, augment, valid, validWhere } = flags
  const { read, onBad, tell } = inkReading(flags, context.signal)
  const run = await prepareRecognitionRun({
    data: ink,
    out: flags.out,
    mode: modeOf(flags),
    network: defined({ hidden, layers, dropout, ...(forward && { bidirectional: false }) }),
    normalisation: defined({ resample, step, ...(deslant === false && { deslant }) }),
    training: trainingOf(flags),
    split: defined({ valid, where: validWhere }),
    ...(augment !== undefined && { augmentation: augment }),
    ...(flags.validFile && { validFiles: flags.validFile }),
    ...(flags.checkpointEvery !== undefined && { checkpointEvery: flags.checkpointEvery }),
    ...(onBad && { onBad }),
    threads: flags.threads ?? 0,
    device: flags.device ?? 'auto',
    read
  })
  tell(context.output)
  return traineeOf(run)
}

function traineeOf(run: RecognitionRun): Trainee<RecognitionResult> {
  return {
    trainer: run.trainer,
    files: run.files,
    resumed: run.resumed,
    memory: run.memory,
    unit: 'points',
    lossUnit: 'nats per sample',
    describe: (threads) => describeRecognitionRun(run, threads),
    introduce: (threads) => introduce(run, threads),
    fit({ onMeasure, ...options }) {
      onMeasure(`reading ${integer(run.samples.valid.length)} samples`)
      return run.fit(options)
    },
    measured: ({ valid }) => ({
      valid_nats: valid?.nats ?? null,
      valid_samples: valid?.samples ?? null,
      valid_cer: valid?.cer ?? null,
      valid_exact: valid?.exact ?? null
    }),
    conclude({ summary, valid }) {
      const next = `gatecell read ${run.files.model} INK`
      if (!valid) return { valid: [], next }
      const best = summary.best ? ` (the weights of step ${integer(summary.best.step)})` : ''
      const errors = `${percent(valid.cer)} of the symbols wrong, ${percent(valid.exact)} of ${integer(valid.samples)} samples without error`
      return { valid: [`valid    ${errors}, ${nats(valid.nats)} nats a sample${best}`], next }
    },
    dispose: () => run.dispose()
  }
}

function introduce(run: RecognitionRun, threads: number): string[] {
  const { config, samples, model, vocabulary, stepsPerEpoch } = run
  const { network, training, normalisation } = config
  const points = totalPoints(samples.train.map(({ ink }) => ink))
  const seen = samples.train.reduce((sum, { steps }) => sum + steps, 0)
  const counts = `${integer(samples.train.length)} samples to train on, ${integer(samples.valid.length)} to validate`
  const directions = network.bidirectional ? 'both directions' : 'forwards'
  const { batch, optimizer, learningRate, schedule } = training!
  const rate = `${optimizer} ${learningRate.toPrecision(3)} ${schedule}`
  return [
    `ink      ${counts}; ${vocabulary.size} different symbols; ${integer(points)} points, resampled (${normalisation.resample}) to ${integer(seen)}`,
    `network  ${network.layers} x ${network.hidden} LSTM, ${directions}, ${quantity(model.parameterCount)} parameters`,
    `training ${batch} samples a step, ${integer(stepsPerEpoch)} steps an epoch, ${rate}, ${threads} threads`
  ]
}
