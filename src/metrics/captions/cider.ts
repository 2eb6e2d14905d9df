// CIDEr-D, a measure of captions against several references of each image (Vedantam, Zitnick, Parikh 2015, "CIDEr: Consensus-based image
// description evaluation"), with the details of the authors' program: four n-gram orders, document frequencies of the references that are
// measured, clipped counts, and a Gaussian penalty of the difference in length.

import { expected } from '../../errors.js'
import { countGrams, type GramCounts } from '../n-grams.js'

/** Largest number of words of an n-gram. */
const ORDERS = 4
/** Deviation of the penalty of the length, in words. */
const SIGMA = 6

/** Weights of the n-grams of a text by order, with the norm of each order and the number of bigrams, which the penalty takes for its length. */
interface Vectors {
  readonly weights: readonly ReadonlyMap<string, number>[]
  readonly norms: readonly number[]
  readonly length: number
}

/** Returns the counts of the n-grams of a text of words, by order. */
function countsOf(words: readonly string[]): GramCounts[] {
  return Array.from({ length: ORDERS }, (_, i) => countGrams(words, i + 1, ' '))
}

/** A caption of one image and the references of that image, as words: `tokenizeCaption` makes them. */
export interface CaptionPair {
  readonly caption: readonly string[]
  /** At least one reference. */
  readonly references: readonly (readonly string[])[]
}

/**
 * Returns the words of a caption for `ciderD`, in lower case and without punctuation. Words with an apostrophe or a hyphen stay whole. The authors'
 * program uses the tokeniser of the Penn Treebank, which splits contractions, so figures of the two tokenisers are not comparable.
 *
 * @example
 * tokenizeCaption('A cat, asleep.') // ['a', 'cat', 'asleep']
 */
export function tokenizeCaption(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu) ?? []
}

/**
 * Returns CIDEr-D from 0 to 10: the mean over images of the similarity of each caption to its references. Figures of different sets of
 * references are not comparable, because the weights of n-grams are those of the set. Throws ERR_CORPUS_EMPTY without pairs, and
 * ERR_INVALID_ARGUMENT for an image without a reference.
 *
 * @example
 * const pairs = [{ caption: ['a', 'cat'], references: [['a', 'cat', 'sleeps']] }, { caption: ['a', 'dog'], references: [['two', 'dogs']] }]
 * console.log(ciderD(pairs))
 */
export function ciderD(pairs: readonly CaptionPair[]): number {
  if (pairs.length === 0) throw expected('ERR_CORPUS_EMPTY', 'captions to measure', 'none', 'give at least one')
  const references = pairs.map(({ references: texts }) => texts.map(countsOf))
  const frequencies = new Map<string, number>()
  for (const [at, texts] of references.entries()) {
    if (texts.length === 0)
      throw expected('ERR_INVALID_ARGUMENT', `a reference for caption ${at}`, 'none', 'leave the caption out')
    for (const gram of new Set(texts.flatMap((counts) => counts.flatMap((one) => [...one.keys()]))))
      frequencies.set(gram, (frequencies.get(gram) ?? 0) + 1)
  }
  const vectorsOf = weighting(frequencies, Math.log(pairs.length))
  const scores = pairs.map(({ caption }, at) => {
    const own = vectorsOf(countsOf(caption))
    const all = references[at]!.map((counts) => similarity(own, vectorsOf(counts)))
    return (10 * all.reduce((sum, one) => sum + one, 0)) / all.length
  })
  return scores.reduce((sum, one) => sum + one, 0) / scores.length
}

/** Returns a function that weights counts by the logarithm of the inverse document frequency. `documents`: the logarithm of their number. */
function weighting(frequencies: ReadonlyMap<string, number>, documents: number) {
  return (counts: readonly GramCounts[]): Vectors => {
    const weights = counts.map(
      (one) =>
        new Map(
          [...one].map(([gram, count]) => [
            gram,
            count * (documents - Math.log(Math.max(1, frequencies.get(gram) ?? 0)))
          ])
        )
    )
    const norms = weights.map((one) => Math.sqrt([...one.values()].reduce((sum, weight) => sum + weight * weight, 0)))
    return { weights, norms, length: [...counts[1]!.values()].reduce((sum, count) => sum + count, 0) }
  }
}

/** Returns the similarity of a caption to a reference from 0 to 1: the mean cosine of the orders with clipped counts, times the penalty. */
function similarity(caption: Vectors, reference: Vectors): number {
  const penalty = Math.exp(-((caption.length - reference.length) ** 2) / (2 * SIGMA ** 2))
  let sum = 0
  for (let order = 0; order < ORDERS; order++) {
    let product = 0
    for (const [gram, weight] of caption.weights[order]!) {
      const other = reference.weights[order]!.get(gram) ?? 0
      product += Math.min(weight, other) * other
    }
    const norm = caption.norms[order]! * reference.norms[order]!
    sum += norm === 0 ? product : product / norm
  }
  return (penalty * sum) / ORDERS
}
