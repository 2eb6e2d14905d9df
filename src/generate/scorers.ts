// Scorers: what a beam search knows besides the network it decodes. A language model rates each token, a lexicon forbids
// those that lead to no word. A scorer is a function of its state, so a search may follow many sequences at once.

import { anything, invalid, integer, iterable, list, methods, number, numbers, object } from '../check/index.js'
import { isArrayOf, made, open, optional, options as optionsOf, syncFunction, type Check } from '../check/index.js'
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

const scorerParts = open<Scorer>({
  start: anything,
  score: syncFunction(),
  next: syncFunction(),
  end: syncFunction()
})

/** A scorer. Its functions are read once and called with it as their `this`; their results are checked. */
export const readScorer: Check<Scorer> = (value, name) => {
  const { start, score, next, end } = scorerParts(value, name)
  const nats = (found: unknown, what: string): number => {
    if (typeof found === 'number' && found < Infinity) return found
    throw invalid('a number of nats below Infinity', `what ${what}() of ${name} returns`, found)
  }
  return {
    start,
    score: (state, token) => nats(score.call(value, state, token), 'score'),
    next: (state, token) => next.call(value, state, token),
    end: (state) => nats(end.call(value, state), 'end')
  }
}

const tokenOf = integer(-(2 ** 31), 2 ** 31 - 1)

/** Sum of scorers, each times its weight (above 0), and `insertion` nats for every token (Hannun et al. 2014). */
export function combineScorers(
  scorers: readonly { scorer: Scorer; weight?: number }[],
  insertion = 0
): Scorer<readonly unknown[]> {
  const parts = readScorers(scorers, 'the scorers')
  number()(insertion, 'the insertion bonus')
  const weights = parts.map(({ weight = 1 }) => weight)
  const sum = (value: (scorer: Scorer, i: number) => number, start: number) =>
    parts.reduce((total, { scorer }, i) => total + weights[i]! * value(scorer, i), start)
  const checkStates = (states: readonly unknown[]): void => {
    if (!isArrayOf(states, parts.length)) throw invalid('a state of these scorers', 'state', states)
  }
  return {
    start: parts.map(({ scorer }) => scorer.start),
    score(states, token) {
      checkStates(states)
      return sum((scorer, i) => scorer.score(states[i], token), insertion)
    },
    next(states, token) {
      checkStates(states)
      return parts.map(({ scorer }, i) => scorer.next(states[i], token))
    },
    end(states) {
      checkStates(states)
      return sum((scorer, i) => scorer.end(states[i]), 0)
    }
  }
}

const readScorers = list(
  // Number.MIN_VALUE is the smallest number above 0.
  object<{ scorer: Scorer; weight?: number }>({ scorer: readScorer, weight: optional(number(Number.MIN_VALUE)) })
)

/** A node of a lexicon: what may follow, and whether a word ends here. */
export interface TrieNode {
  readonly children: ReadonlyMap<number, TrieNode>
  readonly word: boolean
}

class Node implements TrieNode {
  readonly #own = true
  readonly children = new Map<number, Node>()
  word = false

  /** Returns whether `value` is a node itself, not a copy or proxy of one. */
  static is(value: unknown): value is Node {
    return typeof value === 'object' && value !== null && #own in value
  }
}

const readLexiconOptions = optionsOf<{ separator?: number }>({ separator: optional(tokenOf) })

/**
 * Allows only sequences of `words` (each an array of tokens). With a `separator`, one of it stands between two words. If `words` contains
 * the empty sequence, that is a word too. Throws ERR_INVALID_ARGUMENT for words that are not arrays of integers, or that contain the
 * separator.
 */
