// gatecell train text: options in, a training of tasks/text, its progress out.

import { counted } from '../../../errors.js'
import { prepareTextRun, type TextRun, type TextRunMeasure } from '../../../tasks/text/index.js'
import { LARGE_OUTPUT_SHARE, outputLayerShare, smallerVocabulary } from '../../../tasks/text/output-layer.js'
import { trainingDefaults } from '../../../tasks/text/defaults.js'
import { given } from '../../../tasks/runs/settings.js'
import { bytes, integer, nats, shellWord, wholePercent } from '../../ui/format.js'
import type { Hint } from '../../ui/hint.js'
import { readStdin } from '../../ui/interrupt.js'
import { choice, filePath, number, whole } from '../../options/parse.js'
import type { TrainingCommand } from './command.js'
import { addTrainOptions, runOptions, type TrainFlags } from './options.js'

interface Flags extends TrainFlags {
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
  labelSmoothing?: number
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

export const trainText: TrainingCommand<Flags, TextRun, TextRunMeasure> = {
  name: 'text',
  summary: 'learn to write like a text, symbol by symbol',
  description: 'Trains an LSTM network to predict the next symbol of a text.',
  data: ['<text...>', 'files, folders, patterns, or - for standard input; gzip is unpacked'],
  examples: EXAMPLES,
  addOptions(command) {
    command
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
        '--label-smoothing <share>',
        "share of a symbol's probability spread over all symbols in training; validation is without it (default: 0)",
        number('--label-smoothing', 0, 1)
      )
      .option(
        '--valid <share>',
        'share of the text, at its end, that validates (default: 0.1)',
        number('--valid', 0, 1, 'most')
      )
      .option('--test <share>', 'share for tests, not trained on (default: 0)', number('--test', 0, 1, 'most'))
      .option(
        '--cache-dir <folder>',
        "for the symbols of texts above 64 MB (default: the system's temporary folder)",
        filePath('--cache-dir', 'folder')
      )
    return addTrainOptions(command, {
      data: 'text',
      batch: 24,
      epochs: 10,
      learningRate: 'by optimizer and --hidden',
      warmup: 0.02,
      clip: trainingDefaults.clip,
      validEvery: 'an epoch, at most 1000',
      seed: 'weights, data order and dropout',
      precision: 'f32; with --device cuda bf16'
    })
  },
  unit: 'symbols',
  lossUnit: 'nats per symbol',
  async prepare(text, flags, { output, progress, signal }) {
    const { vocabulary, minCount, hidden, layers, embedding, dropout, locked, recurrentDropout, zoneout } = flags
    const { length, labelSmoothing, valid, test, cacheDir } = flags
    const skipped: string[] = []
    const options = runOptions(text, flags)
    const run = await prepareTextRun({
      ...options,
      ...(vocabulary && { vocabulary: vocabulary === 'chars' ? 'character' : 'byte' }),
      ...given({ minCount }),
      network: given({ hidden, layers, embedding, dropout, locked, recurrentDropout, zoneout }),
      training: { ...options.training, ...given({ length, labelSmoothing }) },
      split: given({ valid, test }),
      corpus: {
        signal,
        stdin: readStdin(signal),
        ...given({ cacheDir }),
        onSkip: (path, reason) => skipped.push(`${path} (${reason})`),
        onProgress({ phase, bytes: read, totalBytes }) {
          const half = read / Math.max(1, totalBytes)
          progress.show(`reading ${bytes(totalBytes)}`, (half + (phase === 'encode' ? 1 : 0)) / 2)
        }
      }
    })
    progress.clear()
    const more = skipped.length > 5 ? ', ...' : ''
    if (skipped.length > 0)
      output.line(`left out ${counted(skipped.length, 'file')}: ${skipped.slice(0, 5).join(', ')}${more}`)
    return run
  },
  introduce({ config, corpus: { train, valid, test }, vocabulary, model }) {
    const { layers, hidden } = config.network
    const { batch, length } = config.training!
    const parts = [`${counted(train.length, 'symbol')} to train on`, `${integer(valid.length)} to validate`]
    if (test.length > 0) parts.push(`${integer(test.length)} unseen`)
    return {
      data: `text     ${parts.join(', ')}; ${vocabulary.size} different (${vocabulary.kind}s)`,
      network: `${layers} x ${hidden} LSTM, output layer ${wholePercent(outputLayerShare(model.parameters.specs))} of the multiplications`,
      step: `${batch} x ${counted(length, 'symbol')}`
    }
  },
  facts: ({ model }) => ({ output_layer_share: outputLayerShare(model.parameters.specs) }),
  hints: (run) => vocabularyHint(run),
  memoryNote: ({ corpus }) => (corpus.cached ? '; the text lies in a temporary file' : ''),
  measuring: (symbols) => `measuring on ${counted(symbols, 'symbol')}`,
  fields: {
    valid_nats: (valid) => valid.nats,
    valid_tokens: ({ tokens }) => tokens,
    valid_whole: (valid) => valid.whole
  },
  judge({ nats: own, tokens, whole: all }, weights) {
    const part = all ? 'the whole' : `the first ${counted(tokens, 'symbol')} of the`
    return `${nats(own)} nats a symbol over ${part} validation text, as one stream${weights}`
  },
  next: ({ files }) => `gatecell sample ${shellWord(files.model)} --length 500`
}

/** Size of the vocabulary of bytes. No hint is given for vocabularies up to this size, because a smaller one saves little. */
const BYTES = 256

/** Returns a hint if the output layer is large because the text has many different characters. */
function vocabularyHint({ model, vocabulary, corpus, resumed }: TextRun): Hint[] {
  const { specs } = model.parameters
  const share = outputLayerShare(specs)
  if (resumed !== null || share <= LARGE_OUTPUT_SHARE || vocabulary.size <= BYTES) return []
  const smaller = smallerVocabulary(specs, corpus.counts)
  const fewer = smaller
    ? `--min-count ${smaller.minCount} keeps ${counted(smaller.size, 'symbol')} and lets the rarer characters share one, `
    : ''
  const message = `the output layer takes ${wholePercent(share)} of the multiplications, because the text has ${integer(vocabulary.size)} different characters: ${fewer}--vocabulary bytes has ${BYTES} symbols`
  return [{ hint: 'large-output-layer', message }]
}
