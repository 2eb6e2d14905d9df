// Beam search: one mechanism for all decoders. Sequences are nodes of a tree, so that equal ones are one object wherever
// they come from; the best are kept by score, ties by the order of their tokens: nothing depends on chance.

import { anything, invalid, integer, isArrayOf, number, numbers, object, open, optional } from '../../check/index.js'
import { awaitable, callback, signal as signalOf, syncFunction } from '../../check/index.js'
import { GatecellError } from '../../errors.js'
import { throwIfAborted } from '../../graph/abort.js'
import { readScorer, type Scorer } from '../scorers.js'

/** A sequence: its last token and the sequence before it; the root is the empty one. */
export class Prefix {
  readonly length: number
  #children: Map<number, Prefix> | null = null
  #state: unknown

  constructor(
    readonly parent: Prefix | null,
    readonly token: number
  ) {
    this.length = parent ? parent.length + 1 : 0
  }

  /** This sequence and one token more: the same object at every call. */
  child(token: number): Prefix {
    const children = (this.#children ??= new Map<number, Prefix>())
    let child = children.get(token)
    if (!child) children.set(token, (child = new Prefix(this, token)))
    return child
  }

  /** The same, if it was made before. */
  known(token: number): Prefix | undefined {
    return this.#children?.get(token)
  }

  /** The scorer's state after this sequence, found when it is first asked for. */
  state<S>(scorer: Scorer<S>): S {
    if (!this.parent) return scorer.start
    return (this.#state ??= scorer.next(this.parent.state(scorer), this.token)) as S
  }

  tokens(): Int32Array {
    return path(this)
  }

  /** Forgets this sequence, and those before it that nothing else continues, unless `keeps` says otherwise. */
  release(keeps: (prefix: Prefix) => boolean): void {
    if (!this.parent || (this.#children?.size ?? 0) > 0 || keeps(this)) return
    this.parent.#children!.delete(this.token)
    this.parent.release(keeps)
  }
}

function path(end: Prefix): Int32Array {
  const tokens = new Int32Array(end.length)
  for (let at = end; at.parent; at = at.parent) tokens[at.length - 1] = at.token
  return tokens
}

/**
 * A candidate of the next beam: `prefix` followed by `token`, or `prefix` itself if `token` is null. A node of the tree is made only for
 * candidates that are kept.
 */
export interface Candidate {
  readonly prefix: Prefix
  readonly token: number | null
  readonly score: number
}

/** The sequence of a candidate. */
export function grown({ prefix, token }: Candidate): Prefix {
  return token === null ? prefix : prefix.child(token)
}

/** Best first; equal scores in the order of their tokens. */
function order(a: Candidate, b: Candidate): number {
  return a.score === b.score ? before(tokensOf(a), tokensOf(b)) : b.score - a.score
}

function tokensOf({ prefix, token }: Candidate): number[] {
  return token === null ? [...prefix.tokens()] : [...prefix.tokens(), token]
}

function before(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** The `width` candidates of highest score among all that are added, and no more than twice as many at any time. */
export class Best<C extends Candidate> {
  #kept: C[] = []
  #floor = -Infinity

  constructor(readonly width: number) {}

  /** false: nothing of this score can be among the best. */
  admits(score: number): boolean {
    return score >= this.#floor && score > -Infinity
  }

  add(candidate: C): void {
    if (!this.admits(candidate.score)) return
    if (this.#kept.push(candidate) < 2 * this.width) return
    this.#floor = this.take().at(-1)!.score
  }

  /** Best first. */
  take(): C[] {
    return (this.#kept = this.#kept.sort(order).slice(0, this.width))
  }
}

export interface Hypothesis {
  tokens: Int32Array
  /** Nats of the sequence under the decoded network only, without the scorer. */
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

interface Followed<S> extends Candidate {
  readonly nats: number
  /** nats and the scorer's, before the length penalty where it goes on. */
  readonly score: number
  readonly state: S
}

const fields = {
  end: integer(0, 2 ** 31 - 1),
  width: optional(integer(1, 2 ** 20)),
  best: optional(integer(1, 2 ** 20)),
  maxLength: integer(0, 2 ** 24),
  lengthPenalty: optional(number(0, 100)),
  scorer: optional(readScorer)
}
const readOptions = object<BeamOptions>(fields)
const readAsyncOptions = object<BeamOptions & { signal?: AbortSignal | undefined }>({
  ...fields,
  signal: optional(signalOf)
})
const readAsyncDecoder = open<AsyncDecoder<unknown>>({ start: anything, step: callback() })
const readDecoder = open<Decoder<unknown>>({ start: anything, step: syncFunction() })
const readStep = open<{ state: unknown; nats: ArrayLike<number> }>({ state: anything, nats: numbers })

/** A hypothesis, as a decoder takes it: its state and last token. */
interface Asked<S> {
  state: S
  token: number | null
}

/** What a decoder returns for a hypothesis. */
interface Stepped<S> {
  state: S
  nats: ArrayLike<number>
}

/** Returns `steps`, the result of a decoder for `count` hypotheses, after a check. */
function checkSteps<S>(steps: unknown, count: number): Stepped<S>[] {
  if (isArrayOf(steps, count)) return steps.map((one, i) => readStep(one, `steps[${i}]`) as Stepped<S>)
  throw invalid(`an array of ${count} steps`, 'what step() of the decoder returns', steps)
}

/**
 * The sequences of highest score. A hypothesis leaves the beam when it ends; the search goes on until none of those that
 * are left can still come among the best. Only where nothing ended within `maxLength` are sequences without end returned.
 */
export function beamSearch<S>(decoder: Decoder<S>, options: BeamOptions): Hypothesis[] {
  const { start, step } = readDecoder(decoder, 'the decoder') as Decoder<S>
  const searching = search(start, readOptions(options, 'the options of beamSearch'))
  let next = searching.next()
  while (!next.done) next = searching.next(checkSteps(step.call(decoder, next.value), next.value.length))
  return next.value
}

/** A decoder whose steps take turns of the event loop; see `Decoder`. */
export interface AsyncDecoder<S> {
  readonly start: S
  step(
    beam: readonly { state: S; token: number | null }[],
    signal?: AbortSignal
  ): ReturnType<Decoder<S>['step']> | Promise<ReturnType<Decoder<S>['step']>>
}

/**
 * Does what `beamSearch` does with a decoder that runs a network off the event loop, see `sessionDecoder`. Throws ERR_ABORTED after the
 * step in which `signal` aborts.
 *
 * @example
 * const decoder = sessionDecoder(session, { token: 'tokens' })
 * const [best] = await beamSearchAsync(decoder, { end: 0, width: 5, maxLength: 100, signal })
 */
export async function beamSearchAsync<S>(
  decoder: AsyncDecoder<S>,
  options: BeamOptions & { signal?: AbortSignal | undefined }
): Promise<Hypothesis[]> {
  const { start, step } = readAsyncDecoder(decoder, 'the decoder') as AsyncDecoder<S>
  const { signal, ...read } = readAsyncOptions(options, 'the options of beamSearchAsync')
  const searching = search(start, read)
  let next = searching.next()
  while (!next.done) {
    throwIfAborted(signal)
    const steps: unknown = await awaitable(step.call(decoder, next.value, signal), 'what step() of the decoder returns')
    next = searching.next(checkSteps(steps, next.value.length))
  }
  return next.value
}

/** The search, which asks for the steps of its hypotheses. */
function* search<S>(state: S, options: BeamOptions): Generator<Asked<S>[], Hypothesis[], Stepped<S>[]> {
  const { end, width = 8, best = 1, maxLength, lengthPenalty = 0, scorer } = options
  integer(1, width)(best, 'best')
  const penalty = (length: number) => ((5 + length) / 6) ** lengthPenalty
  const start = { prefix: new Prefix(null, -1), token: null, nats: 0, score: 0, state }
  let beam: Followed<S>[] = [start]
  const finished = new Best<Followed<S>>(best)

  const finish = (from: Followed<S>, nats: number) => {
    const raw = from.score + nats + (scorer ? scorer.end(from.prefix.state(scorer)) : 0)
    finished.add({ ...from, nats: from.nats + nats, score: raw / penalty(from.prefix.length + 1) })
  }

  for (let length = 0; beam.length > 0 && length <= maxLength; length++) {
    const steps = yield beam.map(({ state, prefix }) => ({ state, token: prefix.parent ? prefix.token : null }))
    const next = new Best<Followed<S>>(width)
    beam.forEach((from, i) => {
      const { state, nats } = steps[i]!
      if (!(end >= 0 && end < nats.length)) {
        throw new GatecellError(
          'ERR_OUT_OF_RANGE',
          `Expected an end token from 0 to ${nats.length - 1} but received ${String(end)}: name a token of the scores.`
        )
      }
      finish(from, nats[end]!)
      if (length === maxLength) return
      expectNumbers(nats)
      const { prefix } = from
      for (let token = 0; token < nats.length; token++) {
        if (token === end) continue
        const own = scorer ? scorer.score(prefix.state(scorer), token) : 0
        const score = from.score + nats[token]! + own
        if (next.admits(score)) next.add({ prefix, token, nats: from.nats + nats[token]!, score, state })
      }
    })
    const ended = finished.take()
    if (length === maxLength && ended.length === 0) {
      const cut = new Best<Followed<S>>(best)
      for (const from of beam) cut.add({ ...from, score: from.score / penalty(from.prefix.length) })
      return cut.take().map((from) => result(from, false))
    }
    const bound = ended.length === best ? ended[best - 1]!.score : -Infinity
    beam = next.take().map((from) => ({ ...from, prefix: grown(from), token: null }))
    // Further tokens only lower a score below 0; the penalty of the greatest length is the kindest.
    if (!scorer) beam = beam.filter(({ score }) => score / penalty(maxLength + 1) > bound)
  }
  return finished.take().map((from) => result(from, true))
}

function result<S>({ prefix, nats, score }: Followed<S>, ended: boolean): Hypothesis {
  return { tokens: prefix.tokens(), logProbability: nats, score, ended }
}

function expectNumbers(nats: ArrayLike<number>): void {
  for (let token = 0; token < nats.length; token++) {
    if (Number.isNaN(nats[token]!)) {
      throw new GatecellError(
        'ERR_OUT_OF_RANGE',
        `Expected numbers to search but received NaN for token ${token}: check the scorer and the weights.`
      )
    }
  }
}
