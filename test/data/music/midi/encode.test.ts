// Pieces written as MIDI are read back unchanged, whatever they are, and a file that midi-file reads by itself has the same notes.

import assert from 'node:assert'
import fc from 'fast-check'
import { parseMidi } from 'midi-file'
import t from 'tap'
import { decodeMidi } from '../../../../src/data/music/midi/decode.js'
import { encodeMidi } from '../../../../src/data/music/midi/encode.js'
import { createPiece } from '../../../../src/data/music/notes.js'
import { rounds } from '../../../amounts.js'

/** Objects as literals make them, which strict comparisons ask for. */
const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true })
const span = record({ begin: fc.nat(5000), length: fc.integer({ min: 1, max: 2000 }) })
const channel = fc.nat(15)
const note = fc
  .tuple(span, fc.nat(127), fc.integer({ min: 1, max: 127 }), channel)
  // One program for a channel: where the presses of two share a tick, the order of their programs is by pitch.
  .map(([{ begin, length }, pitch, velocity, channel]) => {
    return { pitch, begin, end: begin + length, velocity, channel, program: (channel * 37) % 128 }
  })
const piece = record({
  notes: fc.array(note, { maxLength: 60 }),
  ticksPerQuarter: fc.integer({ min: 1, max: 32767 }),
  tempo: fc.array(record({ tick: fc.nat(6000), microsecondsPerQuarter: fc.integer({ min: 1, max: 0xffffff }) })),
  meters: fc.array(
    record({
      tick: fc.nat(6000),
      numerator: fc.integer({ min: 1, max: 255 }),
      denominator: fc.nat(7).map((power) => 2 ** power)
    })
  ),
  pedals: fc.array(
    fc.tuple(span, channel).map(([{ begin, length }, channel]) => ({ begin, end: begin + length, channel }))
  )
}).map((parts) => createPiece({ name: 'a.mid', ...parts }))

t.test('write, read', async (t) => {
  const check = () =>
    fc.assert(
      fc.property(piece, (piece) => {
        assert.deepStrictEqual(decodeMidi(encodeMidi(piece), 'a.mid').piece, piece)
      }),
      { numRuns: rounds(60, 600), seed: 14 }
    )
  t.doesNotThrow(check)
})

t.test('times between ticks are rounded, long distances kept', async (t) => {
  const plain = { velocity: 64, channel: 0, program: 0 }
  const notes = [
    { pitch: 60, begin: 0.4, end: 0.6, ...plain },
    { pitch: 61, begin: 0.1, end: 0.2, ...plain },
    { pitch: 62, begin: 2 ** 30 + 5, end: 2 ** 30 + 6, ...plain }
  ]
  const fast = createPiece({ name: 'a', notes, tempo: [{ tick: 0, microsecondsPerQuarter: 1.4 }] })
  const read = decodeMidi(encodeMidi(fast), 'a').piece
  t.same(
    read.notes.map(({ pitch, begin, end }) => [pitch, begin, end]),
    [
      [60, 0, 1],
      [61, 0, 1],
      [62, 2 ** 30 + 5, 2 ** 30 + 6]
    ]
  )
  t.equal(read.tempo[0]!.microsecondsPerQuarter, 1)
})

t.test('another reader finds the same events', async (t) => {
  const notes = [0, 1, 2].map((i) => ({ pitch: 60 + i, begin: 480 * i, end: 480 * i + 240, velocity: 50 + i, channel: i % 2, program: i % 2 ? 52 : 0 })) // prettier-ignore
  const { header, tracks } = parseMidi(encodeMidi(createPiece({ name: 'a', notes })))
  t.match(header, { format: 1, numTracks: 3, ticksPerBeat: 480 })
  t.same(
    tracks.map((track) => track.map((event) => event.type)),
    [
      ['timeSignature', 'setTempo', 'endOfTrack'],
      ['noteOn', 'noteOff', 'noteOn', 'noteOff', 'endOfTrack'],
      ['programChange', 'noteOn', 'noteOff', 'endOfTrack']
    ]
  )
})
