// The texts of translations. An unknown symbol of a vocabulary of words is replaced by the word of the source to which the attention gives the
// largest weight (Jean et al. 2015; Luong et al. 2015, "Addressing the rare word problem"): names and numbers are mostly the same in both
// languages.

import type { Model } from '../../model.js'
import { attentionWeights, hasAttention } from './attention.js'
import type { TranslationConfig } from './config.js'
import { endsOf, symbolTexts, type TranslationSymbols } from './symbols.js'

/** A translation as ids, with the text and the ids of its source. */
export interface FoundTranslation {
  /** The text that was encoded, see `symbolText`. */
  readonly text: string
  readonly source: Int32Array
  readonly tokens: Int32Array
}

const LINE_ENDS = /[\n\r\u2028\u2029]+/g

/** The symbols have every byte, line ends too, but a sentence is one line. */
const oneLine = (text: string) => text.replace(LINE_ENDS, ' ').trim()

/**
 * Returns the texts of translations. Unknown symbols are replaced by words of the source; without attention they are U+FFFD. Throws ERR_ABORTED if
 * the signal aborts.
 */
export async function textsOf(
  { model, config, symbols }: { model: Model; config: TranslationConfig; symbols: TranslationSymbols },
  found: readonly FoundTranslation[],
  signal: AbortSignal | undefined
): Promise<string[]> {
  const { target } = symbols
  const texts = found.map(({ tokens }) => oneLine(target.decode(tokens, { skipSpecial: true })))
  const isOpen = ({ tokens }: FoundTranslation) => target.unknownId >= 0 && tokens.includes(target.unknownId)
  const open = hasAttention(config) ? Array.from(found.keys()).filter((i) => isOpen(found[i]!)) : []
  const pairs = open.map((i) => ({ source: found[i]!.source, target: found[i]!.tokens }))
  const weights = await attentionWeights(model, pairs, endsOf(symbols), signal)
  for (const [at, i] of open.entries()) texts[i] = copied(found[i]!, weights[at]!, symbols)
  return texts
}

/** Returns the text of a translation with the words of the source that have the largest weights in place of its unknown symbols. */
function copied(
  { text, source: ids, tokens }: FoundTranslation,
  weights: readonly Float32Array[],
  { source, target }: TranslationSymbols
): string {
  const words = symbolTexts(source, text, ids)
  const parts = Array.from(tokens, (id, t) =>
    id === target.unknownId ? words[largest(weights[t]!)]! : target.decode([id], { skipSpecial: true })
  )
  return oneLine(parts.join(''))
}

function largest(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0)
}
