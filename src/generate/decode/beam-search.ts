// The search itself, for decoders that are synchronous, asynchronous or shared by several searches. Ties are decided by the order of the tokens,
// so that a search with the same scores always returns the same sequences.

import { integer } from '../../check/index.js'
import { expected } from '../../errors.js'
import type { BeamEntry, BeamOptions, Hypothesis, BeamStep, WantedTokens } from './beam-types.js'
import { Best, grown, Prefix, type Candidate } from './prefixes.js'

const DEFAULT_WIDTH = 8

interface Followed<S> extends Candidate {
  readonly nats: number
  /** Nats and those of the scorer; divided by the length penalty only for a sequence that has ended. */
  readonly score: number
  readonly state: S
  /** Sums of the weights of the attention to each step of the source; null without a coverage penalty. */
  readonly coverage: Float64Array | null
}

/** Returns the continuations that a search needs; null: those of all tokens, because a scorer may prefer any of them. */
export function wantedBy({
  end,
  width = DEFAULT_WIDTH,
  ends,
  scorer
}: Omit<BeamOptions, 'maxLength'>): WantedTokens | null {
  if (scorer) return null
  return { count: ends === 'leading' ? 2 * width : width + 1, end }
}

/** Runs a search from a state, and yields the hypotheses whose steps it needs. The options are checked. */
export function* searchBeam<S>(state: S, options: BeamOptions): Generator<BeamEntry<S>[], Hypothesis[], BeamStep<S>[]> {
  const { width = DEFAULT_WIDTH, best = 1, maxLength, scorer, prune = Infinity } = options
  integer(1, width)(best, 'best')
  const leading = options.ends === 'leading'
  const { final, bound, scoreAt } = scoring<S>(options)
  const start = { prefix: new Prefix(null, -1), token: null, nats: 0, score: 0, state, coverage: null }
  let beam: Followed<S>[] = [start]
  let endings = 0
  const finished = new Best<Followed<S>>(best)
  const finish = (ended: Followed<S>) => {
    endings++
    finished.add({ ...ended, token: null, score: final(ended, ended.prefix.length + 1) })
  }

  for (let length = 0; beam.length > 0 && length <= maxLength; length++) {
    const steps = yield beam.map(({ state, prefix }) => ({ state, token: prefix.parent ? prefix.token : null }))
    // Each of at most `width` hypotheses has only one end, so the best 2 * width continuations contain the best `width` that are not ends.
    const next = new Best<Followed<S>>(leading ? 2 * width : width)
    const places = { next, finish: leading ? null : finish, endsOnly: length === maxLength && !leading }
    beam.forEach((from, i) => extend(from, steps[i]!, options, places))
    const taken = next.take()
    if (leading) for (const one of taken.slice(0, width)) if (one.token === options.end) finish(one)
    const ended = finished.take()
    if (length === maxLength && ended.length === 0) {
      const cut = new Best<Followed<S>>(best)
      for (const from of beam) cut.add({ ...from, score: final(from, from.prefix.length) })
      return cut.take().map((from) => result(from, false))
    }
    const worst = ended.length === best ? ended[best - 1]!.score : -Infinity
    const others = taken.filter(({ token }) => token !== options.end).slice(0, width)
    // At least as many as are returned are followed or have ended.
    const least = (taken[Math.min(best, taken.length) - 1]?.score ?? 0) - prune
    const followed = others.filter(({ score }) => score >= least)
    beam = followed.map((from) => ({ ...from, prefix: grown(from), token: null }))
    if (!scorer) beam = beam.filter((from) => bound(from) > worst)
    const mayImprove = width > 1 && beam.some((from) => scoreAt(from, length + 1) > worst)
    if (leading && endings >= width && !mayImprove) break
  }
  return finished.take().map((from) => result(from, true))
}

