// A language of numbers and its translation, which has the words in the other order, and small translators of it.

import { vocabularyFromConfig } from '../../../src/data/text/vocabulary.js'
import { createRandom } from '../../../src/random.js'
import { defaultsOf } from '../../../src/settings/index.js'
import type { TranslationConfig } from '../../../src/tasks/translation/config.js'
import {
  sentenceSettings,
  symbolSettings,
  translationNetworkSettings,
  translationTrainingSettings,
  type TranslationNetwork
} from '../../../src/tasks/translation/settings.js'
import { rankedBytes, byteCharacters } from '../../../src/data/text/byte-level.js'

const WORDS: readonly (readonly [source: string, target: string])[] = [
  ['one', 'un'],
  ['two', 'deux'],
  ['three', 'trois'],
  ['four', 'quatre'],
  ['six', 'six'],
  ['ten', 'dix']
]

/** Returns different sentences of 1 to `most` words and their translations, as lines of a TSV file. */
export function sentencePairs(count: number, { seed = 1, most = 4 } = {}): string[] {
  const random = createRandom(seed, 'sentences')
  const lines = new Set<string>()
  while (lines.size < count) {
    const words = Array.from({ length: 1 + random.below(most) }, () => WORDS[random.below(WORDS.length)]!)
    const source = words.map(([word]) => word).join(' ')
    const target = words.map(([, word]) => word).reverse().join(' ') // prettier-ignore
    lines.add(`${source}.\t${target}\u202f.`)
  }
  return [...lines]
}

/** Returns the vocabulary of the 256 bytes, with the special tokens of a translator. */
function bytePairs() {
  const tokens = ['<begin>', '<end>', ...rankedBytes.map((byte) => byteCharacters[byte]!)]
  const config = { kind: 'bpe', tokens, merges: [], added: [0, 1], special: { begin: 0, end: 1 } } as const
  return vocabularyFromConfig(config).config
}

/** Returns the configuration of a small translator of bytes. */
export function translationConfig(network: Partial<TranslationNetwork> = {}): TranslationConfig {
  return {
    network: { ...defaultsOf(translationNetworkSettings), hidden: 8, embedding: 6, ...network },
    symbols: defaultsOf(symbolSettings),
    sentences: defaultsOf(sentenceSettings),
    training: { ...defaultsOf(translationTrainingSettings), validEvery: 1 },
    vocabulary: { target: bytePairs(), source: null }
  }
}
