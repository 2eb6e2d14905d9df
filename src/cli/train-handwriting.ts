// gatecell train handwriting: ink in, a training of tasks/handwriting/generation, its progress out.

import type { Command } from 'commander'
import {
  describeGenerationRun,
  prepareGenerationRun,
  type GenerationResult,
  type GenerationRun
} from '../tasks/handwriting/generation/index.js'
import { integer, nats, quantity } from './format.js'
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
  gaussians?: number
  window?: number
  text: boolean
  resample?: 'length' | 'time' | 'none'
  step?: number
  augment?: number
  valid?: number
  validWhere?: string
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
    .option(
      '--resample <how>',
      'points at equal length of the path, at equal time, or none (default: none)',
      choice('--resample', ['length', 'time', 'none'])
    )
    .option('--step <n>', 'between points: heights of a line, or times (default: 1)', number('--step', 0, 1e9, 'least'))
    .option('--augment <strength>', 'variations of the ink in training (default: 0, none)', number('--augment', 0, 10))
  addInkSplitOptions(addInkOptions(command))
  addTrainOptions(command, {
    data: 'samples',
    batch: 16,
    epochs: 20,
    learningRate: '0.002',
    warmup: 0.02,
    validEvery: 'an epoch, at most 1000',
    seed: 'weights, order and variations'
  })
    .addHelpText('after', EXAMPLES)
    .action(async (ink: string[], flags: Flags, command: Command) => {
      process.exitCode = await runTraining(command, flags, 'points', (context) => prepare(ink, flags, context))
    })
}

async function prepare(ink: string[], flags: Flags, context: TrainContext): Promise<Trainee<GenerationResult>> {
  const { hidden, layers, gaussians, window, resample, step, augment, valid, validWhere } = flags
  const { read, onBad, tell } = inkReading(flags, context.signal)
  const run = await prepareGenerationRun({
    data: ink,
    out: flags.out,
    mode: modeOf(flags),
    ...(!flags.text && { text: false }),
    network: defined({ hidden, layers, gaussians, window }),
    normalisation: defined({ resample, step }),
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

function traineeOf(run: GenerationRun): Trainee<GenerationResult> {
  return {
    trainer: run.trainer,
    files: run.files,
    resumed: run.resumed,
    memory: run.memory,
    unit: 'points',
    lossUnit: 'nats per point',
    describe: (threads) => describeGenerationRun(run, threads),
    introduce: (threads) => introduce(run, threads),
    fit: ({ onMeasure: _, ...options }) => run.fit(options),
    measured: ({ valid }) => ({
      valid_nats: valid?.nats ?? null,
      valid_samples: valid?.samples ?? null,
      valid_gaussian_nats: valid?.gaussian ?? null,
      valid_mixture_nats: valid?.mixture ?? null
    }),
    conclude({ summary, valid }) {
      const text = run.vocabulary ? " 'some text'" : ''
      const next = `gatecell write ${run.files.model}${text} --svg out.svg`
      if (!valid) return { valid: [], next }
      const best = summary.best ? ` (the weights of step ${integer(summary.best.step)})` : ''
      const { gaussian, mixture } = valid
      const beside = `a single Gaussian: ${nats(gaussian)}, a mixture without memory: ${nats(mixture)}`
      return {
        valid: [`valid    ${nats(valid.nats)} nats a point over ${integer(valid.points)} points${best}; ${beside}`],
        next
      }
    },
    dispose: () => run.dispose()
  }
}

function introduce(run: GenerationRun, threads: number): string[] {
  const { config, samples, model, vocabulary, stepsPerEpoch } = run
  const { network, training } = config
  const counts = `${integer(samples.train.length)} samples to train on, ${integer(samples.valid.length)} to validate`
  const points = samples.train.reduce((sum, { steps }) => sum + steps, 0)
  const { batch, optimizer, learningRate, schedule } = training!
  const rate = `${optimizer} ${learningRate.toPrecision(3)} ${schedule}`
  const text = vocabulary ? `; ${vocabulary.size} different symbols` : '; without texts'
  return [
    `ink      ${counts}${text}; ${integer(points)} points`,
    `network  ${network.layers} x ${network.hidden} LSTM, ${network.gaussians} Gaussians, ${quantity(model.parameterCount)} parameters`,
    `training ${batch} samples a step, ${integer(stepsPerEpoch)} steps an epoch, ${rate}, ${threads} threads`
  ]
}
