// Sessions of the parts of an encoder and a decoder: each begins from a template of its dims, a decoder from the outputs of its encoder.

import type { Dims } from '../graph/specs.js'
import { createSession } from './session.js'
import type { SessionModel } from './session-kind.js'
import type { Session, SessionOptions } from './session-types.js'

/**
 * Returns a function that returns a new session of a part for the given dims, of which it takes those that the part has. `options` are those of all
 * sessions; inputs that they do not have, and states, are 0. Sessions of equal dims share their plans.
 */
export function sessionTemplates(
  part: SessionModel,
  options: Omit<SessionOptions, 'dims'> = {}
): (dims: Dims) => Session {
  const made = new Map<string, Session>()
  return (given) => {
    const dims = Object.fromEntries(Object.entries(given).filter(([name]) => part.inputDimNames.includes(name)))
    const key = JSON.stringify(dims)
    let found = made.get(key)
    if (!found) {
      found = createSession(part, { ...options, dims })
      made.set(key, found)
    }
    return found.fork()
  }
}

/** Returns the session of a decoder after an encoder: outputs of the encoder that are inputs or states of the decoder become their values. */
export function beginDecoder(session: Session, encoded: Readonly<Record<string, ArrayLike<number>>>): Session {
  const state = session.save()
  const taken = <V>(values: Readonly<Record<string, V>>) =>
    Object.fromEntries(Object.keys(values).map((name) => [name, (encoded[name] as V | undefined) ?? values[name]!]))
  session.restore({ ...state, states: taken(state.states), inputs: taken(state.inputs) })
  return session
}
