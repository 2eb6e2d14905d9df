// Beam search over sequences of tokens, for decoders of any network. Ties are decided by the order of the tokens, so that a search with the
// same scores always returns the same sequences.

import {
  anything,
  awaitable,
  callback,
  choice,
  integer,
  invalid,
  isArrayOf,
  number,
  numbers,
  object,
  open,
  optional,
  signal as signalOf,
  syncFunction
} from '../../check/index.js'
import { expected } from '../../errors.js'
import { throwIfAborted } from '../../graph/abort.js'
import { readScorer, type Scorer } from '../scorers.js'
import { Best, grown, Prefix, type Candidate } from './prefixes.js'

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
  step(beam: readonly { state: S; token: number | null }[]): { state: S; nats: ArrayLike<number> }[]
}

/** Options of `beamSearch`. */
export interface BeamOptions {
  /** Token that ends a sequence, from 0 to V - 1. It is not returned with the sequence. */
  end: number
  /** Number of hypotheses that are followed, from 1 to 2^20; default 8. 1 is greedy search (with `ends: 'leading'` up to the first end). */
  width?: number
  /**
   * 'any' (default): every hypothesis may end after every step, however small the probability of that is. 'leading': a hypothesis ends only where
   * its end is among the `width` best continuations of all hypotheses, and the search stops when `width` of them have ended, as in
   * translation: otherwise the length penalty would have to keep an improbable early end from being better than a long sequence.
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
  /** Scorer whose nats are added to those of the network; default: none. */
  scorer?: Scorer
}

interface Followed<S> extends Candidate {
  readonly nats: number
  /** Nats and those of the scorer; divided by the length penalty only for a sequence that has ended. */
  readonly score: number
  readonly state: S
}

/** Checks of the options of a beam search. */
export const beamFields = {
  end: integer(0, 2 ** 31 - 1),
  width: optional(integer(1, 2 ** 20)),
  ends: optional(choice('any', 'leading')),
  best: optional(integer(1, 2 ** 20)),
  maxLength: integer(0, 2 ** 24),
  lengthPenalty: optional(number(0, 100)),
  scorer: optional(readScorer)
}
const readOptions = object<BeamOptions>(beamFields)
const readAsyncOptions = object<BeamOptions & { signal?: AbortSignal | undefined }>({
  ...beamFields,
  signal: optional(signalOf)
})
const readAsyncDecoder = open<AsyncBeamDecoder<unknown>>({ start: anything, step: callback() })
const readDecoder = open<BeamDecoder<unknown>>({ start: anything, step: syncFunction() })
const readStep = open<{ state: unknown; nats: ArrayLike<number> }>({ state: anything, nats: numbers })

/** A hypothesis as a decoder takes it: its state and its last token, null before the first one. */
export interface Asked<S> {
  state: S
  token: number | null
}

/** The result of a decoder for one hypothesis: the state after its last token, and the nats [V] of each token that may follow. */
export interface Stepped<S> {
  state: S
  nats: ArrayLike<number>
}

/** Returns `steps`, the result of a decoder for `count` hypotheses, after a check. */
function checkSteps<S>(steps: unknown, count: number): Stepped<S>[] {
  if (isArrayOf(steps, count)) return steps.map((one, i) => readStep(one, `steps[${i}]`) as Stepped<S>)
  throw invalid(`an array of ${count} steps`, 'what step() of the decoder returns', steps)
}

/**
 * Returns the sequences with the highest scores, best first. A hypothesis leaves the beam when it ends. Without a scorer the search stops
 * as soon as none of the others can still be among the best; with one it stops when the beam is empty or at `maxLength`. Sequences without
 * an end are returned only if no sequence has ended within `maxLength`. Throws ERR_INVALID_ARGUMENT for invalid options or results of the
 * decoder, ERR_OUT_OF_RANGE if `end` is not one of the tokens or if a score is NaN.
 *
 * @example
 * // Token 0 ends a sequence; token 1 is likelier at first, and less likely with each repetition.
 * const decoder: BeamDecoder<number> = {
 *   start: 0,
 *   step: (beam) => beam.map(({ state }) => ({ state: state + 1, nats: [-2, -0.5 - state] }))
 * }
 * const [best] = beamSearch(decoder, { end: 0, width: 4, maxLength: 10 })
 * best.tokens // Int32Array []: ending at once has -2 nats, ending after one token has -2.5
 */
export function beamSearch<S>(decoder: BeamDecoder<S>, options: BeamOptions): Hypothesis[] {
  const { start, step } = readDecoder(decoder, 'the decoder') as BeamDecoder<S>
  const searching = searchBeam(start, readOptions(options, 'the options of beamSearch'))
  let next = searching.next()
  while (!next.done) next = searching.next(checkSteps(step.call(decoder, next.value), next.value.length))
  return next.value
}

/** A `BeamDecoder` whose steps may be asynchronous. */
export interface AsyncBeamDecoder<S> {
  /** State before the first token. */
  readonly start: S
  /** Makes one step of every hypothesis, as `BeamDecoder.step` does. `signal` is that of the search. */
  step(
    beam: readonly { state: S; token: number | null }[],
    signal?: AbortSignal
  ): ReturnType<BeamDecoder<S>['step']> | Promise<ReturnType<BeamDecoder<S>['step']>>
}

