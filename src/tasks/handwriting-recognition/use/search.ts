// The search for the text in the outputs of a reader, row by row: the best path, or a beam search with a scorer. The reader of whole samples
// and the reader that follows the pen both use it.

import { integer, optional } from '../../../check/index.js'
import type { Vocabulary } from '../../../data/text/vocabulary.js'
import { createCtcBeam } from '../../../generate/decode/ctc-beam.js'
import { BestPath } from '../../../generate/decode/ctc.js'
import { readScorer, type Scorer } from '../../../generate/scorers.js'

/** Options of a reading. */
export interface ReadOptions {
  /**
   * Width of the beam search, from 0 to 2^20. 0, the default, takes the best path (greedy decoding), or with a scorer the default width of
   * `createCtcBeam`, 16.
   */
  beam?: number
  /**
   * Scorer that rates readings in a beam search; default: none. Its tokens are ids of the reader's `vocabulary`, which has the blank as id
   * 0. `lexiconScorer`, `streamScorer` and `combineScorers` make scorers.
   */
  scorer?: Scorer
  /** Most readings that are returned, from 0 to 2^20; default 1. The best path is one reading. */
  best?: number
}

/** A reading of ink. */
export interface Reading {
  text: string
  /**
   * Logarithm of the probability of the reading under the network, in nats: of the best path, or summed over the alignments in the beam.
   */
  nats: number
  /** Nats with those of the scorer; equal to `nats` without a scorer. */
  score: number
}

/** Checks of the options that determine the search. */
export const readFields = { beam: optional(integer(0, 2 ** 20)), scorer: optional(readScorer) }
/** Checks the number of readings. */
export const bestOf = optional(integer(0, 2 ** 20))

/** A search that reads the outputs of a network row by row. */
export interface TextSearch {
  /** Reads the logits [V] of the next point. Throws ERR_OUT_OF_RANGE for a NaN. */
  push(logits: Float32Array): void
  /** The text of the best path or of the first prefix of the beam, so far. */
  readonly text: string
  /** Returns at most `count` readings of the rows so far, best first. */
  best(count: number): Reading[]
}

/**
 * Starts a search for texts of `vocabulary`, the reader's, which has the special token blank. It is a beam search if `beam` is above 0 or a
 * scorer is given, and follows the best path otherwise.
 */
export function createTextSearch(
  vocabulary: Vocabulary,
  { beam = 0, scorer }: Pick<ReadOptions, 'beam' | 'scorer'>
): TextSearch {
  return beam > 0 || scorer ? beamSearch(vocabulary, beam, scorer) : bestPathSearch(vocabulary)
}

function beamSearch(vocabulary: Vocabulary, beam: number, scorer: Scorer | undefined): TextSearch {
  const blank = vocabulary.idOf('blank')
  const search = createCtcBeam({ blank, ...(beam > 0 && { width: beam }), ...(scorer && { scorer }) })
  return {
    push: (logits) => search.push(logits),
    get text() {
      return vocabulary.decode(search.prefix)
    },
    best(count) {
      const found = search.best(count)
      return found.map(({ labels, logProbability, score }) => ({
        text: vocabulary.decode(labels),
        nats: logProbability,
        score
      }))
    }
  }
}

function bestPathSearch(vocabulary: Vocabulary): TextSearch {
  const path = new BestPath(vocabulary.idOf('blank'))
  let nats = 0
  return {
    push(logits) {
      path.push(logits)
      nats += likeliestNats(logits)
    },
    get text() {
      return vocabulary.decode(path.labels)
    },
    best: (count) => (count === 0 ? [] : [{ text: vocabulary.decode(path.labels), nats, score: nats }])
  }
}

/** Returns the logarithm of the largest probability of the softmax of `logits`. */
function likeliestNats(logits: Float32Array): number {
  let most = -Infinity
  for (const value of logits) if (value > most) most = value
  let sum = 0
  for (const value of logits) sum += Math.exp(value - most)
  return -Math.log(sum)
}
