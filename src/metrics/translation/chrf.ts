// chrF2 and chrF++ of a corpus (Popović, "chrF: character n-gram F-score for automatic MT evaluation", 2015; "chrF++: words helping character
// n-grams", 2017), equal to sacreBLEU 2.6.0.

import { splitWhite } from './python-text.js'
import { countGrams, type GramCounts } from '../n-grams.js'
import { referenceNumber, SACREBLEU_VERSION } from './references.js'

/** chrF of translations. */
export interface Chrf {
  /** 0 to 100. */
  readonly score: number
  /** The settings in sacreBLEU's form. */
  readonly signature: string
}

const CHARACTER_ORDERS = [1, 2, 3, 4, 5, 6]
const BETA_SQUARED = 4
const PUNCTUATION = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~')

/** Counts of one order: n-grams of the hypothesis, n-grams of the reference, matches. */
type OrderCounts = readonly [hypothesis: number, reference: number, match: number]

/** Returns the words of a text, with one mark of ASCII punctuation at the end, else at the beginning, of a word as a word of its own. */
function punctuatedWords(text: string): string[] {
  return splitWhite(text).flatMap((word) => {
    const characters = Array.from(word)
    if (characters.length === 1) return [word]
    if (PUNCTUATION.has(characters.at(-1)!)) return [characters.slice(0, -1).join(''), characters.at(-1)!]
    return PUNCTUATION.has(characters[0]!) ? [characters[0]!, characters.slice(1).join('')] : [word]
  })
}

/** Returns the counts of n-grams of 1 to 6 characters without white space, then those of 1 to `words` words. */
function gramsOf(text: string, words: number): GramCounts[] {
  const characters = Array.from(splitWhite(text).join(''))
  const own = words === 0 ? [] : punctuatedWords(text)
  return [
    ...CHARACTER_ORDERS.map((order) => countGrams(characters, order, '')),
    ...Array.from({ length: words }, (_, i) => countGrams(own, i + 1, ' '))
  ]
}

function compareOrder(hypothesis: GramCounts, reference: GramCounts): OrderCounts {
  let [all, match] = [0, 0]
  for (const [gram, count] of hypothesis) {
    all += count
    match += Math.min(count, reference.get(gram) ?? 0)
  }
  const known = [...reference.values()].reduce((sum, count) => sum + count, 0)
  return [reference.size === 0 ? 0 : all, known, match]
}

/** Returns the F-score in percent of the means of precision and recall over the orders that both texts have. */
function fScore(counts: readonly OrderCounts[]): number {
  const both = counts.filter(([hypothesis, reference]) => hypothesis > 0 && reference > 0)
  if (both.length === 0) return 0
  const precision = both.reduce((sum, [hypothesis, , match]) => sum + match / hypothesis, 0) / both.length
  const recall = both.reduce((sum, [, reference, match]) => sum + match / reference, 0) / both.length
  if (precision + recall === 0) return 0
  return (100 * (1 + BETA_SQUARED) * precision * recall) / (BETA_SQUARED * precision + recall)
}

/**
 * Returns chrF2 of translations, or chrF++ with `words` = 2, the longest n-grams of words that count next to those of characters (default 0).
 * `references[i]` are those of hypothesis i, at least one; the one with the best F-score counts. Throws the errors of `referenceNumber`.
 */
export function chrf(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { words = 0 }: { readonly words?: 0 | 2 } = {}
): Chrf {
  const number = referenceNumber(hypotheses, references)
  const sums = Array.from({ length: CHARACTER_ORDERS.length + words }, (): [number, number, number] => [0, 0, 0])
  for (const [i, hypothesis] of hypotheses.entries()) {
    const own = gramsOf(hypothesis, words)
    let best: { score: number; counts: readonly OrderCounts[] } = { score: -1, counts: [] }
    for (const reference of references[i]!) {
      const counts = gramsOf(reference, words).map((grams, at) => compareOrder(own[at]!, grams))
      const score = fScore(counts)
      if (score > best.score) best = { score, counts }
    }
    for (const [at, sum] of sums.entries()) for (const k of sum.keys()) sum[k]! += best.counts[at]![k]!
  }
  return {
    score: fScore(sums),
    signature: `nrefs:${number}|case:mixed|eff:yes|nc:6|nw:${words}|space:no|version:${SACREBLEU_VERSION}`
  }
}