/** Returns the function that scores an ended sequence of some tokens, and an upper bound of what can become of a hypothesis. */
function scoring<S>({ lengthPenalty = 0, coveragePenalty = 0, maxLength }: BeamOptions) {
  const penalty = (length: number) => ((5 + length) / 6) ** lengthPenalty
  return {
    final({ score, coverage }: Followed<S>, length: number): number {
      return score / penalty(length) + (coverage ? coveragePenalty * coveredNats(coverage) : 0)
    },
    // The score that a hypothesis of some tokens would have with an end that loses nothing.
    scoreAt: ({ score }: Followed<S>, length: number) => score / penalty(length + 1),
    // Further tokens can only lower a score, which is at most 0; the penalty of the greatest length raises it most, and coverage is at best 0.
    bound: ({ score }: Followed<S>) => score / penalty(maxLength + 1)
  }
}

/** A step that has no attention at all would have the logarithm -Infinity. */
const LEAST_WEIGHT = 1e-9

/** Returns the sum of log(min(weight, 1)). */
function coveredNats(coverage: Float64Array): number {
  return coverage.reduce((sum, weight) => sum + Math.log(Math.min(1, Math.max(weight, LEAST_WEIGHT))), 0)
}

/** Returns the coverage of a hypothesis after a step; null without a coverage penalty. */
function covered<S>({ coverage }: Followed<S>, { attention }: BeamStep<S>, { coveragePenalty = 0 }: BeamOptions) {
  if (coveragePenalty === 0) return null
  if (attention === undefined) {
    const remedy = 'name the output with its weights, or leave out the coverage penalty'
    throw expected('ERR_INVALID_ARGUMENT', 'a decoder that returns its attention', 'one without', remedy)
  }
  return Float64Array.from(attention, (weight, s) => weight + (coverage?.[s] ?? 0))
}

/** Where the continuations of a hypothesis go: ends to `finish`, if there is one, and all others to `next`, unless only ends count. */
interface Places<S> {
  readonly next: Best<Followed<S>>
  readonly finish: ((ended: Followed<S>) => void) | null
  readonly endsOnly: boolean
}

/** Adds the continuations of a hypothesis. */
function extend<S>(from: Followed<S>, step: BeamStep<S>, options: BeamOptions, places: Places<S>): void {
  const { end, scorer } = options
  const { next, finish, endsOnly } = places
  const { state, nats, tokens } = step
  const { prefix } = from
  const coverage = covered(from, step, options)
  if (!tokens) expectEnd(end, nats.length)
  expectNumbers(nats, tokens)
  for (let i = 0; i < nats.length; i++) {
    const token = tokens ? tokens[i]! : i
    const ends = token === end
    if (endsOnly && !ends) continue
    const own = !scorer ? 0 : ends ? scorer.end(prefix.state(scorer)) : scorer.score(prefix.state(scorer), token)
    const score = from.score + nats[i]! + own
    if (ends && finish) finish({ prefix, token, nats: from.nats + nats[i]!, score, state, coverage })
    else if (next.admits(score)) next.add({ prefix, token, nats: from.nats + nats[i]!, score, state, coverage })
  }
}

function result<S>({ prefix, nats, score }: Followed<S>, ended: boolean): Hypothesis {
  return { tokens: prefix.tokens(), logProbability: nats, score, ended }
}

/** Throws ERR_OUT_OF_RANGE unless `end` is one of `count` tokens. */
export function expectEnd(end: number, count: number): void {
  if (end < count) return
  throw expected('ERR_OUT_OF_RANGE', `an end token from 0 to ${count - 1}`, String(end), 'name a token of the scores')
}

function expectNumbers(nats: ArrayLike<number>, tokens: ArrayLike<number> | undefined): void {
  for (let i = 0; i < nats.length; i++) {
    if (!Number.isNaN(nats[i]!)) continue
    const remedy = 'check the scorer and the weights'
    throw expected('ERR_OUT_OF_RANGE', 'numbers to search', `NaN for token ${tokens ? tokens[i]! : i}`, remedy)
  }
}
