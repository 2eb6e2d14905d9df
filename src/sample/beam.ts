// Beam search: one mechanism for all decoders. Sequences are nodes of a tree, so that equal ones are one object wherever
// they come from; the best are kept by score, ties by the order of their tokens: nothing depends on chance.

import { GatecellError } from '../errors.js'
import { expectNumber } from '../graph/check.js'
import type { Scorer } from './scorers.js'

/** A sequence: its last token and the sequence before it; the root is the empty one. */
export class Prefix {
  readonly children = new Map<number, Prefix>()
  readonly length: number
  #state: unknown

  constructor(
    readonly parent: Prefix | null,
    readonly token: number
  ) {
    this.length = parent ? parent.length + 1 : 0
  }

  /** This sequence and one token more: the same object at every call. */
  child(token: number): Prefix {
    let child = this.children.get(token)
    if (!child) this.children.set(token, (child = new Prefix(this, token)))
    return child
  }

  /** The scorer's state after this sequence, found when it is first asked for. */
  state<S>(scorer: Scorer<S>): S {
    if (!this.parent) return scorer.start
    return (this.#state ??= scorer.next(this.parent.state(scorer), this.token)) as S
  }

  tokens(): Int32Array {
    return tokensOf(this)
  }

  /** Forgets this sequence, and those before it that nothing else continues, unless `keeps` says otherwise. */
  release(keeps: (prefix: Prefix) => boolean): void {
    if (!this.parent || this.children.size > 0 || keeps(this)) return
    this.parent.children.delete(this.token)
    this.parent.release(keeps)
  }
}

function tokensOf(prefix: Prefix): Int32Array {
  const tokens = new Int32Array(prefix.length)
  for (let at = prefix; at.parent; at = at.parent) tokens[at.length - 1] = at.token
  return tokens
}

function before(a: Int32Array, b: Int32Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** The `width` candidates of highest score, best first; equal scores in the order of their tokens. */
export function keepBest<C extends { prefix: Prefix; score: number }>(candidates: C[], width: number): C[] {
  const order = (a: C, b: C) => (a.score === b.score ? before(a.prefix.tokens(), b.prefix.tokens()) : b.score - a.score)
  return candidates.sort(order).slice(0, width)
}

export interface Hypothesis {
  tokens: Int32Array
  /** Nats of the sequence under the decoded network alone. */
  logProbability: number
  /** What hypotheses are ordered by: with the scorer, and divided by the length penalty. */
  score: number
  /** false: it was cut off at the greatest length. */
  ended: boolean
}

/** A network that says what may come next. `S`: its state, a value of which any number may be held. */
export interface Decoder<S> {
  /** State before the first token. */
  start: S
  /**
   * One step of every hypothesis: its state and last token (null before the first) to the state after that token, and the
   * nats of each token that may follow. All hypotheses come in one call, so that a network can run them as one batch.
   */
  step(beam: readonly { state: S; token: number | null }[]): { state: S; nats: ArrayLike<number> }[]
}

export interface BeamOptions {
  /** Token that ends a sequence; it is no part of the result. */
  end: number
  /** Hypotheses that are followed; default 8. 1: greedy. */
  width?: number
  /** Sequences returned at most, best first; default 1, at most `width`. */
  best?: number
  /** Most tokens of a sequence. */
  maxLength: number
  /** Exponent alpha of the length penalty ((5 + length) / 6)^alpha (Wu et al. 2016, equation 14); default 0: none. */
  lengthPenalty?: number
  scorer?: Scorer
}

interface Candidate<S> {
  prefix: Prefix
  nats: number
  /** nats and the scorer's, before the length penalty. */
  score: number
  state: S
}

/**
 * The sequences of highest score. A hypothesis leaves the beam when it ends; the search goes on until none of those that
 * are left can still come among the best. Only where nothing ended within `maxLength` are sequences without end returned.
 */
export function beamSearch<S>(decoder: Decoder<S>, options: BeamOptions): Hypothesis[] {
  const { end, width = 8, best = 1, maxLength, lengthPenalty = 0, scorer } = options
  expectNumber('beamSearch', 'width', width, 1, 2 ** 20, true)
  expectNumber('beamSearch', 'best', best, 1, width, true)
  expectNumber('beamSearch', 'maxLength', maxLength, 0, 2 ** 24, true)
  expectNumber('beamSearch', 'lengthPenalty', lengthPenalty, 0, 100)
  const penalty = (length: number) => ((5 + length) / 6) ** lengthPenalty
  let beam: Candidate<S>[] = [{ prefix: new Prefix(null, -1), nats: 0, score: 0, state: decoder.start }]
  let finished: (Candidate<S> & { raw: number })[] = []

  const finish = (from: Candidate<S>, nats: number) => {
    const raw = from.score + nats + (scorer ? scorer.end(from.prefix.state(scorer)) : 0)
    if (raw > -Infinity) {
      const score = raw / penalty(from.prefix.length + 1)
      finished.push({ ...from, nats: from.nats + nats, raw, score })
    }
  }

  for (let length = 0; beam.length > 0 && length <= maxLength; length++) {
    const steps = decoder.step(beam.map(({ state, prefix }) => ({ state, token: prefix.parent ? prefix.token : null })))
    const candidates: Candidate<S>[] = []
    beam.forEach((from, i) => {
      const { state, nats } = steps[i]!
      if (!(end >= 0 && end < nats.length)) {
        throw new GatecellError(
          'ERR_OUT_OF_RANGE',
          `Expected an end token from 0 to ${nats.length - 1} but received ${String(end)}.`
        )
      }
      finish(from, nats[end]!)
      if (length === maxLength) return
      for (const token of likeliest(nats, scorer ? nats.length : width + 1)) {
        if (token === end) continue
        const own = scorer ? scorer.score(from.prefix.state(scorer), token) : 0
        const score = from.score + nats[token]! + own
        if (score > -Infinity)
          candidates.push({ prefix: from.prefix.child(token), nats: from.nats + nats[token]!, score, state })
      }
    })
    finished = keepBest(finished, best)
    if (length === maxLength && finished.length > 0) break
    if (length === maxLength) {
      return keepBest(
        beam.map((from) => ({ ...from, score: from.score / penalty(from.prefix.length) })),
        best
      ).map((from) => result(from, false))
    }
    beam = keepBest(candidates, width)
    const bound = finished.length === best ? finished[best - 1]!.score : -Infinity
    // Further tokens only lower a score below 0; the penalty of the greatest length is the kindest.
    if (!scorer) beam = beam.filter(({ score }) => score / penalty(maxLength + 1) > bound)
  }
  return finished.map((from) => result(from, true))
}

function result<S>({ prefix, nats, score }: Candidate<S>, ended: boolean): Hypothesis {
  return { tokens: prefix.tokens(), logProbability: nats, score, ended }
}

/** The `count` tokens of most nats; equal ones in their order. */
function likeliest(nats: ArrayLike<number>, count: number): number[] {
  const order = Array.from({ length: nats.length }, (_, token) => token)
  for (const token of order) {
    if (Number.isNaN(nats[token]!)) {
      throw new GatecellError('ERR_OUT_OF_RANGE', `Expected numbers to search but received NaN for token ${token}.`)
    }
  }
  return order.sort((a, b) => (nats[a] === nats[b] ? a - b : nats[b]! - nats[a]!)).slice(0, count)
}
