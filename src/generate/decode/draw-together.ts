// Sequences that are drawn from several sessions at once, such as translations of many sentences: all of them are rows of one plan.

import { integer, list, object, optional, signal as signalOf, string } from '../../check/index.js'
import { throwIfAborted } from '../../graph/abort.js'
import { checkTogether } from '../session-core.js'
import { coreOf } from '../session.js'
import type { Session } from '../session-types.js'
import { changeSettings, defaultSettings, settingFields, type SamplerSettings } from '../settings.js'
import type { BeamStep, Hypothesis } from './beam-types.js'
import { Prefix } from './prefixes.js'
import type { HypothesisEntry, HypothesisState } from './hypothesis-plan.js'
import { hypothesisStepper } from './session-decoder.js'

/** Options of `drawTogether`. The settings of the draws are those of a stream of tokens. */
export interface SequenceDrawOptions extends Partial<SamplerSettings> {
  /** Token that ends a sequence. */
  readonly end: number
  /** Sequences of each session, from 1 to 2^20; default 1. */
  readonly count?: number
  /** Most tokens of a sequence for each session, from 0 to 2^24. */
  readonly maxLengths: readonly number[]
  /** A number of each session, from 0 to 2^24. Together with the seed it determines the draws, whatever other sessions there are. */
  readonly numbers: readonly number[]
  /** Names of the input of the last token and the output of the logits, as those of `sessionDecoder`. */
  readonly token?: string
  readonly logits?: string
  readonly signal?: AbortSignal | undefined
}

const length = integer(0, 2 ** 24)
const readOptions = object<SequenceDrawOptions>({
  ...settingFields,
  end: integer(0, 2 ** 31 - 1),
  count: optional(integer(1, 2 ** 20)),
  maxLengths: list(length),
  numbers: list(length),
  token: optional(string),
  logits: optional(string),
  signal: optional(signalOf)
})
const readSessions = list((value, name) => coreOf(value as Session, name) && (value as Session))

/** A sequence that is being drawn. */
interface Drawn {
  readonly session: number
  readonly sequence: number
  readonly state: HypothesisState
  readonly prefix: Prefix
  readonly nats: number
  readonly ended: boolean
}

/**
 * Returns for each session sequences that are drawn from its model, the most probable one first; their score is the logarithm of their probability,
 * whatever the settings of the draws. The sessions stay as they are. Throws ERR_INVALID_ARGUMENT unless the sessions are different ones of one
 * model with equal dims and outputs and there are a length and a number for each, ERR_ABORTED, and what `Session.step` throws.
 */
export async function drawTogether(
  sessions: readonly Session[],
  options: SequenceDrawOptions
): Promise<Hypothesis[][]> {
  const own = readSessions(sessions, 'the sessions')
  const read = readOptions(options, 'the options of drawTogether')
  const { end, count = 1, maxLengths, numbers, token, logits, signal } = read
  integer(own.length, own.length)(maxLengths.length, 'the number of maxLengths')
  integer(own.length, own.length)(numbers.length, 'the number of numbers')
  checkTogether(own.map((session) => coreOf(session)))
  const names = { ...(token !== undefined && { token }), ...(logits !== undefined && { logits }) }
  const steppers = own.map((session) => hypothesisStepper(session, names))
  const { seed, temperature, topK, topP } = changeSettings(defaultSettings, read)
  const settings = [temperature, topK, topP, 0]
  const found: Hypothesis[][] = own.map(() => [])
  let open = steppers.flatMap(({ start }, session) =>
    Array.from({ length: count }, (_, sequence): Drawn => {
      return { session, sequence, state: start, prefix: new Prefix(null, -1), nats: 0, ended: false }
    })
  )
  for (;;) {
    const going = ({ ended, prefix, session }: Drawn) => !ended && prefix.length < maxLengths[session]!
    for (const one of open) if (!going(one)) found[one.session]!.push(hypothesisOf(one))
    open = open.filter(going)
    if (open.length === 0) return found.map((all) => all.sort((a, b) => b.score - a.score))
    throwIfAborted(signal)
    const entries = open.map(({ session, sequence, state, prefix }): HypothesisEntry => {
      const draw = { settings, seed, sequence: (numbers[session]! * count + sequence) % 2 ** 32, length: prefix.length }
      return { state, token: prefix.parent ? prefix.token : null, draw }
    })
    const steps = await steppers[0]!.step(entries, signal, 'draw')
    open = open.map((one, i) => drawnNext(one, steps[i]!, end))
  }
}

function drawnNext(one: Drawn, { state, tokens, nats }: BeamStep<HypothesisState>, end: number): Drawn {
  const token = tokens![0]!
  const ended = token === end
  return { ...one, state, ended, nats: one.nats + nats[0]!, prefix: ended ? one.prefix : one.prefix.child(token) }
}

function hypothesisOf({ prefix, nats, ended }: Drawn): Hypothesis {
  return { tokens: prefix.tokens(), logProbability: nats, score: nats, ended }
}
