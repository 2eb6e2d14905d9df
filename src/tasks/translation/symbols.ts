// The symbols of sentences: byte pairs that are learned from the sentences to train on. A space is put before each sentence, so that its first word
// has the same symbols as anywhere else.

import { trainBpe } from '../../data/text/bpe-training.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/text/vocabulary.js'
import { plainSentence } from '../../data/pairs/pairs.js'
import type { TranslationVocabularies } from './config.js'
import type { SymbolChoice } from './settings.js'

/** Number of sentences that are joined to one text for the training of byte pairs. */
const TEXT_SENTENCES = 1000

/** The vocabularies of both languages, which may be the same. */
export interface TranslationSymbols {
  readonly source: Vocabulary
  readonly target: Vocabulary
}

/** Returns the text that is encoded for a sentence: a space and the sentence, by `plainSentence` if `plain`; null if the sentence is empty. */
export function symbolText(text: string, plain: boolean): string | null {
  const own = plain ? plainSentence(text) : text.trim()
  return own === '' ? null : ` ${own}`
}

async function learn(sentences: readonly string[], size: number, signal: AbortSignal | undefined) {
  const texts = function* () {
    for (let at = 0; at < sentences.length; at += TEXT_SENTENCES)
      yield sentences.slice(at, at + TEXT_SENTENCES).join('\n')
  }
  return await trainBpe(texts(), { size, special: ['begin', 'end'], ...(signal && { signal }) })
}

/** Makes the vocabularies of pairs whose texts `symbolText` returned. Throws the errors of `trainBpe`. */
export async function learnSymbols(
  pairs: readonly { readonly source: string; readonly target: string }[],
  { size, separate }: SymbolChoice,
  signal: AbortSignal | undefined
): Promise<TranslationSymbols> {
  const sources = [...new Set(pairs.map(({ source }) => source))]
  const targets = [...new Set(pairs.map(({ target }) => target))]
  if (separate) return { source: await learn(sources, size, signal), target: await learn(targets, size, signal) }
  const both = await learn([...sources, ...targets], size, signal)
  return { source: both, target: both }
}

/** Returns the vocabularies in a configuration. */
export function symbolsOfConfig({ source, target }: TranslationVocabularies): TranslationSymbols {
  const own = vocabularyFromConfig(target)
  return { target: own, source: source ? vocabularyFromConfig(source) : own }
}
