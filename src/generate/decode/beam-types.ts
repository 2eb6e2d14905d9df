// The interfaces of beam searches: what they take from a decoder, their options and their results.

import type { Scorer } from '../scorers.js'

/** A sequence that a beam search found. */
export interface Hypothesis {
  /** The tokens, without the end token. */
  tokens: Int32Array
  /** Nats of the sequence under the decoded network only, without the scorer. */
  logProbability: number
  /** The number by which hypotheses are ordered: the sum of the nats of network and scorer, divided by the length penalty. */
  score: number
  /** Whether the sequence has come to its end; false if the search cut it off at `maxLength`. */
  ended: boolean
}

/**
 * A network as a beam search uses it: from a state and a token to the next state and the scores of all tokens. `S` is the type of its
 * states. A state is a value: the search may hold any number of them, and may continue from one of them several times.
 */
export interface BeamDecoder<S> {
  /** State before the first token. */
  start: S
  /**
   * Makes one step of every hypothesis. It takes the state and the last token of each (null before the first token) and returns, in the
   * same order, the state after that token and the nats [V] of each token that may follow. All hypotheses come in one call, so that a
   * network can run them as one batch.
   */
  step(beam: readonly BeamEntry<S>[]): BeamStep<S>[]
}

/** A hypothesis as a decoder takes it: its state and its last token, null before the first one. */
export interface BeamEntry<S> {
  state: S
  token: number | null
}

/** The result of a decoder for one hypothesis: the state after its last token, and the nats of each token that may follow. */
export interface BeamStep<S> {
  state: S
  /** Nats [V] of all tokens, or of those of `tokens`. */
  nats: ArrayLike<number>
  /** The tokens whose nats these are: those that `WantedTokens` describes, each once; default: all. */
  tokens?: ArrayLike<number>
  /** Weights of the attention of this step over the steps of the source, for a coverage penalty. */
  attention?: ArrayLike<number>
}

/** The continuations of a hypothesis that a search needs: the `count` most probable ones, equal ones in the order of their tokens, and the end. */
export interface WantedTokens {
  readonly count: number
  readonly end: number
}

/** Options of `beamSearch`. */
export interface BeamOptions {
  /** Token that ends a sequence, from 0 to V - 1. It is not returned with the sequence. */
  end: number
  /** Number of hypotheses that are followed, from 1 to 2^20; default 8. 1 is greedy search (with `ends: 'leading'` up to the first end). */
  width?: number
  /**
   * 'any' (default): every hypothesis may end after every step, however small the probability of that is. 'leading': a hypothesis ends only where
   * its end is among the `width` best continuations of all hypotheses, as in translation: otherwise the length penalty would have to keep an
   * improbable early end from being better than a long sequence. The search stops when `width` of them have ended and no other one would be
   * among the best if it ended next without a loss; with a width of 1 it stops at the first end.
   */
  ends?: 'any' | 'leading'
  /** Most sequences that are returned, from 1 to `width`; default 1. */
  best?: number
  /** Most tokens of a sequence, from 0 to 2^24. */
  maxLength: number
  /**
   * Exponent alpha of the length penalty ((5 + length) / 6)^alpha (Wu et al. 2016, equation 14), from 0 to 100. 0, the default, has no
   * effect.
   */
  lengthPenalty?: number
  /**
   * Factor beta of the coverage penalty (Wu et al. 2016, equation 14), from 0 to 100: the score of a sequence gets beta times the sum over the steps
   * of its source of log(min(weights of the attention to the step, 1)), so that sequences that leave out a part of the source are worse. 0, the
   * default, has no effect. Other values need a decoder that returns `attention`.
   */
  coveragePenalty?: number
  /**
   * Most nats by which the score of a hypothesis is below the best one of its length, or with `best` above 1 below the one at that place, from 0 to
   * 1e6; a worse one is not followed (absolute threshold pruning: Freitag and Al-Onaizan 2017). Default: 1e6, which has no effect.
   */
  prune?: number
  /** Scorer whose nats are added to those of the network; default: none. */
  scorer?: Scorer
}

/** A `BeamDecoder` whose steps may be asynchronous. */
export interface AsyncBeamDecoder<S> {
  /** State before the first token. */
  readonly start: S
  /**
   * Makes one step of every hypothesis, as `BeamDecoder.step` does. `signal` is that of the search. A decoder may return only the continuations
   * that are `wanted`; null: all tokens.
   */
  step(
    beam: readonly BeamEntry<S>[],
    signal?: AbortSignal,
    wanted?: WantedTokens | null
  ): BeamStep<S>[] | Promise<BeamStep<S>[]>
}
