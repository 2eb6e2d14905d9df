// gatecell train text: options in, a training of tasks/text, its progress out.

import type { Command } from 'commander'
import { prepareTextRun, type TextResult, type TextRun, type TextRunOptions } from '../tasks/text/index.js'
import { bytes, integer, nats, quantity } from './format.js'
import { readStdin } from './interrupt.js'
import { choice, number, whole } from './options.js'
import {
  addTrainOptions,
  defined,
  modeOf,
  rateLine,
  runTraining,
  trainingOf,
  type Trainee,
  type TrainContext,
  type TrainFlags
} from './train-command.js'

interface TrainTextFlags extends TrainFlags {
  hidden?: number
  layers?: number
  embedding?: number
  dropout?: number
  locked?: true
  recurrentDropout?: number
  zoneout?: number
  vocabulary?: 'chars' | 'bytes'
  minCount?: number
  length?: number
  valid?: number
  test?: number
  cacheDir?: string
}

const EXAMPLES = `
Examples:
  gatecell train text shakespeare.txt --out shakespeare.safetensors
  gatecell train text src docs '**/*.md' --out code.safetensors --hidden 512 --time-limit 15m --log-dir logs
  cat *.txt | gatecell train text - --out m.safetensors --vocabulary bytes --steps 2000 --json

Two files are written: the model to use (the weights that validated best), here m.safetensors, and where the training
stands, m.last.safetensors, from which the same command with --resume goes on, bit for bit, also after a kill.`

export function addTrainText(train: Command): void {
  const command = train
    .command('text')
    .summary('learn to write like a text, symbol by symbol')
    .description('Trains an LSTM network to predict the next symbol of a text.')
    .argument('<text...>', 'files, folders, patterns, or - for standard input; gzip is unpacked')
    .requiredOption('--out <file>', 'the model, a .safetensors file')
    .option('--hidden <n>', 'units of each LSTM layer (default: 256)', whole('--hidden', 1, 2 ** 20))
    .option('--layers <n>', 'LSTM layers (default: 2)', whole('--layers', 1, 1000))
    .option(
      '--embedding <n>',
      'width of the vectors of the symbols (default: as --hidden)',
      whole('--embedding', 1, 2 ** 20)
    )
    .option(
      '--dropout <p>',
      'share dropped between the layers and after the last (default: 0)',
      number('--dropout', 0, 0.99)
    )
    .option('--locked', 'drop the same units at all steps of a sequence')
    .option(
      '--recurrent-dropout <p>',
      "share of a layer's own state dropped, the same units at all steps of a sequence (default: 0)",
      number('--recurrent-dropout', 0, 0.99)
    )
    .option(
      '--zoneout <p>',
      'share of units that keep their value of the step before (default: 0)',
      number('--zoneout', 0, 0.99)
    )
    .option(
      '--vocabulary <kind>',
      'chars (Unicode code points) or bytes (default: chars)',
      choice('--vocabulary', ['chars', 'bytes'])
    )
    .option('--min-count <n>', 'characters rarer than this share one <unk> (default: 1)', whole('--min-count', 1))
    .option(
      '--length <n>',
      'steps of back-propagation; the state is carried on (default: 64)',
      whole('--length', 1, 2 ** 20)
    )
    .option(
      '--valid <share>',
      'share of the text, at its end, that validates (default: 0.1)',
      number('--valid', 0, 1, 'most')
    )
    .option('--test <share>', 'share behind that which stays unseen (default: 0)', number('--test', 0, 1, 'most'))
    .option('--cache-dir <folder>', "for the symbols of texts above 64 MB (default: the system's temporary folder)")
  addTrainOptions(command, {
    data: 'text',
    batch: 24,
    epochs: 10,
    learningRate: 'by optimizer and --hidden',
    warmup: 0.02,
    validEvery: 'an epoch, at most 1000',
    seed: 'weights, data order and dropout'
  })
    .addHelpText('after', EXAMPLES)
    .action(async (text: string[], flags: TrainTextFlags, command: Command) => {
      process.exitCode = await runTraining(command, flags, 'symbols', (context) => prepare(text, flags, context))
    })
}

async function prepare(text: string[], flags: TrainTextFlags, context: TrainContext): Promise<Trainee<TextResult>> {
  const { output, progress, signal } = context
  const { vocabulary, hidden, layers, embedding, dropout, locked, recurrentDropout, zoneout, length, valid, test } =
    flags
  const skipped: string[] = []
  const options: TextRunOptions = {
    data: text,
    out: flags.out,
    mode: modeOf(flags),
    ...(vocabulary && { vocabulary: vocabulary === 'chars' ? 'character' : 'byte' }),
    ...(flags.minCount !== undefined && { minCount: flags.minCount }),
    network: defined({ hidden, layers, embedding, dropout, locked, recurrentDropout, zoneout }),
    training: { ...trainingOf(flags), ...(length !== undefined && { length }) },
    split: defined({ valid, test }),
    ...(flags.validFile && { validFiles: flags.validFile }),
    ...(flags.checkpointEvery !== undefined && { checkpointEvery: flags.checkpointEvery }),
    threads: flags.threads ?? 0,
    device: flags.device ?? 'auto',
    corpus: {
      signal,
      stdin: readStdin(signal),
      ...(flags.cacheDir !== undefined && { cacheDir: flags.cacheDir }),
      onSkip: (path, reason) => skipped.push(`${path} (${reason})`),
      onProgress({ phase, bytes: read, totalBytes }) {
        progress.show(
          `reading ${bytes(totalBytes)}`,
          (read / Math.max(1, totalBytes) + (phase === 'encode' ? 1 : 0)) / 2
        )
      }
    }
  }
  const run = await prepareTextRun(options)
  progress.clear()
  if (skipped.length > 0)
    output.line(
      `left out ${skipped.length} files: ${skipped.slice(0, 5).join(', ')}${skipped.length > 5 ? ', ...' : ''}`
    )
  return traineeOf(run)
}

function traineeOf(run: TextRun): Trainee<TextResult> {
  return {
    run,
    unit: 'symbols',
    lossUnit: 'nats per symbol',
    measuring: (symbols) => `measuring on ${integer(symbols)} symbols`,
    introduce: (threads) => introduce(run, threads),
    ...(run.corpus.cached && { memoryNote: '; the text lies in a temporary file' }),
    measured: ({ valid, whole: all }) => ({
      valid_nats: valid?.nats ?? null,
      valid_tokens: valid?.tokens ?? null,
      valid_whole: valid ? all : null
    }),
    judge({ valid, whole: all }, weights) {
      if (!valid) return null
      const part = all ? 'the whole' : `the first ${integer(valid.tokens)} symbols of the`
      return `${nats(valid.nats)} nats a symbol over ${part} validation text, as one stream${weights}`
    },
    next: `gatecell sample ${run.files.model} --length 500`
  }
}

function introduce({ config, corpus, model, vocabulary, stepsPerEpoch }: TextRun, threads: number): string[] {
  const { network, training } = config
  const parts = [`${integer(corpus.train.length)} symbols to train on`, `${integer(corpus.valid.length)} to validate`]
  if (corpus.test.length > 0) parts.push(`${integer(corpus.test.length)} unseen`)
  const { batch, length } = training!
  return [
    `text     ${parts.join(', ')}; ${vocabulary.size} different (${vocabulary.kind}s)`,
    `network  ${network.layers} x ${network.hidden} LSTM, ${quantity(model.parameterCount)} parameters`,
    `training ${batch} x ${length} symbols a step, ${integer(stepsPerEpoch)} steps an epoch, ${rateLine(training!, threads)}`
  ]
}
