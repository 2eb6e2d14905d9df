// A decoder of a beam search that runs a model. The hypotheses of a beam are rows of one plan.

import { optional, options as optionsOf, string } from '../../check/index.js'
import { expected } from '../../errors.js'
import type { SessionValue } from '../rows.js'
import { logSoftmax } from '../scorers.js'
import { coreOf } from '../session.js'
import type { Session } from '../session-types.js'
import { stepValues } from '../together.js'
import type { AsyncBeamDecoder } from './beam.js'

/** Options of `sessionDecoder`. */
export interface SessionDecoderOptions {
  /** Name of the int32 input of one element that reads the last token; default 'tokens'. */
  token?: string
  /** Name of the output with the logits of the next token; default 'logits'. It must be one of the session's outputs. */
  logits?: string
}

const readOptions = optionsOf<SessionDecoderOptions>({ token: optional(string), logits: optional(string) })

/**
 * Returns a decoder of the sequences that may follow the present value of `session`, for `beamSearchAsync`. The first step reads the
 * session's inputs as they are, for example a begin token. Later steps read the token of each hypothesis and leave the other inputs, for
 * example the memory of an encoder, as they are. All hypotheses are stepped together. The session itself does not change. Throws
 * ERR_INVALID_ARGUMENT if the session does not have the named input and output, ERR_BUSY while a call of the session is under way. The steps
 * throw what `Session.step` throws.
 *
 * @example
 * const session = createSession(model, { inputs: { tokens: [begin] }, outputs: ['logits'] })
 * const [best] = await beamSearchAsync(sessionDecoder(session), { end, width: 5, maxLength: 100 })
 */
export function sessionDecoder(session: Session, options?: SessionDecoderOptions): AsyncBeamDecoder<unknown> {
  const core = coreOf(session, 'the session')
  const { token = 'tokens', logits = 'logits' } = readOptions(options, 'the options of sessionDecoder')
  core.checkIdle()
  const start = core.fork().value
  const input = start.inputs[token]
  if (!(input instanceof Int32Array) || input.length !== 1 || !core.kind.outputs.includes(logits))
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `a session with an int32 input "${token}" of one element and an output "${logits}"`,
      'one that lacks one of them',
      'name them in the options'
    )
  return {
    start,
    step(beam, signal) {
      const values = beam.map(({ state, token: last }) => after(state as SessionValue, token, last))
      return core.pool.seats.run(signal, async () => {
        const outputs = await stepValues(core, values)
        return values.map((state, i) => ({ state, nats: logSoftmax(outputs[i]![logits]!) }))
      })
    }
  }
}

/** Returns a value with copies of the states of `from`. It shares the inputs of `from`, except for the token. */
function after(from: SessionValue, token: string, last: number | null): SessionValue {
  const states = Object.entries(from.states).map(([name, view]) => [name, view.slice()] as const)
  const inputs = last === null ? from.inputs : { ...from.inputs, [token]: Int32Array.of(last) }
  return { ...from, states: Object.fromEntries(states), inputs }
}
