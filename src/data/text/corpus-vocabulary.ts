// The vocabulary of a corpus: one that exists, or one that is made of the text. Words and byte pairs are counted in the part to train on only,
// so that nothing of the other parts is in the vocabulary.

import { expected, type GatecellError } from '../../errors.js'
import { createPace } from '../files/pace.js'
import { trainBpe } from './bpe-training.js'
import { byteVocabulary } from './byte-vocabulary.js'
import { characterVocabulary } from './character-vocabulary.js'
import { defaultVocabularySizes } from './vocabulary-sizes.js'
import type { Vocabulary } from './vocabulary-types.js'
import { vocabularyOfWords } from './word-vocabulary.js'
import { wordCounts, wordReader } from './words.js'

/** The kinds of vocabularies that `openCorpus` makes. */
export type CorpusVocabularyKind = 'character' | 'byte' | 'word' | 'bpe'

const SMALLEST_BPE = 257

/** The minimum counts of vocabularies of words and byte pairs: a word that occurs once teaches the model `<unk>`, and a pair saves nothing. */
const MIN_COUNT = 2

/** Settings of a vocabulary that is made of a corpus. */
export interface VocabularyChoice {
  readonly vocabulary: Vocabulary | CorpusVocabularyKind
  readonly vocabularySize?: number | undefined
  readonly minCount?: number | undefined
}

/** Throws ERR_INVALID_ARGUMENT for settings without effect, and for a size that byte pairs cannot have. */
export function checkVocabularyChoice({ vocabulary, vocabularySize: size, minCount }: VocabularyChoice): void {
  const made = typeof vocabulary === 'string'
  const kind = made ? vocabulary : vocabulary.kind
  const name = made ? `the vocabulary ${kind}` : 'a vocabulary that exists'
  const sized = made && (kind === 'word' || kind === 'bpe')
  if (size !== undefined && !sized)
    throw expected('ERR_INVALID_ARGUMENT', `no size with ${name}`, `${size}`, 'leave it out (vocabularySize)')
  if (minCount !== undefined && (!made || kind === 'byte'))
    throw expected('ERR_INVALID_ARGUMENT', `no minimum count with ${name}`, `${minCount}`, 'leave it out (minCount)')
  if (kind === 'bpe' && size !== undefined && size < SMALLEST_BPE) {
    const what = `a size of at least ${SMALLEST_BPE}, which are the 256 bytes and a pair,`
    throw expected('ERR_INVALID_ARGUMENT', what, `${size}`, 'choose a larger one (vocabularySize)')
  }
}

/** The text of a corpus from which its vocabulary is made. */
export interface VocabularyText {
  /** Number of occurrences of each code point in all of the text. */
  readonly codePoints: ReadonlyMap<number, number>
  /** The texts to train on, which are read when they are iterated. */
  readonly texts: AsyncIterable<AsyncIterable<Uint8Array>>
  readonly signal: AbortSignal | undefined
}

/**
 * Returns the vocabulary of a corpus. Throws ERR_CORPUS_EMPTY without text to make it of, ERR_INVALID_ARGUMENT for a size that the text does
 * not give and a minimum count that leaves nothing, ERR_UNKNOWN_SYMBOL for characters that an existing vocabulary does not have,
 * ERR_OUT_OF_RANGE for words that are too long or too many, ERR_ABORTED, and errors of reading.
 */
export async function corpusVocabulary(choice: VocabularyChoice, text: VocabularyText): Promise<Vocabulary> {
  const { vocabulary, vocabularySize, minCount } = choice
  if (vocabulary === 'byte') return byteVocabulary()
  if (vocabulary === 'character') return characterVocabulary(text.codePoints, { minCount: minCount ?? 1 })
  if (vocabulary === 'word' || vocabulary === 'bpe') {
    const settings = { size: vocabularySize ?? defaultVocabularySizes[vocabulary], minCount: minCount ?? MIN_COUNT }
    const made = await (vocabulary === 'word' ? wordsOfTexts : pairsOfTexts)(text, settings)
    if (vocabularySize !== undefined && made.size < vocabularySize)
      throw smallerText(vocabularySize, made.size, settings.minCount)
    return made
  }
  // Before anything is written, and with all the unknown symbols in one message.
  if (vocabulary.kind === 'character')
    vocabulary.encode([...text.codePoints.keys()].map((codePoint) => String.fromCodePoint(codePoint)).join(''))
  return vocabulary
}

interface Settings {
  readonly size: number
  readonly minCount: number
}

function smallerText(asked: number, size: number, minCount: number): GatecellError {
  const what = `a vocabulary of at most ${size} symbols, which the text to train on gives with a minimum count of ${minCount},`
  const remedy = 'choose a smaller one (vocabularySize), or leave it out'
  return expected('ERR_INVALID_ARGUMENT', what, `a size of ${asked}`, remedy)
}

async function wordsOfTexts({ texts, signal }: VocabularyText, settings: Settings): Promise<Vocabulary> {
  const counts = wordCounts()
  const pace = createPace(signal)
  for await (const text of texts) {
    const reader = wordReader(false)
    for await (const bytes of text) {
      for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
        counts.add(reader.write(bytes.subarray(at, at + SLICE_BYTES)))
        if (pace.due()) await pace.turn()
      }
    }
    counts.add(reader.end())
  }
  return vocabularyOfWords(counts.all, settings)
}

/** Bytes whose words are counted between two looks at the time. */
const SLICE_BYTES = 2 ** 16

async function pairsOfTexts({ texts, signal }: VocabularyText, settings: Settings): Promise<Vocabulary> {
  return await trainBpe(texts, { ...settings, ...(signal && { signal }) })
}
