// Beam searches from several sessions at once, such as those of many sentences: the hypotheses of all searches are rows of one plan.

import { integer, list, object, optional, signal as signalOf, string } from '../../check/index.js'
import { throwIfAborted } from '../../graph/abort.js'
import { checkTogether } from '../session-core.js'
import { coreOf } from '../session.js'
import type { Session } from '../session-types.js'
import { beamFields } from './beam.js'
import { searchBeam, wantedBy } from './beam-search.js'
import type { BeamEntry, BeamOptions, Hypothesis } from './beam-types.js'
import { sessionDecoder, type SessionDecoderOptions } from './session-decoder.js'

/** Options of `beamSearchTogether`. */
export interface TogetherOptions extends Omit<SessionDecoderOptions, 'sourceLength'>, Omit<BeamOptions, 'maxLength'> {
  /** Most tokens of a sequence for each session, in the order of the sessions, from 0 to 2^24. */
  maxLengths: readonly number[]
  /** Steps of the source of each session, see `SessionDecoderOptions`; default: all elements of the weights of the attention. */
  sourceLengths?: readonly number[] | undefined
  /** Signal that aborts the search. */
  signal?: AbortSignal | undefined
}

const { maxLength, ...fields } = beamFields
const readOptions = object<TogetherOptions>({
  ...fields,
  token: optional(string),
  logits: optional(string),
  attention: optional(string),
  maxLengths: list(maxLength),
  sourceLengths: optional(list(integer(1, 2 ** 24))),
  signal: optional(signalOf)
})
const readSessions = list((value, name) => coreOf(value as Session, name) && (value as Session))

/**
 * Returns for each of several sessions the sequences that `beamSearchAsync` would find from it, best first. All hypotheses are stepped together, and
 * the sessions stay as they are. Throws ERR_INVALID_ARGUMENT unless the sessions are different ones of one model with equal dims and
 * outputs and there is a length for each, and the errors of `beamSearchAsync`.
 */
export async function beamSearchTogether(
  sessions: readonly Session[],
  options: TogetherOptions
): Promise<Hypothesis[][]> {
  const own = readSessions(sessions, 'the sessions')
  const { token, logits, attention, maxLengths, sourceLengths, signal, ...beam } = readOptions(
    options,
    'the options of beamSearchTogether'
  )
  for (const [name, lengths] of Object.entries({ maxLengths, sourceLengths }))
    if (lengths) integer(own.length, own.length)(lengths.length, `the number of ${name}`)
  checkTogether(own.map((session) => coreOf(session)))
  const names = {
    ...(token !== undefined && { token }),
    ...(logits !== undefined && { logits }),
    ...(attention !== undefined && { attention })
  }
  const decoders = own.map((session, i) =>
    sessionDecoder(session, { ...names, ...(sourceLengths && { sourceLength: sourceLengths[i]! }) })
  )
  const wanted = wantedBy(beam)
  const searches = decoders.map(({ start }, i) => {
    const search = searchBeam(start, { ...beam, maxLength: maxLengths[i]! })
    return { search, next: search.next() }
  })
  for (;;) {
    const open = searches.filter(({ next }) => !next.done)
    if (open.length === 0) return searches.map(({ next }) => next.value as Hypothesis[])
    throwIfAborted(signal)
    const asked = open.map(({ next }) => next.value as BeamEntry<unknown>[])
    // Sessions of one kind have one plan, so the decoder of any of them steps the values of all.
    const steps = await decoders[0]!.step(asked.flat(), signal, wanted)
    let at = 0
    for (const [i, one] of open.entries()) {
      const end = at + asked[i]!.length
      one.next = one.search.next(steps.slice(at, end))
      at = end
    }
  }
}
