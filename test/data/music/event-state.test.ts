// The state of a performance: every event of an encoded one can follow, and whatever can follow is the event of a performance.

import fc from 'fast-check'
import t from 'tap'
import { decodeEvents, encodeEvents, eventIds } from '../../../src/data/music/events.js'
import { eventInputs, EventState, EVENT_SYMBOLS, PIECE_END, PITCHES } from '../../../src/data/music/event-state.js'
import type { Note } from '../../../src/data/music/notes.js'
import { createRandom } from '../../../src/random.js'
import { rounds } from '../../amounts.js'

const performance = fc.array(
  fc
    .tuple(fc.nat(127), fc.nat(1500), fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 127 }))
    .map(([pitch, begin, length, velocity]): Note => {
      return { pitch, begin: begin / 100, end: (begin + length) / 100, velocity, channel: 0, program: 0 }
    }),
  { minLength: 1, maxLength: 30 }
)

/** Returns the symbols that can follow. */
function follow(state: EventState): number[] {
  const inputs = eventInputs(1)
  state.write(inputs, 0)
  return [...inputs.allowed].flatMap((score, id) => (score === 0 ? [id] : []))
}

t.test('every event of an encoded performance can follow', (t) => {
  const check = (notes: readonly Note[]) => {
    const state = new EventState()
    return [...encodeEvents(notes).ids, PIECE_END].every((id) => {
      const can = follow(state).includes(id)
      state.take(id)
      return can
    })
  }
  t.doesNotThrow(() => fc.assert(fc.property(performance, check), { numRuns: rounds(60, 200, 2000), seed: 3 }))
  t.end()
})

t.test('events that can follow are those of a performance', (t) => {
  for (let seed = 0; seed < rounds(10, 40, 400); seed++) {
    const random = createRandom(seed, 'events')
    const state = new EventState()
    const ids: number[] = []
    for (let i = 0; i < 400 && ids.at(-1) !== PIECE_END; i++) {
      const can = follow(state)
      if (can.length === 0) break
      ids.push(can[random.below(can.length)]!)
      state.take(ids.at(-1)!)
    }
    t.ok(ids.length === 400 || ids.at(-1) === PIECE_END, 'there is always an event')
    const events = ids.filter((id) => id !== PIECE_END)
    const { notes, repeated, releases, lengthened, hanging } = decodeEvents(events)
    t.same([repeated, releases, lengthened], [0, 0, 0])
    // Up to the last release they are what the encoder writes of their notes.
    const end = hanging === 0 ? events.findLastIndex((id) => id >= eventIds.off && id < eventIds.shift) + 1 : 0
    const prior = decodeEvents(events.slice(0, end)).notes
    t.same([...encodeEvents(prior).ids], events.slice(0, end))
    t.ok(notes.length >= prior.length)
  }
  t.end()
})

t.test('the keys that sound, and the notes of reference', (t) => {
  const state = new EventState()
  for (const id of [eventIds.velocity + 9, 60, 64, eventIds.shift + 49, eventIds.off + 60, 72]) state.take(id)
  const inputs = eventInputs(2)
  state.write(inputs, 1)
  const sounding = [...inputs.sounding.subarray(PITCHES)].flatMap((value, pitch) => (value > 0 ? [[pitch, value]] : []))
  t.same(sounding, [[64, 0.625], [72, 1]]) // prettier-ignore
  const notes = [inputs.last, inputs.prior, inputs.lowest, inputs.highest].map((pitches) => PITCHES - 1 - pitches[1]!)
  t.same(notes, [72, 64, 64, 72])
  t.equal(inputs.last[0], PITCHES)
  t.equal(state.now, 50)
  // After a press only higher ones, changes of loudness to another one, and time.
  const can = follow(state)
  t.ok(can.every((id) => id > 72 && !(id >= eventIds.off && id < eventIds.shift) && id !== eventIds.velocity + 9))
  t.equal(can.length, 127 - 72 + 100 + 31)
  state.take(PIECE_END)
  const first = follow(state)
  t.ok(
    first.every((id) => id >= eventIds.shift && id < EVENT_SYMBOLS - 1),
    'a piece begins with time or loudness'
  )
  t.end()
})
