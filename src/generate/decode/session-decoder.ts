// A decoder of a beam search that runs a model. The hypotheses of a beam are rows of one plan.

import { integer, optional, options as optionsOf, string } from '../../check/index.js'
import { expected } from '../../errors.js'
import { kindKey, pooledRows } from '../plan-pool.js'
import { coreOf } from '../session.js'
import type { Session } from '../session-types.js'
import type { AsyncBeamDecoder, BeamStep } from './beam-types.js'
import {
  Beginning,
  HypothesisPlan,
  type HypothesisEntry,
  type HypothesisState,
  type HypothesisTensors
} from './hypothesis-plan.js'

/** Options of `sessionDecoder`. */
export interface SessionDecoderOptions {
  /** Name of the int32 input of one element that reads the last token; default 'tokens'. */
  token?: string
  /** Name of the output with the logits of the next token; default 'logits'. It must be one of the session's outputs. */
  logits?: string
  /** Name of the output with the weights of the attention, for a coverage penalty; default: none. It must be one of the session's outputs. */
  attention?: string
  /** Steps of the source, which are the first elements of these weights, from 1 to 2^24; default: all elements. */
  sourceLength?: number
}

const readOptions = optionsOf<SessionDecoderOptions>({
  token: optional(string),
  logits: optional(string),
  attention: optional(string),
  sourceLength: optional(integer(1, 2 ** 24))
})

/** Steps hypotheses as rows of one plan. */
export interface HypothesisStepper {
  readonly start: HypothesisState
  step(
    beam: readonly HypothesisEntry[],
    signal: AbortSignal | undefined,
    wanted: HypothesisTensors['wanted']
  ): Promise<BeamStep<HypothesisState>[]>
}

/**
 * Returns a decoder of the sequences that may follow the present value of `session`, for `beamSearchAsync`. The first step reads the
 * session's inputs as they are, for example a begin token. Later steps read the token of each hypothesis and leave the other inputs, for
 * example the memory of an encoder, as they are. All hypotheses are stepped together. The session itself does not change. Throws
 * ERR_INVALID_ARGUMENT if the session does not have the named input and outputs, ERR_BUSY while a call of the session is under way. The steps
 * throw what `Session.step` throws.
 *
 * @example
 * const session = createSession(model, { inputs: { tokens: [begin] }, outputs: ['logits'] })
 * const [best] = await beamSearchAsync(sessionDecoder(session), { end, width: 5, maxLength: 100 })
 */
export function sessionDecoder(session: Session, options?: SessionDecoderOptions): AsyncBeamDecoder<unknown> {
  const { start, step } = hypothesisStepper(session, readOptions(options, 'the options of sessionDecoder'))
  return {
    start,
    step: (beam, signal, wanted = null) => step(beam as readonly HypothesisEntry[], signal, wanted)
  }
}

/** Returns the stepper of hypotheses that begin with the value of a session. Throws the errors of `sessionDecoder`. */
export function hypothesisStepper(session: Session, options: SessionDecoderOptions): HypothesisStepper {
  const core = coreOf(session, 'the session')
  const { token = 'tokens', logits = 'logits', attention = null, sourceLength = Infinity } = options
  core.checkIdle()
  const { value } = core.fork()
  const input = value.inputs[token]
  const { outputs } = core.kind
  const named = outputs.includes(logits) && (attention === null || outputs.includes(attention))
  if (!(input instanceof Int32Array) || input.length !== 1 || !named) {
    const output = attention === null ? '' : ` and "${attention}"`
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `a session with an int32 input "${token}" of one element and an output "${logits}"${output}`,
      'one that lacks one of them',
      'name them in the options'
    )
  }
  const { kind, pool } = core
  return {
    start: { beginning: new Beginning(value, sourceLength), made: null, row: 0 },
    step(beam, signal, wanted) {
      const rows = pooledRows(beam.length)
      const tensors = { token, logits, attention, wanted }
      const key = JSON.stringify(['hypotheses', rows, tensors, kindKey(kind)])
      return pool.seats.run(signal, async () => {
        const plan = pool.takePlan(key, () => new HypothesisPlan(kind, rows, tensors))
        try {
          return await plan.step(beam)
        } finally {
          pool.givePlan(key, plan)
        }
      })
    }
  }
}
