// Composing in the form events: the events that follow given ones, drawn from a model, for several pieces at the same time as the rows of one plan.

import { EVENT_STEPS, eventIds } from '../../data/music/events.js'
import { eventInputs, EventState, IMPOSSIBLE, PIECE_END } from '../../data/music/event-state.js'
import { createSession, stepTogether } from '../../generate/session.js'
import type { Session } from '../../generate/session-types.js'
import { throwIfAborted } from '../../graph/abort.js'
import type { Model } from '../../model.js'
import { createRandom, type Random } from '../../random.js'
import { chancesWithin, drawn, type ComposeOptions } from './generate.js'

/** A performance that is composed. */
export interface EventDraft {
  /** Events that the composed ones continue, as `encodeEvents` returns them. */
  readonly prompt: Int32Array
  /** Seconds to compose. */
  readonly seconds: number
  readonly seed: number
}

/** A performance while it is composed. */
interface EventRow {
  readonly session: Session
  readonly state: EventState
  readonly ids: number[]
  readonly random: Random
  /** The step of 10 ms at which it ends. */
  end: number
}

/** Returns the inputs of the step that reads the last event of a row. */
function lastInputs({ ids, state }: EventRow) {
  const inputs = eventInputs(1)
  state.write(inputs, 0)
  // The piece ends after its seconds, not earlier.
  inputs.allowed[PIECE_END] = IMPOSSIBLE
  return { tokens: Int32Array.of(ids.at(-1)!), ...inputs }
}

const isPress = (id: number) => id < eventIds.off

/** Returns an event, if it is a time shift beyond the end of the row the one that leads to the end. */
function shortened(id: number, { state, end }: EventRow): number {
  const isShift = id >= eventIds.shift && id < eventIds.velocity
  return isShift ? Math.min(id, eventIds.shift - 1 + end - state.now) : id
}

function append({ ids, state }: EventRow, id: number): void {
  ids.push(id)
  state.take(id)
}

/**
 * Returns each prompt followed by events drawn from the model, until its seconds are over; notes that sound then have no release. Throws
 * ERR_ABORTED if the signal aborts.
 */
export async function composeEvents(
  model: Model,
  drafts: readonly EventDraft[],
  { temperature, topP, signal }: Omit<ComposeOptions, 'network'>
): Promise<number[][]> {
  const rows = drafts.map(({ seed }): EventRow => {
    const session = createSession(model, { outputs: ['logits'] })
    return { session, state: new EventState(), ids: [], random: createRandom(seed, 'events'), end: Infinity }
  })
  const isOpen = ({ state, end }: EventRow) => state.now < end
  try {
    for (const [i, { prompt, seconds }] of drafts.entries()) {
      const row = rows[i]!
      append(row, PIECE_END)
      for (const id of prompt) {
        await row.session.step(lastInputs(row), { signal })
        append(row, id)
      }
      row.end = row.state.now + Math.round(seconds * EVENT_STEPS)
    }
    for (let open = rows.filter(isOpen); open.length > 0; open = open.filter(isOpen)) {
      throwIfAborted(signal)
      const sessions = open.map(({ session }) => session)
      const outputs = await stepTogether(sessions, open.map(lastInputs), { signal })
      open.forEach((row, i) => {
        const logits = outputs[i]!['logits'] as Float32Array
        append(row, shortened(drawn(chancesWithin(isPress, logits, { temperature, topP }), row.random), row))
      })
    }
    return rows.map(({ ids }) => ids.slice(1))
  } finally {
    for (const { session } of rows) session.dispose()
  }
}
