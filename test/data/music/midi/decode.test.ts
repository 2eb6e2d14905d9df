// MIDI files as they occur: running status, tempo in any track, overlapping notes, pedals, unknown chunks, SMPTE; and the sentence for each
// file that is not one.

import t from 'tap'
import { decodeMidi } from '../../../../src/data/music/midi/decode.js'
import { performanceOf, sustained, timeMapOf } from '../../../../src/data/music/time.js'
import type { Piece } from '../../../../src/data/music/notes.js'
import { chunk, header, midi, tempo, track } from './bytes.js'

const spans = ({ notes }: Pick<Piece, 'notes'>) => notes.map(({ pitch, begin, end }) => [pitch, begin, end])
const decode = (...tracks: number[][]) => decodeMidi(midi(...tracks), 'a.mid')

t.test('notes, velocities, programs', async (t) => {
  const { piece, repairs } = decode(
    track([0, 0xc1, 40], [10, 0x91, 60, 100], [90, 64, 1], [100, 60, 0], [0, 0x81, 64, 0])
  )
  t.same(piece, {
    name: 'a.mid',
    notes: [
      { pitch: 60, begin: 10, end: 200, velocity: 100, channel: 1, program: 40 },
      { pitch: 64, begin: 100, end: 200, velocity: 1, channel: 1, program: 40 }
    ],
    ticksPerQuarter: 480,
    tempo: [{ tick: 0, microsecondsPerQuarter: 500_000 }],
    meters: [{ tick: 0, numerator: 4, denominator: 4 }],
    pedals: []
  })
  t.same(repairs, { cut: 0, merged: 0, hanging: 0, lengthened: 0, releases: 0 })
  const meter = decode(track([0, 0xff, 0x58, 4, 6, 3, 24, 8], [96, 0xff, 0x58, 2, 3, 2])).piece.meters
  t.same(meter, [
    { tick: 0, numerator: 6, denominator: 8 },
    { tick: 96, numerator: 3, denominator: 4 }
  ])
})

t.test('tempo in any track counts for all, the last one at a tick', async (t) => {
  const { piece } = decode(
    track([0, 0x90, 60, 64], [960, 0x80, 60, 0], [0, 0x90, 62, 64], [960, 0x80, 62, 0]),
    track([480, ...tempo(1_000_000)], [960, ...tempo(9)], [0, ...tempo(250_000)])
  )
  t.same(spans({ notes: performanceOf(piece) }), [
    [60, 0, 1.5],
    [62, 1.5, 2.75]
  ])
  const { seconds, tick } = timeMapOf(piece)
  for (const at of [0, 1, 480, 481, 1440, 1441, 9999]) t.ok(Math.abs(tick(seconds(at)) - at) < 1e-9)
})

t.test('frames a second: a tick is a fixed time, tempo events do not count', async (t) => {
  const file = (division: number) =>
    Uint8Array.from([...header(0, 1, division), ...track([0, ...tempo(9)], [0, 0x90, 60, 64], [1000, 0x90, 60, 0])])
  const end = (division: number) => performanceOf(decodeMidi(file(division), 'a').piece)[0]!.end
  t.equal(end(0xe728), 1, '25 frames of 40 ticks')
  t.ok(Math.abs(end(0xe350) - (1000 * 1001) / (30_000 * 80)) < 1e-12, '29.97 frames of 80 ticks')
  t.throws(() => end(0xe700), { code: 'ERR_FILE_FORMAT', message: /byte 12/ })
  t.throws(() => end(0x9028), { code: 'ERR_FILE_FORMAT' })
  t.throws(() => end(0), { code: 'ERR_FILE_FORMAT' })
})

