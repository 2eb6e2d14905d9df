// Vocabularies by their configurations: the one place that lists all kinds.

import { expected, isObject, show } from '../../errors.js'
import { withFirstTokens } from './bpe-tables.js'
import { bpeFromConfig } from './bpe-vocabulary.js'
import { byteVocabulary } from './byte-vocabulary.js'
import { codePointsOf } from './characters.js'
import { charactersOf } from './character-vocabulary.js'
import { specialFromConfig, specialTokens, type SpecialToken } from './special-tokens.js'
import { checkVocabulary } from './check-vocabulary.js'
import type { Vocabulary, VocabularyConfig } from './vocabulary-types.js'
import { wordsFromConfig } from './word-vocabulary.js'

export { trainBpe, type BpeText, type BpeTrainingOptions } from './bpe-training.js'
export type { BpeVocabulary } from './bpe-vocabulary.js'
export { bpeFromTokenizerJson, bpeToTokenizerJson, type TokenizerJsonOptions } from './tokenizer-json.js'
export { byteVocabulary, type ByteVocabularyOptions } from './byte-vocabulary.js'
export { describeCodePoint } from './characters.js'
export { characterVocabulary, vocabularyFromText, type CharacterVocabularyOptions } from './character-vocabulary.js'
export { wordVocabulary, type WordVocabularyOptions } from './word-vocabulary.js'
export { specialNames, type SpecialToken } from './special-tokens.js'
export { checkVocabulary } from './check-vocabulary.js'
export type { DecodeOptions, Decoder, Encoder, Vocabulary, VocabularyConfig } from './vocabulary-types.js'

/** Throws ERR_FILE_FORMAT, with `what` as the expected value in the vocabulary of a model file. */
export function refuseConfig(what: string, found: unknown): never {
  throw expected('ERR_FILE_FORMAT', `${what} in the model's vocabulary`, show(found), 'the model is damaged')
}

/**
 * Returns the vocabulary that a model file holds. Throws ERR_FILE_FORMAT unless `config` is that of a vocabulary.
 *
 * @example
 * vocabularyFromConfig({ kind: 'character', symbols: 'abc', unknown: false }).size // 3
 */
export function vocabularyFromConfig(config: unknown): Vocabulary {
  if (!isObject(config)) return refuseConfig('an object', config)
  const { kind, special } = config as Record<string, unknown>
  if (kind === 'bpe') return bpeFromConfig(config, refuseConfig)
  const tokens = specialFromConfig(special, refuseConfig)
  if (kind === 'byte') return byteVocabulary({ special: tokens })
  if (kind === 'character') return charactersFromConfig(config as Record<string, unknown>, tokens)
  if (kind === 'word') return wordsFromConfig(config as Record<string, unknown>, tokens, refuseConfig)
  return refuseConfig('the kind character, byte, word or bpe', kind)
}

/** Returns the number of ids of the vocabulary of a checked configuration, without making the vocabulary. */
export function vocabularySizeOf(config: VocabularyConfig): number {
  if (config.kind === 'bpe') return config.tokens.length
  const special = config.special?.length ?? 0
  if (config.kind === 'byte') return special + 256
  if (config.kind === 'word') return special + config.words.length
  return special + codePointsOf(config.symbols).length + (config.unknown ? 1 : 0)
}

function charactersFromConfig(config: Record<string, unknown>, special: readonly SpecialToken[]): Vocabulary {
  const { symbols, unknown } = config
  if (typeof symbols !== 'string' || symbols === '' || /\p{Surrogate}/u.test(symbols))
    return refuseConfig('symbols as text', symbols)
  if (typeof unknown !== 'boolean') return refuseConfig('true or false as unknown', unknown)
  if (unknown && special.includes('unknown')) return refuseConfig('one <unk>', special)
  const codePoints = Int32Array.from(symbols, (symbol) => symbol.codePointAt(0)!)
  if (!codePoints.every((codePoint, id) => id === 0 || codePoints[id - 1]! < codePoint))
    return refuseConfig('symbols in increasing order', symbols)
  return charactersOf(codePoints, unknown, special)
}

/**
 * Returns a vocabulary with the same symbols in which these special tokens have the first ids; all other ids become larger by their
 * number. Throws ERR_INVALID_ARGUMENT for a token that the vocabulary has already.
 *
 * @example
 * const letters = vocabularyFromText('abc')
 * addSpecialTokens(letters, ['blank']).encode('abc') // Int32Array [1, 2, 3]
 */
export function addSpecialTokens(vocabulary: Vocabulary, special: readonly SpecialToken[]): Vocabulary {
  const { config, special: own } = checkVocabulary(vocabulary, 'the vocabulary')
  const added = specialTokens(special, 'the special tokens')
  const twice = added.find((token) => own.includes(token))
  if (twice !== undefined) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'special tokens that the vocabulary does not have',
      show(twice),
      'leave it out'
    )
  }
  if (config.kind === 'bpe') return vocabularyFromConfig(withFirstTokens(config, added))
  const first = [...added, ...(config.special ?? [])]
  return vocabularyFromConfig({ ...config, ...(first.length > 0 && { special: first }) } satisfies VocabularyConfig)
}
