// Events: the round trip of performances, any ids as notes, transposition and stretching.

import fc from 'fast-check'
import t from 'tap'
import { augmentNotes, stretchNotes, transposeNotes, transpositionsOf } from '../../../src/data/music/augment.js'
import {
  countPresses,
  decodeEvents,
  encodeEvents,
  encodePiece,
  eventIds,
  secondsOfEvents
} from '../../../src/data/music/events.js'
import { createPiece, type Note } from '../../../src/data/music/notes.js'
import { pieceOfPerformance } from '../../../src/data/music/time.js'
import { createRandom } from '../../../src/random.js'
import { rounds } from '../../amounts.js'

const note = (pitch: number, begin: number, end: number, velocity = 64, channel = 0): Note => {
  return { pitch, begin, end, velocity, channel, program: 0 }
}
const names = (ids: Iterable<number>) =>
  [...ids].map((id) => {
    const kind = (['velocity', 'shift', 'off', 'on'] as const).find((one) => id >= eventIds[one])!
    return `${kind} ${id - eventIds[kind]}`
  })

t.test('encoding', async (t) => {
  const { ids } = encodeEvents([note(60, 0, 0.5), note(64, 0.5, 3, 127), note(60, 0.5, 0.504, 127)])
  t.same(names(ids), [
    'velocity 15',
    'on 60',
    'shift 49',
    'off 60',
    'velocity 31',
    'on 60',
    'on 64',
    'shift 0',
    'off 60',
    'shift 99',
    'shift 99',
    'shift 48',
    'off 64'
  ])
  t.equal(countPresses(ids), 3)
  t.equal(secondsOfEvents(ids), 3)
  const drums = encodeEvents([note(60, 0, 9, 64), note(60, 1, 2, 64, 1), note(60, 1, 2, 64, 2), note(36, 0, 1, 64, 9)])
  t.match(drums, { cut: 1, merged: 1, percussion: 1 })
  t.equal(encodeEvents([]).ids.length, 0)
  t.throws(() => encodeEvents([note(60, 0, 1e9)]), { code: 'ERR_OUT_OF_RANGE' })
  const ticks = [note(60, 0, 480), note(62, 480, 960)]
  const piece = createPiece({ name: 'a', notes: ticks, pedals: [{ begin: 0, end: 960, channel: 0 }] })
  t.equal(names(encodePiece(piece).ids).filter((name) => name === 'shift 49').length, 2)
  t.same(names(encodePiece(piece).ids).slice(-2), ['off 60', 'off 62'], 'the pedal')
})

const performance = fc.array(
  fc
    .tuple(fc.nat(127), fc.nat(3000), fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 127 }))
    .map(([pitch, begin, length, velocity]) => note(pitch, begin / 100, (begin + length) / 100, velocity)),
  { maxLength: 40 }
)

t.test('encode, decode, encode', async (t) => {
  const check = () =>
    fc.assert(
      fc.property(performance, (notes) => {
        const { ids } = encodeEvents(notes)
        const decoded = decodeEvents(ids)
        const { hanging, repeated, releases, lengthened } = decoded
        const clean = hanging + repeated + releases + lengthened === 0 && decoded.notes.length === countPresses(ids)
        // Velocities lose their two last bits, times nothing.
        const bins = createPiece({ name: 'a', notes: notes.map((one) => ({ ...one, velocity: 4 * Math.floor((one.velocity - 1) / 4) + 2 })) }) // prettier-ignore
        const same = JSON.stringify(bins.notes) === JSON.stringify(decoded.notes)
        return clean && same && String(encodeEvents(decoded.notes).ids) === String(ids)
      }),
      { numRuns: rounds(150, 400, 4000), seed: 14 }
    )
  t.doesNotThrow(check)
})

t.test('any ids are notes, and none is lost', async (t) => {
  const id = fc.oneof(fc.nat(eventIds.count - 1), fc.constantFrom(60, 188, 256, 300))
  const check = () =>
    fc.assert(
      fc.property(fc.array(id, { maxLength: 200 }), (ids) => {
        const { notes, lengthened } = decodeEvents(ids)
        const piece = pieceOfPerformance(notes, { name: 'a' })
        const whole = lengthened > 0 || notes.length === countPresses(ids)
        return whole && piece.notes.every(({ begin, end }) => begin >= 0 && end > begin)
      }),
      { numRuns: rounds(150, 400, 4000), seed: 14 }
    )
  t.doesNotThrow(check)
  const hanging = decodeEvents([60, 62, ...Array.from({ length: 8 }, () => 355), 190, 64, 200, 64])
  t.match(hanging, { hanging: 2, repeated: 1, releases: 1, lengthened: 1 })
  t.same(
    hanging.notes.map(({ pitch, begin, end }) => [pitch, begin, end]),
    [
      [60, 0, 5],
      [62, 0, 8],
      [64, 8, 8.01]
    ]
  )
  for (const id of [-1, 388, 0.5, NaN]) t.throws(() => decodeEvents([id]), { code: 'ERR_OUT_OF_RANGE' })
})

t.test('augmentation', async (t) => {
  const notes = [note(60, 0, 1), note(120, 1, 3), note(36, 0, 1, 64, 9)]
  t.same(
    transposeNotes(notes, -2).map(({ pitch }) => pitch),
    [58, 118, 36]
  )
  t.throws(() => transposeNotes(notes, 8), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => transposeNotes(notes, 0.5), { code: 'ERR_OUT_OF_RANGE' })
  t.same(stretchNotes(notes, 2)[1], note(120, 2, 6))
  for (const factor of [0, -1, NaN, Infinity])
    t.throws(() => stretchNotes(notes, factor), { code: 'ERR_INVALID_ARGUMENT' })
  t.same(transpositionsOf(notes, { semitones: 2 }), [-2, -1, 0, 1, 2])
  t.same(transpositionsOf(notes, { semitones: 2, lowest: 21, highest: 108 }), [0], 'a piece outside stays')
  t.same(transpositionsOf([], { semitones: 1 }), [-1, 0, 1])
  const random = createRandom(1)
  const shifts = new Set<number>()
  for (let i = 0; i < 200; i++) {
    const [first, second] = augmentNotes(notes, { semitones: 8, stretch: 0.05 }, random)
    shifts.add(first!.pitch - 60)
    const factor = second!.end / 3
    if (!(factor >= 0.95 && factor <= 1.05)) t.fail(`a factor of ${factor}`)
  }
  t.same(
    [...shifts].sort((a, b) => a - b),
    Array.from({ length: 16 }, (_, i) => i - 8)
  )
})