t.test('keys pressed twice, and releases that lack', async (t) => {
  const twice = decode(
    track([0, 0x90, 60, 9], [100, 0x90, 60, 9], [100, 0x80, 60, 0], [100, 0x80, 60, 0], [0, 0x80, 60, 0])
  )
  t.same(spans(twice.piece), [
    [60, 0, 100],
    [60, 100, 300]
  ])
  t.match(twice.repairs, { cut: 1, releases: 1, hanging: 0 })
  const again = decode(track([0, 0x90, 60, 9], [100, 0x90, 60, 9], [0, 0x80, 60, 0], [50, 0x80, 60, 0]))
  t.same(spans(again.piece), [
    [60, 0, 100],
    [60, 100, 150]
  ])
  const together = decode(track([0, 0x90, 60, 9], [0, 0x90, 60, 99], [100, 0x80, 60, 0], [100, 0x80, 60, 0]))
  t.same(spans(together.piece), [[60, 0, 200]])
  t.equal(together.piece.notes[0]!.velocity, 99)
  t.match(together.repairs, { merged: 1, cut: 0 })
  const empty = decode(track([5, 0x90, 60, 9], [0, 0x80, 60, 0]))
  t.same(spans(empty.piece), [[60, 5, 6]])
  t.match(empty.repairs, { lengthened: 1 })
  const hanging = decode(track([0, 0x90, 60, 9], [0, 0x90, 62, 9], [100, 0x80, 60, 0], [10_000, 0xb0, 1, 1]))
  t.same(spans(hanging.piece), [
    [60, 0, 100],
    [62, 0, 4800]
  ])
  t.match(hanging.repairs, { hanging: 1 })
  t.same(spans(decode(track([7, 0x90, 60, 9])).piece), [[60, 7, 8]], 'the last event begins a note')
  t.same(spans(decode(track([0, 0x90, 60, 9], [70, 0xb0, 123, 0])).piece), [[60, 0, 70]], 'all notes off')
  const tracks = decode(
    track([0, 0x90, 60, 9], [300, 0x80, 60, 0]),
    track([100, 0x90, 60, 9], [100, 0x80, 60, 0], [10, 0x91, 60, 9], [1, 0x91, 60, 0])
  )
  t.same(spans(tracks.piece), [
    [60, 0, 100],
    [60, 100, 200],
    [60, 210, 211]
  ])
})

t.test('the pedal', async (t) => {
  const { piece } = decode(
    track(
      [0, 0xb0, 64, 64],
      [0, 0x90, 60, 9],
      [0, 0x90, 62, 9],
      [0, 0x91, 64, 9],
      [100, 0x80, 60, 0],
      [0, 0x80, 62, 0],
      [0, 0x81, 64, 0],
      [100, 0x90, 60, 9],
      [100, 0xb0, 64, 63],
      [0, 0xb0, 64, 127],
      [0, 0x80, 60, 0],
      [100, 0xb0, 64, 0]
    )
  )
  t.same(piece.pedals, [
    { begin: 0, end: 300, channel: 0 },
    { begin: 300, end: 400, channel: 0 }
  ])
  const long = sustained(piece)
  t.same(long.pedals, [])
  t.same(spans(long), [
    [60, 0, 200],
    [62, 0, 300],
    [64, 0, 100],
    [60, 200, 400]
  ])
  t.same(sustained(long), long)
  t.same(decode(track([5, 0xb0, 64, 99], [5, 0xb0, 7, 0])).piece.pedals, [{ begin: 5, end: 10, channel: 0 }])
})

t.test('chunks and events that are skipped', async (t) => {
  const note = track([0, 0x90, 60, 9], [100, 0x80, 60, 0])
  const text = (length: number) => [0, 0xff, 1, ...[0x80 | (length >> 14), 0x80 | ((length >> 7) & 127), length & 127]]
  const long = track([...text(200_000), ...Array.from({ length: 200_000 }, () => 65)], [0, 0xf0, 2, 1, 0xf7])
  const file = [
    ...chunk('MThd', [0, 1, 0, 2, 1, 0xe0, 9, 9]),
    ...chunk('XFIH', [1, 2, 3]),
    ...note,
    ...chunk('abcd', []),
    ...long,
    ...Array.from({ length: 700 }, () => 0)
  ]
  t.same(spans(decodeMidi(Uint8Array.from(file), 'a').piece), [[60, 0, 100]])
  const rest = chunk('MTrk', [0, 0x90, 60, 9, 100, 0x80, 60, 0])
  t.same(spans(decode(rest).piece), [[60, 0, 100]], 'a track without an end event')
  const after = chunk('MTrk', [0, 0x90, 60, 9, 100, 0x80, 60, 0, 0, 0xff, 0x2f, 0, 1, 2, 3])
  t.same(spans(decode(after).piece), [[60, 0, 100]], 'bytes after the end event')
})

