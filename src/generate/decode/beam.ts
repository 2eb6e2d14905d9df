// Beam search over sequences of tokens, for decoders of any network.

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
import { throwIfAborted } from '../../graph/abort.js'
import { readScorer } from '../scorers.js'
import { searchBeam, wantedBy } from './beam-search.js'
import type { AsyncBeamDecoder, BeamDecoder, BeamOptions, Hypothesis, BeamStep } from './beam-types.js'

/** Checks of the options of a beam search. */
export const beamFields = {
  end: integer(0, 2 ** 31 - 1),
  width: optional(integer(1, 2 ** 20)),
  ends: optional(choice('any', 'leading')),
  best: optional(integer(1, 2 ** 20)),
  maxLength: integer(0, 2 ** 24),
  lengthPenalty: optional(number(0, 100)),
  coveragePenalty: optional(number(0, 100)),
  prune: optional(number(0, 1e6)),
  scorer: optional(readScorer)
}
const readOptions = object<BeamOptions>(beamFields)
const readAsyncOptions = object<BeamOptions & { signal?: AbortSignal | undefined }>({
  ...beamFields,
  signal: optional(signalOf)
})
const readAsyncDecoder = open<AsyncBeamDecoder<unknown>>({ start: anything, step: callback() })
const readDecoder = open<BeamDecoder<unknown>>({ start: anything, step: syncFunction() })
const readStep = open<BeamStep<unknown>>({
  state: anything,
  nats: numbers,
  tokens: optional(numbers),
  attention: optional(numbers)
})

/** Returns `steps`, the result of a decoder for `count` hypotheses, after a check. */
function checkSteps<S>(steps: unknown, count: number): BeamStep<S>[] {
  if (isArrayOf(steps, count)) return steps.map((one, i) => readStep(one, `steps[${i}]`) as BeamStep<S>)
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
  const wanted = wantedBy(read)
  let next = searching.next()
  while (!next.done) {
    throwIfAborted(signal)
    const called = step.call(decoder, next.value, signal, wanted)
    const steps: unknown = await awaitable(called, 'what step() of the decoder returns')
    next = searching.next(checkSteps(steps, next.value.length))
  }
  return next.value
}
