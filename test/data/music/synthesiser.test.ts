// Sound of notes: the pitch that is heard, no clipping, bounded length, and the bytes of a WAV file.

import t from 'tap'
import type { Note } from '../../../src/data/music/notes.js'
import { encodeWav, synthesise } from '../../../src/data/music/synthesiser.js'

const note = (pitch: number, begin = 0, end = begin + 1, velocity = 64, channel = 0): Note => {
  return { pitch, begin, end, velocity, channel, program: 0 }
}

/** Strength of a frequency, by Goertzel's algorithm. */
function strength(samples: Int16Array, frequency: number, rate: number): number {
  const w = 2 * Math.cos((2 * Math.PI * frequency) / rate)
  let [a, b] = [0, 0]
  for (const x of samples) [a, b] = [x + w * a - b, a]
  return Math.sqrt(a * a + b * b - w * a * b) / samples.length
}

t.test('pitch, partials, and none above half of the rate', async (t) => {
  for (const sampleRate of [22_050, 44_100] as const) {
    const { samples } = synthesise([note(69)], { sampleRate })
    t.ok(strength(samples, 440, sampleRate) > 10 * strength(samples, 466, sampleRate))
    t.ok(strength(samples, 880, sampleRate) > 10 * strength(samples, 932, sampleRate))
  }
  const { samples } = synthesise([note(120)])
  t.ok(strength(samples, 22_050 - 2 * 8372.02, 22_050) < 0.01 * strength(samples, 8372.02, 22_050))
  const sounds = (sampleRate: 22_050 | 44_100) => synthesise([note(127)], { sampleRate }).samples.some((x) => x !== 0)
  t.same([sounds(22_050), sounds(44_100)], [false, true])
})

t.test('nothing is clipped, and nothing is silent', async (t) => {
  const chord = Array.from({ length: 128 }, (_, pitch) => note(pitch, 0, 0.2, 127))
  for (const notes of [chord, [note(60, 0, 0.1, 1)]]) {
    const { samples } = synthesise(notes)
    const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    t.ok(peak > 29_000 && peak <= 29_491, `${peak}`)
  }
})

t.test('bounded, and counted', async (t) => {
  const sound = synthesise([note(60, 0, 5), note(62, 9, 99), note(36, 0, 1, 64, 9)], { maxSeconds: 2 })
  t.match(sound, { late: 1, percussion: 1, sampleRate: 22_050 })
  t.equal(sound.samples.length, 44_100)
  t.equal(synthesise([]).samples.length, 0)
  t.throws(() => synthesise([], { maxSeconds: 1e6 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => synthesise([], { sampleRate: 8000 as 22_050 }), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('a WAV file', async (t) => {
  const file = Buffer.from(encodeWav({ samples: Int16Array.from([1, -2]), sampleRate: 22_050 }))
  t.equal(file.length, 48)
  t.equal(file.toString('latin1', 0, 4) + file.toString('latin1', 8, 16), 'RIFFWAVEfmt ')
  t.same(
    [4, 16, 24, 28, 40].map((at) => file.readUInt32LE(at)),
    [40, 16, 22_050, 44_100, 4]
  )
  t.same(
    [20, 22, 32, 34].map((at) => file.readUInt16LE(at)),
    [1, 1, 2, 16]
  )
  t.same([file.readInt16LE(44), file.readInt16LE(46)], [1, -2])
})
