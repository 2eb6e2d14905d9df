// gatecell train text: options in, a training of tasks/text, its progress out.

import { counted } from '../../../errors.js'
import { prepareTextRun, type TextRun, type TextRunMeasure } from '../../../tasks/text/index.js'
import { LARGE_OUTPUT_SHARE, outputLayerShare, smallerVocabulary } from '../../../tasks/text/output-layer.js'
import { textRunSettings } from '../../../tasks/text/settings.js'
import { bytes, integer, nats, shellWord, wholePercent } from '../../ui/format.js'
import type { Hint } from '../../ui/hint.js'
import { readStdin } from '../../ui/interrupt.js'
import type { TrainingCommand } from './command.js'
import type { TrainFlags } from './options.js'

const EXAMPLES = `
Examples:
  gatecell train text shakespeare.txt --out shakespeare.safetensors
  gatecell train text src docs '**/*.md' --out code.safetensors --hidden 512 --time-limit 15m --log-dir logs
  cat *.txt | gatecell train text - --out m.safetensors --vocabulary byte --steps 2000 --json

Two files are written: the model to use (the weights that validated best), here m.safetensors, and where the training
stands, m.last.safetensors, from which the same command with --resume goes on, bit for bit, also after a kill.`

export const trainText: TrainingCommand<typeof textRunSettings, TrainFlags, TextRun, TextRunMeasure> = {
  name: 'text',
  summary: 'learn to write like a text, symbol by symbol',
  description: 'Trains an LSTM network to predict the next symbol of a text.',
  data: ['<text...>', 'files, folders, patterns, or - for standard input; gzip is unpacked'],
  examples: EXAMPLES,
  settings: textRunSettings,
  unit: 'symbols',
  lossUnit: 'nats per symbol',
  async prepare(place, given, _flags, { output, progress, signal }) {
    const skipped: string[] = []
    const run = await prepareTextRun({
      ...given,
      ...place,
      corpus: {
        signal,
        stdin: readStdin(signal),
        ...given.corpus,
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
  const message = `the output layer takes ${wholePercent(share)} of the multiplications, because the text has ${integer(vocabulary.size)} different characters: ${fewer}--vocabulary byte has ${BYTES} symbols`
  return [{ hint: 'large-output-layer', message }]
}
