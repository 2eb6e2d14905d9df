// The words of captions: their vocabulary, and the spaces between them, which are learned from the captions to train on.

import { vocabularyFromConfig, type Vocabulary, type VocabularyConfig } from '../../data/text/vocabulary.js'
import { vocabularyOfWords } from '../../data/text/word-vocabulary.js'
import { wordCounts, wordsOf } from '../../data/text/words.js'
import type { WordChoice } from './settings.js'

/** Words of captions, as a model file stores them. */
export interface CaptionWordsConfig {
  /** The words, with the special tokens unknown, begin and end. */
  readonly vocabulary: VocabularyConfig
  /** Characters that follow the word before them without a space, such as commas. */
  readonly tightBefore: readonly string[]
  /** Characters that the next word follows without a space, such as opening brackets. */
  readonly tightAfter: readonly string[]
  /** Words of the longest caption to train on. */
  readonly longest: number
}

/** The words of captions. */
export interface CaptionWords {
  readonly vocabulary: Vocabulary
  readonly config: CaptionWordsConfig
  /** Returns the words of a caption as the model has them. */
  wordsOf(text: string): string[]
  /** Returns the ids of a caption, without special tokens. Words that the vocabulary does not have are unknown. */
  encode(text: string): Int32Array
  /** Returns the caption of ids; special tokens have no text. */
  textOf(ids: ArrayLike<number>): string
}

/** A character that is a word by itself. */
const CHARACTER = /^[^\s\p{L}\p{M}\p{N}_]$/u

/** Counts of a character between words, and of its places without a space on a side. */
interface Places {
  count: number
  tight: number
}

/** Counts the spaces around the characters of captions. */
function createSpacing() {
  const [before, after] = [new Map<string, Places>(), new Map<string, Places>()]
  const add = (to: Map<string, Places>, word: string, tight: boolean) => {
    const found = to.get(word) ?? { count: 0, tight: 0 }
    to.set(word, { count: found.count + 1, tight: found.tight + (tight ? 1 : 0) })
  }
  const tightOf = (from: Map<string, Places>) =>
    [...from].filter(([, { count, tight }]) => 2 * tight > count).map(([word]) => word).sort() // prettier-ignore
  return {
    count(text: string, words: readonly string[]): void {
      let end = 0
      for (const [i, word] of words.entries()) {
        const begin = text.indexOf(word, end)
        if (i > 0) {
          const tight = begin === end
          if (CHARACTER.test(word)) add(before, word, tight)
          if (CHARACTER.test(words[i - 1]!)) add(after, words[i - 1]!, tight)
        }
        end = begin + word.length
      }
    },
    config: () => ({ tightBefore: tightOf(before), tightAfter: tightOf(after) })
  }
}

/** Collects the words of captions. Throws ERR_CORPUS_EMPTY without words, ERR_INVALID_ARGUMENT if `minCount` leaves none. */
export function learnWords(captions: readonly string[], { lowerCase, minCount }: WordChoice): CaptionWordsConfig {
  const counts = wordCounts()
  const spacing = createSpacing()
  let longest = 0
  for (const text of captions) {
    const words = wordsOf(text, false)
    counts.add(wordsOf(text, lowerCase))
    spacing.count(text, words)
    longest = Math.max(longest, words.length)
  }
  const vocabulary = vocabularyOfWords(counts.all, { lowerCase, minCount, special: ['unknown', 'begin', 'end'] })
  return { vocabulary: vocabulary.config, ...spacing.config(), longest }
}

/** Ids of the special tokens of captions. */
export interface CaptionEnds {
  readonly begin: number
  readonly end: number
}

/** Returns the ids of the tokens that begin and end a caption. */
export function captionEnds({ vocabulary }: Pick<CaptionWordsConfig, 'vocabulary'>): CaptionEnds {
  const { idOf } = vocabularyFromConfig(vocabulary)
  return { begin: idOf('begin'), end: idOf('end') }
}

/** Returns the words of a configuration. */
export function captionWordsOf(config: CaptionWordsConfig): CaptionWords {
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  const lowerCase = 'lowerCase' in config.vocabulary && config.vocabulary.lowerCase === true
  const [before, after] = [new Set(config.tightBefore), new Set(config.tightAfter)]
  return {
    vocabulary,
    config,
    wordsOf: (text) => wordsOf(text, lowerCase),
    encode: (text) => vocabulary.encode(text),
    textOf(ids) {
      const words = Array.from(ids, (id) => vocabulary.decode([id], { skipSpecial: true })).filter((one) => one !== '')
      return words
        .map((word, i) => (i === 0 || before.has(word) || after.has(words[i - 1]!) ? word : ` ${word}`))
        .join('')
    }
  }
}
