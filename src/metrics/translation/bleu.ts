// BLEU of a corpus (Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002), equal to sacreBLEU 2.6.0
// (Post, "A call for clarity in reporting BLEU scores", 2018).

import { countGrams, type GramCounts } from '../n-grams.js'
import { referenceNumber, SACREBLEU_VERSION } from './references.js'
import { bleuWords, type BleuTokenizer } from './tokenizers.js'

/**
 * Treatment of orders without a match (Chen and Cherry, "A systematic comparison of smoothing techniques for sentence-level BLEU", 2014): exp
 * takes 1/2 match for the first such order, 1/4 for the second and so on, floor takes 0.1 matches, add-k adds one match and one n-gram to each order
 * above the first, none takes 0.
 */
export type BleuSmoothing = 'exp' | 'floor' | 'add-k' | 'none'

/** Options of `bleu`. */
export interface BleuOptions {
  /** Default '13a'. */
  readonly tokenizer?: BleuTokenizer
  /** Default 'exp'. */
  readonly smoothing?: BleuSmoothing
}

/** BLEU with the numbers from which it is computed. */
export interface Bleu {
  /** 0 to 100. */
  readonly score: number
  /** Numbers of matched n-grams of the orders 1 to 4, and of all n-grams of the hypotheses. */
  readonly matches: readonly number[]
  readonly totals: readonly number[]
  /** Precision of each order in percent, smoothed. */
  readonly precisions: readonly number[]
  /** 0 to 1; below 1 if the hypotheses are shorter than the references. */
  readonly brevityPenalty: number
  /** Words of all hypotheses, and of that reference of each that is closest in length (of two at the same distance the shorter one). */
  readonly length: number
  readonly referenceLength: number
  /** The settings in sacreBLEU's form. */
  readonly signature: string
}

const ORDERS = [1, 2, 3, 4]
const FLOOR = 0.1
/** The logarithm of 0 in sacreBLEU. */
const LOG_OF_ZERO = -9999999999

/** Returns the largest count of each n-gram in any of the references. */
function mergedCounts(references: readonly (readonly string[])[], order: number): GramCounts {
  const merged: GramCounts = new Map()
  for (const words of references)
    for (const [gram, count] of countGrams(words, order, ' ')) merged.set(gram, Math.max(merged.get(gram) ?? 0, count))
  return merged
}

/** Returns the length of the reference that is closest to `length`; of two at the same distance the shorter one. */
function closestLength(length: number, references: readonly (readonly string[])[]): number {
  const distance = (other: number) => Math.abs(other - length)
  return references
    .map((words) => words.length)
    .reduce((best, other) => {
      const nearer = distance(other) < distance(best) || (distance(other) === distance(best) && other < best)
      return nearer ? other : best
    })
}

/** Returns the precisions in percent; all are 0 after an order without n-grams. */
function precisionsOf(matches: readonly number[], totals: readonly number[], smoothing: BleuSmoothing): number[] {
  const precisions = ORDERS.map(() => 0)
  let divisor = 1
  for (const i of ORDERS.keys()) {
    const added = smoothing === 'add-k' && i > 0 ? 1 : 0
    const [match, total] = [matches[i]! + added, totals[i]! + added]
    if (total === 0) break
    if (match > 0) precisions[i] = (100 * match) / total
    else if (smoothing === 'exp') precisions[i] = 100 / ((divisor *= 2) * total)
    else if (smoothing === 'floor') precisions[i] = (100 * FLOOR) / total
  }
  return precisions
}

const shownSmoothing = { exp: 'exp', floor: 'floor[0.10]', 'add-k': 'add-k[1.00]', none: 'none' }

/**
 * Returns BLEU of translations; `references[i]` are those of hypothesis i, at least one. Both are plain text, not tokenised before. Throws
 * the errors of `referenceNumber` and `bleuWords`.
 */
export function bleu(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { tokenizer = '13a', smoothing = 'exp' }: BleuOptions = {}
): Bleu {
  const number = referenceNumber(hypotheses, references)
  const wordsOf = bleuWords(tokenizer)
  const [matches, totals] = [ORDERS.map(() => 0), ORDERS.map(() => 0)]
  let [length, referenceLength] = [0, 0]
  for (const [i, hypothesis] of hypotheses.entries()) {
    const words = wordsOf(hypothesis)
    const others = references[i]!.map(wordsOf)
    length += words.length
    referenceLength += closestLength(words.length, others)
    for (const [at, order] of ORDERS.entries()) {
      const known = mergedCounts(others, order)
      for (const [gram, count] of countGrams(words, order, ' ')) {
        totals[at]! += count
        matches[at]! += Math.min(count, known.get(gram) ?? 0)
      }
    }
  }
  const brevityPenalty = length >= referenceLength ? 1 : length === 0 ? 0 : Math.exp(1 - referenceLength / length)
  const any = matches.some((count) => count > 0)
  const precisions = any ? precisionsOf(matches, totals, smoothing) : ORDERS.map(() => 0)
  const logs = precisions.map((precision) => (precision === 0 ? LOG_OF_ZERO : Math.log(precision)))
  const mean = logs.reduce((sum, one) => sum + one, 0) / ORDERS.length
  return {
    score: any ? brevityPenalty * Math.exp(mean) : 0,
    matches,
    totals,
    precisions,
    brevityPenalty,
    length,
    referenceLength,
    signature: `nrefs:${number}|case:mixed|eff:no|tok:${tokenizer}|smooth:${shownSmoothing[smoothing]}|version:${SACREBLEU_VERSION}`
  }
}