/**
 * Does what `beamSearch` does with a decoder that runs a network off the event loop, see `sessionDecoder`. Throws what `beamSearch`
 * throws, and ERR_ABORTED after the step in which `signal` aborts.
 *
 * @example
 * const decoder = sessionDecoder(session, { token: 'tokens' })
 * const [best] = await beamSearchAsync(decoder, { end: 0, width: 5, maxLength: 100, signal })
 */
export async function beamSearchAsync<S>(
  decoder: AsyncBeamDecoder<S>,
  options: BeamOptions & { signal?: AbortSignal | undefined }
): Promise<Hypothesis[]> {
  const { start, step } = readAsyncDecoder(decoder, 'the decoder') as AsyncBeamDecoder<S>
  const { signal, ...read } = readAsyncOptions(options, 'the options of beamSearchAsync')
  const searching = searchBeam(start, read)
  let next = searching.next()
  while (!next.done) {
    throwIfAborted(signal)
    const steps: unknown = await awaitable(step.call(decoder, next.value, signal), 'what step() of the decoder returns')
    next = searching.next(checkSteps(steps, next.value.length))
  }
  return next.value
}

/** Runs a search from a state, and yields the hypotheses whose steps it needs. The options are checked. */
export function* searchBeam<S>(state: S, options: BeamOptions): Generator<Asked<S>[], Hypothesis[], Stepped<S>[]> {
  const { end, width = 8, best = 1, maxLength, lengthPenalty = 0, scorer } = options
  integer(1, width)(best, 'best')
  const leading = options.ends === 'leading'
  const penalty = (length: number) => ((5 + length) / 6) ** lengthPenalty
  const start = { prefix: new Prefix(null, -1), token: null, nats: 0, score: 0, state }
  let beam: Followed<S>[] = [start]
  let endings = 0
  const finished = new Best<Followed<S>>(best)
  const finish = ({ score, ...ended }: Followed<S>) => {
    endings++
    finished.add({ ...ended, token: null, score: score / penalty(ended.prefix.length + 1) })
  }

  for (let length = 0; beam.length > 0 && length <= maxLength && !(leading && endings >= width); length++) {
    const steps = yield beam.map(({ state, prefix }) => ({ state, token: prefix.parent ? prefix.token : null }))
    // Each of at most `width` hypotheses has only one end, so the best 2 * width continuations contain the best `width` that are not ends.
    const next = new Best<Followed<S>>(leading ? 2 * width : width)
    beam.forEach((from, i) => {
      const { state, nats } = steps[i]!
      expectEnd(end, nats)
      const { prefix } = from
      const add = (token: number, own: number, take: (candidate: Followed<S>) => void) =>
        take({ prefix, token, nats: from.nats + nats[token]!, score: from.score + nats[token]! + own, state })
      add(end, scorer ? scorer.end(prefix.state(scorer)) : 0, leading ? (one) => next.add(one) : finish)
      if (length === maxLength && !leading) return
      expectNumbers(nats)
      for (let token = 0; token < nats.length; token++) {
        if (token === end) continue
        const own = scorer ? scorer.score(prefix.state(scorer), token) : 0
        if (next.admits(from.score + nats[token]! + own)) add(token, own, (one) => next.add(one))
      }
    })
    const taken = next.take()
    if (leading) for (const one of taken.slice(0, width)) if (one.token === end) finish(one)
    const ended = finished.take()
    if (length === maxLength && ended.length === 0) {
      const cut = new Best<Followed<S>>(best)
      for (const from of beam) cut.add({ ...from, score: from.score / penalty(from.prefix.length) })
      return cut.take().map((from) => result(from, false))
    }
    const bound = ended.length === best ? ended[best - 1]!.score : -Infinity
    const others = taken.filter(({ token }) => token !== end).slice(0, width)
    beam = others.map((from) => ({ ...from, prefix: grown(from), token: null }))
    // Further tokens can only lower a score, which is at most 0; the penalty of the greatest length raises it most.
    if (!scorer) beam = beam.filter(({ score }) => score / penalty(maxLength + 1) > bound)
  }
  return finished.take().map((from) => result(from, true))
}

function result<S>({ prefix, nats, score }: Followed<S>, ended: boolean): Hypothesis {
  return { tokens: prefix.tokens(), logProbability: nats, score, ended }
}

function expectEnd(end: number, nats: ArrayLike<number>): void {
  if (end < nats.length) return
  throw expected(
    'ERR_OUT_OF_RANGE',
    `an end token from 0 to ${nats.length - 1}`,
    String(end),
    'name a token of the scores'
  )
}

function expectNumbers(nats: ArrayLike<number>): void {
  for (let token = 0; token < nats.length; token++) {
    if (!Number.isNaN(nats[token]!)) continue
    const remedy = 'check the scorer and the weights'
    throw expected('ERR_OUT_OF_RANGE', 'numbers to search', `NaN for token ${token}`, remedy)
  }
}