export function lexiconScorer(
  words: Iterable<ArrayLike<number>>,
  options: { separator?: number } = {}
): Scorer<TrieNode | null> {
  const { separator } = readLexiconOptions(options, 'the options of lexiconScorer')
  const root = new Node()
  for (const word of iterable(numbers)(words, 'the words')) {
    let node = root
    for (let i = 0; i < word.length; i++) {
      const token = tokenOf(word[i], 'a token of a word')
      if (token === separator) {
        throw new GatecellError(
          'ERR_INVALID_ARGUMENT',
          `Expected words without the separator ${separator} but received ${Array.from(word).join(' ')}: split it into words.`
        )
      }
      let child = node.children.get(token)
      if (!child) node.children.set(token, (child = new Node()))
      node = child
    }
    node.word = true
  }
  const next = (node: TrieNode | null, token: number): TrieNode | null => {
    if (node !== null && !Node.is(node)) throw invalid('a state of this lexicon', 'state', node)
    tokenOf(token, 'token')
    if (node && token === separator) return node.word ? root : null
    return node?.children.get(token) ?? null
  }
  return {
    start: root,
    next,
    score: (node, token) => (next(node, token) ? 0 : -Infinity),
    end(node) {
      if (node !== null && !Node.is(node)) throw invalid('a state of this lexicon', 'state', node)
      return node?.word ? 0 : -Infinity
    }
  }
}

/** Where a language model stands: its stream, and the nats of every token that may follow. */
export interface StreamState {
  readonly stream: Stream
  readonly nats: Float64Array
}

const readStreamOptions = optionsOf<{ tokenOf?: (token: number) => number; ends?: readonly number[] }>({
  tokenOf: optional(syncFunction()),
  ends: optional(list(integer(0)))
})
const streamMethods = methods<Stream>(['clone', 'step'])

/**
 * A model of token sequences as a scorer: `stream` stands where the sequence begins (feed it what comes before, at least
 * one token). `tokenOf` translates the search's tokens into the model's, -1: the model does not know it (forbidden);
 * `ends`: the model's tokens that a sequence may end before; none: it may end anywhere, for nothing.
 */
export function streamScorer(
  stream: Stream,
  options: { tokenOf?: (token: number) => number; ends?: readonly number[] } = {}
): Scorer<StreamState> {
  const { tokenOf: translate = (token: number) => token, ends = [] } = readStreamOptions(
    options,
    'the options of streamScorer'
  )
  const states = new WeakSet<StreamState>()
  const stand = (at: Stream): StreamState => {
    streamMethods(at, 'the stream')
    const state = { stream: at, nats: logSoftmax(at.logits) }
    states.add(state)
    return state
  }
  const checkState = made('a state of this scorer', states)
  const known = (token: number): number => tokenOf(translate(tokenOf(token, 'token')), 'what tokenOf returns')
  streamMethods(stream, 'the stream')
  return {
    start: stand(stream.clone()),
    score: (state, token) => checkState(state, 'state').nats[known(token)] ?? -Infinity,
    next(state, token) {
      const clone = checkState(state, 'state').stream.clone()
      clone.step(known(token))
      return stand(clone)
    },
    end(state) {
      const { nats } = checkState(state, 'state')
      if (ends.length === 0) return 0
      return Math.log(ends.reduce((sum, token) => sum + Math.exp(nats[token] ?? -Infinity), 0))
    }
  }
}

/**
 * Returns the logarithms of the softmax of `logits`, in nats and double precision. Throws ERR_OUT_OF_RANGE for logits without a softmax (NaN,
 * Infinity, or all -Infinity), ERR_INVALID_ARGUMENT for values that are not numbers.
 */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const nats = Float64Array.from(numbers(logits, 'the logits'))
  let most = -Infinity
  for (const value of nats) if (value > most) most = value
  let sum = 0
  for (const value of nats) sum += Math.exp(value - most)
  const norm = most + Math.log(sum)
  if (!Number.isFinite(norm)) {
    throw new GatecellError(
      'ERR_OUT_OF_RANGE',
      'Expected finite logits to decode but received a NaN or none finite: check the weights.'
    )
  }
  for (let i = 0; i < nats.length; i++) nats[i]! -= norm
  return nats
}