t.test('sentences with the byte', async (t) => {
  const note = track([0, 0x90, 60, 9], [100, 0x80, 60, 0])
  const fails = (bytes: readonly number[] | Uint8Array, message: RegExp, what: string) =>
    t.throws(() => decodeMidi(Uint8Array.from(bytes), 'a.mid'), { code: 'ERR_FILE_FORMAT', message }, what)
  fails([], /MThd at byte 0 of a.mid .*an empty file/, 'empty')
  fails([1, 2, 3], /8 bytes of a chunk header at byte 0/, 'three bytes')
  fails([...Buffer.from('RIFF0000')], /MThd at byte 0 of a.mid but received "RIFF"/, 'foreign')
  fails([...header(1, 1, 480), ...note].slice(0, -1), /chunk of 12 bytes at byte 18 .* truncated/, 'truncated')
  fails([...header(1, 2, 480), ...note], /2 tracks.*but received 1/, 'a track too few')
  fails([...header(1, 1, 480), ...note, ...note], /1 tracks.*but received 2/, 'a track too many')
  fails([...header(2, 2, 480), ...note, ...note], /format 2 holds independent patterns/, 'patterns')
  t.ok(decodeMidi(Uint8Array.from([...header(2, 1, 480), ...note]), 'a'), 'one pattern')
  fails([...header(3, 1, 480), ...note], /format 0, 1 or 2/, 'format')
  fails(chunk('MThd', [0, 1]), /at least 6 bytes/, 'header')
  const bad: [number[], RegExp][] = [
    [[0, 60, 9], /status byte at byte 23 of a.mid but received 60/],
    [[0, 0x90, 60, 200], /velocity from 0 to 127 in the event at byte 23 .* 200/],
    [[0, 0x90, 200, 9], /pitch from 0 to 127/],
    [[0, 0xb0, 200, 9], /controller/],
    [[0, 0xb0, 64, 200], /value/],
    [[0, 0xc0, 200], /program/],
    [[0, 0xa0, 1, 200], /pressure/],
    [[0, 0xd0, 200], /pressure/],
    [[0, 0xe0, 200, 200], /bend/],
    [[0, ...tempo(0)], /tempo from 1 to 16777215/],
    [[0, 0xff, 0x58, 4, 4, 8, 1, 1], /denominator/],
    [[0, 0xff, 0x58, 4, 0, 2, 1, 1], /numerator/],
    [[0, 0xff, 0x51, 2, 1, 1], /meta event 81 of 3 bytes at byte 24/],
    [[0, 0xff, 0x01, 127], /127 bytes of a meta event at byte 26 .* 4 bytes/],
    [[0, 0xf0, 127], /system data/],
    [[0, 0xf8], /248, a message of live MIDI/],
    [[0, 0xff, 0x01, 255, 255, 255, 255, 1], /at most 4 bytes/]
  ]
  for (const [bytes, message] of bad) fails(midi(track(bytes)), message, String(bytes))
  fails(midi(chunk('MTrk', [0x80])), /delta time at byte 23 .* the end of the track/, 'a delta time without an end')
  fails(midi(chunk('MTrk', [0, 0x90, 60])), /2 bytes of an event/, 'an event without an end')
  fails(midi(track([2 ** 28 - 1, 0x90, 60, 9], [1, 0x80, 60, 0])), /86400 seconds before the event at byte/, 'too long')
})

t.test('files that would take minutes', async (t) => {
  const zeros = new Uint8Array(2 ** 20)
  zeros.set(header(1, 0, 480))
  zeros[zeros.length - 1] = 1
  t.throws(() => decodeMidi(zeros, 'a'), { code: 'ERR_FILE_FORMAT' })
  const press = [0, 0x90, 60, 9]
  /** A track that repeats events of four bytes. */
  const repeated = (count: number, ...events: number[][]): Uint8Array => {
    const file = new Uint8Array(22 + events.length * count * 4)
    file.set(midi(chunk('MTrk', [], events.length * count * 4)))
    events.forEach((event, i) => file.fill(0, 22 + i * count * 4).set(Buffer.alloc(count * 4, Uint8Array.from(event)), 22 + i * count * 4)) // prettier-ignore
    return file
  }
  const { piece, repairs } = decodeMidi(repeated(20_000, press, [1, 0x80, 60, 0]), 'a')
  t.same([piece.notes.length, repairs.merged], [1, 19_999])
  t.throws(() => decodeMidi(repeated(2 ** 20 + 1, press), 'a'), { message: /1048576 events/ })
})
