// Music as sound, for a quick preview: each note is a sum of decaying partials, as of a plucked string, written as a WAV file.

import { integer, number, optional, options as optionsOf, type Check } from '../../check/index.js'
import { PERCUSSION, endOf, type Note } from './notes.js'

/** The options of `synthesise`. */
export interface SynthesisOptions {
  /** Samples of a second, 22,050 (default) or 44,100. */
  readonly sampleRate?: 22_050 | 44_100
  /** Most seconds of sound, from 0.1 to 1,800; default 600. Later notes are left out and counted. */
  readonly maxSeconds?: number
}

/** Sound of one channel. */
export interface Sound {
  /** 16-bit samples. */
  readonly samples: Int16Array
  readonly sampleRate: number
  /** Notes that begin after the end. */
  readonly late: number
  /** Notes of percussion, for which there is no sound. */
  readonly percussion: number
}

const rate: Check<22_050 | 44_100> = (value, name) => (value === 44_100 ? 44_100 : (integer(22_050, 22_050)(value, name) as 22_050)) // prettier-ignore
const readOptions = optionsOf<SynthesisOptions>({ sampleRate: optional(rate), maxSeconds: optional(number(0.1, 1800)) })

/** Amplitudes of the partials: roughly those of a piano's middle register. */
const PARTIALS = [1, 0.55, 0.32, 0.2, 0.11, 0.07]
/** Seconds until the first partial of the middle C is 60 dB softer; higher partials and pitches are shorter. */
const DECAY = 6
const [ATTACK, RELEASE] = [0.004, 0.08]
/** Largest sample of the result; the rest is a margin for the rounding of players. */
const PEAK = 0.9 * 32_767

const frequencyOf = (pitch: number): number => 440 * 2 ** ((pitch - 69) / 12)

/** Adds a note to the mix. */
function addNote({ pitch, begin, end, velocity }: Note, mix: Float32Array, sampleRate: number): void {
  const first = Math.floor(begin * sampleRate)
  const held = Math.floor((end - begin) * sampleRate)
  const release = Math.floor(RELEASE * sampleRate)
  const length = Math.min(held + release, mix.length - first)
  const attack = ATTACK * sampleRate
  PARTIALS.forEach((share, k) => {
    const frequency = frequencyOf(pitch) * (k + 1)
    // Above half of the sample rate a partial would sound at another pitch.
    if (frequency >= sampleRate / 2) return
    const seconds = (DECAY * 2 ** ((60 - pitch) / 24)) / (1 + 0.6 * k)
    const decay = 10 ** (-3 / (seconds * sampleRate))
    // A decaying sine by recurrence: y[n] = 2 d cos(w) y[n-1] - d^2 y[n-2].
    const angle = (2 * Math.PI * frequency) / sampleRate
    const [a, b] = [2 * decay * Math.cos(angle), -decay * decay]
    let [before, now] = [(-Math.sin(angle) / decay) * share, 0]
    // Loudness is about the square of the velocity (Dannenberg, "The interpretation of MIDI velocity", ICMC 2006).
    const loudness = (velocity / 127) ** 2
    for (let i = 0; i < length; i++) {
      const rise = i < attack ? i / attack : 1
      const fall = i < held ? 1 : 1 - (i - held) / release
      mix[first + i]! += loudness * rise * fall * now
      const next = a * now + b * before
      before = now
      now = next
    }
  })
}

/**
 * Returns the sound of notes in seconds (`performanceOf(sustained(piece))` for a piano with its pedal). The loudest sample is at 90 % of the range,
 * so nothing is clipped. Instruments are not distinguished, and pitches from 125 on are silent at 22,050 samples a second. Throws
 * ERR_INVALID_ARGUMENT for other options.
 */
export function synthesise(notes: readonly Note[], synthesisOptions: SynthesisOptions = {}): Sound {
  const { sampleRate = 22_050, maxSeconds = 600 } = readOptions(synthesisOptions, 'the options of synthesise')
  const pitched = notes.filter(({ channel }) => channel !== PERCUSSION)
  const seconds = Math.min(maxSeconds, endOf(pitched) + RELEASE)
  const mix = new Float32Array(pitched.length === 0 ? 0 : Math.ceil(seconds * sampleRate))
  const audible = pitched.filter(({ begin }) => begin * sampleRate < mix.length)
  for (const note of audible) addNote(note, mix, sampleRate)
  let peak = 0
  for (const value of mix) peak = Math.max(peak, Math.abs(value))
  const scale = peak > 0 ? PEAK / peak : 0
  const samples = Int16Array.from(mix, (value) => Math.round(value * scale))
  return { samples, sampleRate, late: pitched.length - audible.length, percussion: notes.length - pitched.length }
}

const HEADER_BYTES = 44

/** Returns the bytes of a WAV file: 16-bit PCM, one channel. */
export function encodeWav({ samples, sampleRate }: Pick<Sound, 'samples' | 'sampleRate'>): Uint8Array {
  const bytes = samples.length * 2
  const file = Buffer.alloc(HEADER_BYTES + bytes)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(HEADER_BYTES - 8 + bytes, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(sampleRate, 24)
  file.writeUInt32LE(sampleRate * 2, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(bytes, 40)
  samples.forEach((sample, i) => file.writeInt16LE(sample, HEADER_BYTES + 2 * i))
  return new Uint8Array(file)
}
