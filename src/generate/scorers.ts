// Scorers: ratings of token sequences that a beam search adds to those of the network it decodes. A language model rates each token; a
// lexicon forbids tokens that lead to no word.

import { anything, invalid, integer, iterable, list, methods, number, numbers, object } from '../check/index.js'
import { isArrayOf, made, open, optional, options as optionsOf, syncFunction, type Check } from '../check/index.js'
import { expected } from '../errors.js'
import type { Stream } from './stream-types.js'

/**
 * Rates token sequences for a beam search. `S` is the type of its states. A state is a value that stands for the tokens so far: a search
 * follows many sequences at once, and continues from one state several times.
 */
export interface Scorer<S = unknown> {
  /** State before the first token. */
  readonly start: S
  /** Returns the nats of `token` after `state`: a number below Infinity. -Infinity forbids the token. */
  score(state: S, token: number): number
  /** Returns the state after `token`. */
  next(state: S, token: number): S
  /** Returns the nats of ending after `state`: a number below Infinity. -Infinity forbids the end. */
  end(state: S): number
}

const scorerParts = open<Scorer>({
  start: anything,
  score: syncFunction(),
  next: syncFunction(),
  end: syncFunction()
})

/**
 * Checks a scorer of a caller and returns one whose results are checked. The functions are read once and are called with the caller's object
 * as `this`.
 */
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

/**
 * Returns a scorer whose nats are the sum of those of `scorers`, each times its weight (above 0, default 1), plus `insertion` nats for each
 * token (default 0), which balances long and short sequences (Hannun et al. 2014). Throws ERR_INVALID_ARGUMENT for values of
 * other types; its functions throw it for a state of another scorer.
 *
 * @example
 * const words = lexiconScorer([[1, 2], [1, 3]])
 * const scorer = combineScorers([{ scorer: words, weight: 0.5 }], 1)
 * scorer.score(scorer.start, 1) // 1: an allowed token has 0 nats, and the insertion bonus is 1
 */
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

/** A node of a lexicon: the tokens that may follow with their nodes, and whether a word ends here. */
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
 * Returns a scorer that allows only sequences of `words`, each an array of tokens: 0 nats for a token that is allowed, -Infinity otherwise.
 * With a `separator` (a token, default: none) a sequence has one or more words, with one separator between two of them; without it a
 * sequence is one word. The empty sequence is allowed only if it is one of the words. Throws ERR_INVALID_ARGUMENT for words that are not
 * arrays of integers, or that contain the separator.
 *
 * @example
 * const scorer = lexiconScorer([[1, 2], [3]], { separator: 0 })
 * const after = scorer.next(scorer.start, 1)
 * scorer.score(after, 2) // 0
 * scorer.score(after, 3) // -Infinity: no word begins with 1, 3
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
        const found = Array.from(word).join(' ')
        throw expected('ERR_INVALID_ARGUMENT', `words without the separator ${separator}`, found, 'split it into words')
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

/** A state of a language model: its stream after the tokens so far, and the nats of every token that may follow. */
export interface StreamState {
  readonly stream: Pick<Stream, 'clone' | 'step'>
  readonly nats: Float64Array
}

const readStreamOptions = optionsOf<StreamScorerOptions>({
  tokenOf: optional(syncFunction()),
  ends: optional(list(integer(0)))
})
const streamMethods = methods<Stream>(['clone', 'step'])

/** Options of `streamScorer`. */
export interface StreamScorerOptions {
  /**
   * Returns the model's token for a token of the search; -1 if the model does not have it, which forbids the token. Default: the same
   * token.
   */
  tokenOf?: (token: number) => number
  /**
   * Tokens of the model that may follow a sequence: the nats of an end are those of any of them. Default: none, and a sequence may end
   * anywhere for 0 nats.
   */
  ends?: readonly number[]
}

/**
 * Returns a scorer that rates sequences by a model of token sequences. `stream` is a stream of the model that has read what comes before a
 * sequence, at least one token; the scorer works with clones of it. Throws ERR_INVALID_ARGUMENT for values of other types, or if the stream
 * has not read a token since its state was set; its functions throw what a step of the stream throws.
 *
 * @example
 * const stream = model.stream()
 * stream.feed(vocabulary.encode('\n'))
 * const scorer = streamScorer(stream, { ends: [...vocabulary.encode(' \n')] })
 */
export function streamScorer(stream: Stream, options: StreamScorerOptions = {}): Scorer<StreamState> {
  const { tokenOf: translate = (token: number) => token, ends = [] } = readStreamOptions(
    options,
    'the options of streamScorer'
  )
  const states = new WeakSet<StreamState>()
  const stateOf = (at: Stream): StreamState => {
    const state = { stream: streamMethods(at, 'the stream'), nats: logSoftmax(at.logits) }
    states.add(state)
    return state
  }
  const checkState = made('a state of this scorer', states)
  const known = (token: number): number => tokenOf(translate(tokenOf(token, 'token')), 'the result of tokenOf')
  return {
    start: stateOf(streamMethods(stream, 'the stream').clone()),
    score: (state, token) => checkState(state, 'state').nats[known(token)] ?? -Infinity,
    next(state, token) {
      const clone = checkState(state, 'state').stream.clone()
      clone.step(known(token))
      return stateOf(clone)
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
 *
 * @example
 * logSoftmax([0, 0]) // Float64Array [-0.693..., -0.693...]: each has the probability 1/2
 */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const nats = Float64Array.from(numbers(logits, 'the logits'))
  let most = -Infinity
  for (const value of nats) if (value > most) most = value
  let sum = 0
  for (const value of nats) sum += Math.exp(value - most)
  const norm = most + Math.log(sum)
  if (!Number.isFinite(norm)) {
    throw expected('ERR_OUT_OF_RANGE', 'finite logits to decode', 'a NaN or none finite', 'check the weights')
  }
  for (let i = 0; i < nats.length; i++) nats[i]! -= norm
  return nats
}
