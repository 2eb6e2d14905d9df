// A training of a text model as a run with its descriptions.

import type { CorpusPhase } from '../../../data/text/corpus.js'
import type { Vocabulary } from '../../../data/text/vocabulary.js'
import { counted } from '../../../errors.js'
import { bytes, grouped, wholePercent } from '../../../format.js'
import type { Given } from '../../../settings/index.js'
import type { Hint } from '../../hint.js'
import type { RunPlace, TaskContext, TaskRun } from '../../task.js'
import { bitsInWords, measureValues, textFacts, unknownInWords } from './bits.js'
import {
  balancedVocabulary,
  LARGE_OUTPUT_SHARE,
  outputLayerShare,
  smallerVocabulary,
  type ParameterShape
} from './output-layer.js'
import { prepareTextRun, type TextRun, type TextRunMeasure } from './run.js'
import type { textRunSettings } from '../settings.js'

/** Returns a training of a text model that is ready to start. */
export async function prepareTextTask(
  place: RunPlace,
  given: Given<typeof textRunSettings>,
  { output, progress, signal, stdin }: TaskContext
): Promise<TaskRun<TextRunMeasure>> {
  const skipped: string[] = []
  const run = await prepareTextRun({
    ...given,
    ...place,
    corpus: {
      signal,
      stdin: stdin(),
      ...given.corpus,
      onSkip: (path, reason) => skipped.push(`${path} (${reason})`),
      onProgress({ phase, bytes: read, totalBytes }) {
        const share = read / Math.max(1, totalBytes)
        progress.show(`${WORK[phase]} ${bytes(totalBytes)}`, share)
      }
    }
  })
  progress.clear()
  const more = skipped.length > 5 ? ', ...' : ''
  if (skipped.length > 0)
    output.line(`left out ${counted(skipped.length, 'file')}: ${skipped.slice(0, 5).join(', ')}${more}`)
  return {
    run,
    introduction: introduce(run),
    facts: { output_layer_share: outputLayerShare(run.model.parameters.specs) },
    hints: vocabularyHint(run),
    memoryNote: run.corpus.cached ? '; the text lies in a temporary file' : '',
    measured(measure) {
      const { tokens, whole } = measure
      const { valid } = run.corpus.sizes
      const part = whole ? 'the whole' : `the first ${counted(tokens, 'symbol')} of the`
      const line = `${bitsInWords(measure)}, over ${part} validation text${unknownInWords(valid)}, as one stream`
      return { values: measureValues(measure), facts: { tokens, whole, ...textFacts(valid) }, lines: [line] }
    }
  }
}

/** The work of each pass over the files. */
const WORK: Record<CorpusPhase, string> = {
  count: 'reading',
  learn: 'learning the vocabulary of',
  encode: 'encoding'
}

/** Plural names of the symbols of each kind of vocabulary. */
const SYMBOLS: Record<Vocabulary['kind'], string> = {
  character: 'characters',
  byte: 'bytes',
  word: 'words',
  bpe: 'byte pairs'
}

function introduce({ config, corpus, vocabulary, model }: TextRun): TaskRun['introduction'] {
  const { train, valid, test, sizes } = corpus
  const { layers, hidden } = config.network
  const { batch, length } = config.training!
  const kind = SYMBOLS[vocabulary.kind]
  const parts = [`${counted(train.length, 'symbol')} to train on`, `${grouped(valid.length)} to validate`]
  if (test.length > 0) parts.push(`${grouped(test.length)} unseen`)
  const unknown = unknownInWords(sizes.valid)
  return {
    data: `${parts.join(', ')}${unknown}; ${grouped(vocabulary.size)} different (${kind})`,
    network: `${layers} x ${hidden} LSTM, output layer ${wholePercent(outputLayerShare(model.parameters.specs))} of the multiplications`,
    step: `${batch} x ${counted(length, 'symbol')}`
  }
}

/** Size of the vocabulary of bytes. No hint is given for vocabularies up to this size, because a smaller one saves little. */
const BYTES = 256

/** Returns a hint if the output layer is large because the vocabulary has many symbols. */
function vocabularyHint({ model, vocabulary, corpus, resumed }: TextRun): Hint[] {
  const { specs } = model.parameters
  const share = outputLayerShare(specs)
  if (resumed !== null || share <= LARGE_OUTPUT_SHARE || vocabulary.size <= BYTES) return []
  const size = grouped(vocabulary.size)
  const message =
    vocabulary.kind === 'character'
      ? `because the text has ${size} different characters: ${fewerCharacters(specs, corpus.counts)}--vocabulary byte has ${BYTES} symbols`
      : `because the vocabulary has ${size} ${SYMBOLS[vocabulary.kind]}: ${fewerSymbols(specs, vocabulary)}`
  return [
    {
      hint: 'large-output-layer',
      message: `the output layer takes ${wholePercent(share)} of the multiplications, ${message}`
    }
  ]
}

function fewerCharacters(specs: Iterable<ParameterShape>, counts: ReadonlyMap<number, number>): string {
  const smaller = smallerVocabulary(specs, counts)
  if (smaller === null) return ''
  const { minCount, size } = smaller
  return `--min-count ${minCount} keeps ${counted(size, 'symbol')} and lets the rarer characters share one, `
}

/** Returns the size with which the output layer is not large; byte pairs have at least the bytes. */
function fewerSymbols(specs: Iterable<ParameterShape>, { kind }: Vocabulary): string {
  const size = balancedVocabulary(specs)
  const other = kind === 'word' ? ', --vocabulary bpe splits rare words into frequent parts' : ''
  if (size <= BYTES) return `a wider network (--hidden) makes its share smaller${other}`
  return `--vocabulary-size ${size} makes that ${wholePercent(LARGE_OUTPUT_SHARE)}${other}`
}
