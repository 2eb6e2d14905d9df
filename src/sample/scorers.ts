// Scorers: what a beam search knows besides the network it decodes. A language model rates each token, a lexicon forbids
// those that lead to no word. A scorer is a function of its state, so a search may follow many sequences at once.

import { GatecellError } from '../errors.js'
import type { Stream } from './stream-types.js'

export interface Scorer<S = unknown> {
  /** State before the first token. */
  readonly start: S
  /** Nats of `token` after `state`; -Infinity forbids it. */
  score(state: S, token: number): number
  /** State after `token`. */
  next(state: S, token: number): S
  /** Nats of ending after `state`; -Infinity forbids it. */
  end(state: S): number
}

/** Sum of scorers, each times its weight (above 0), and `insertion` nats for every token (Hannun et al. 2014). */
export function combineScorers(
  parts: readonly { scorer: Scorer; weight?: number }[],
  insertion = 0
): Scorer<readonly unknown[]> {
  const weights = parts.map(({ weight = 1 }) => weight)
  const bad = weights.find((weight) => !(weight > 0 && weight < Infinity))
  if (bad !== undefined || !Number.isFinite(insertion)) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected weights above 0 and a finite insertion bonus but received ${String(bad ?? insertion)}.`
    )
  }
  const sum = (value: (scorer: Scorer, i: number) => number, start: number) =>
    parts.reduce((total, { scorer }, i) => total + weights[i]! * value(scorer, i), start)
  return {
    start: parts.map(({ scorer }) => scorer.start),
    score: (states, token) => sum((scorer, i) => scorer.score(states[i], token), insertion),
    next: (states, token) => parts.map(({ scorer }, i) => scorer.next(states[i], token)),
    end: (states) => sum((scorer, i) => scorer.end(states[i]), 0)
  }
}

/** A node of a lexicon: what may follow, and whether a word ends here. */
export interface TrieNode {
  readonly children: ReadonlyMap<number, TrieNode>
  readonly word: boolean
}

/**
 * Allows only sequences of `words` (each an array of tokens); with a `separator`, words joined by one of it. Where
 * `words` has the empty sequence, the empty sequence is a word.
 */
export function lexiconScorer(
  words: Iterable<ArrayLike<number>>,
  options: { separator?: number } = {}
): Scorer<TrieNode | null> {
  const { separator } = options
  interface Growing {
    children: Map<number, Growing>
    word: boolean
  }
  const root: Growing = { children: new Map(), word: false }
  for (const word of words) {
    let node = root
    for (let i = 0; i < word.length; i++) {
      const token = word[i]!
      if (token === separator) {
        throw new GatecellError(
          'ERR_INVALID_ARGUMENT',
          `Expected words without the separator ${separator} but received ${Array.from(word).join(' ')}.`
        )
      }
      let child = node.children.get(token)
      if (!child) node.children.set(token, (child = { children: new Map(), word: false }))
      node = child
    }
    node.word = true
  }
  const next = (node: TrieNode | null, token: number): TrieNode | null => {
    if (node && token === separator) return node.word ? root : null
    return node?.children.get(token) ?? null
  }
  return {
    start: root,
    next,
    score: (node, token) => (next(node, token) ? 0 : -Infinity),
    end: (node) => (node?.word ? 0 : -Infinity)
  }
}

/** Where a language model stands: its stream, and the nats of every token that may follow. */
export interface StreamState {
  readonly stream: Stream
  readonly nats: Float64Array
}

/**
 * A model of token sequences as a scorer: `stream` stands where the sequence begins (feed it what comes before, at least
 * one token). `tokenOf` translates the search's tokens into the model's, -1: the model does not know it (forbidden);
 * `ends`: the model's tokens that a sequence may end before; none: it may end anywhere, for nothing.
 */
export function streamScorer(
  stream: Stream,
  options: { tokenOf?: (token: number) => number; ends?: readonly number[] } = {}
): Scorer<StreamState> {
  const { tokenOf = (token) => token, ends = [] } = options
  const stand = (at: Stream): StreamState => ({ stream: at, nats: logSoftmax(at.logits) })
  return {
    start: stand(stream.clone()),
    score: (state, token) => state.nats[tokenOf(token)] ?? -Infinity,
    next(state, token) {
      const clone = state.stream.clone()
      clone.step(tokenOf(token))
      return stand(clone)
    },
    end({ nats }) {
      if (ends.length === 0) return 0
      return Math.log(ends.reduce((sum, token) => sum + Math.exp(nats[token] ?? -Infinity), 0))
    }
  }
}

/** Logarithms of the softmax, in double. Throws ERR_OUT_OF_RANGE for a row that has none. */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const nats = Float64Array.from(logits)
  let most = -Infinity
  for (const value of nats) if (value > most) most = value
  let sum = 0
  for (const value of nats) sum += Math.exp(value - most)
  const norm = most + Math.log(sum)
  if (!Number.isFinite(norm)) {
    throw new GatecellError('ERR_OUT_OF_RANGE', 'Expected finite logits to decode but received a NaN or none finite.')
  }
  for (let i = 0; i < nats.length; i++) nats[i]! -= norm
  return nats
}
