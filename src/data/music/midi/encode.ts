// Pieces as the bytes of a standard MIDI file of format 1, which every player takes: a track with tempo and meter, then a track for
// each channel.

import { writeMidi, type MidiEvent } from 'midi-file'
import { checkPiece } from '../check.js'
import { createPiece, type Piece, type PieceParts } from '../notes.js'

/** An event without its distance from the one before it. */
type Bare = MidiEvent extends infer E ? (E extends MidiEvent ? Omit<E, 'deltaTime'> : never) : never

interface Placed {
  readonly tick: number
  /** Order of events at one tick: releases, pedal up, pedal down, instruments, presses. */
  readonly order: number
  readonly event: Bare
}

/** Largest distance of two events, in 4 bytes of 7 bits. */
const MAX_DELTA = 2 ** 28 - 1
/** Events that midi-file is given at once: it copies the whole track for every long number. */
const BLOCK = 128

const OFF_VELOCITY = 64
const [SUSTAIN, PEDAL_DOWN] = [64, 127]

/** Returns the events of the first track. */
function conductor({ tempo, meters }: Piece): Placed[] {
  return [
    ...meters.map(({ tick, numerator, denominator }): Placed => {
      const event = { type: 'timeSignature', numerator, denominator, metronome: 24, thirtyseconds: 8 } as const
      return { tick, order: 0, event }
    }),
    ...tempo.map(({ tick, microsecondsPerQuarter }): Placed => {
      const microsecondsPerBeat = Math.min(0xffffff, Math.max(1, Math.round(microsecondsPerQuarter)))
      return { tick, order: 1, event: { type: 'setTempo', microsecondsPerBeat } }
    })
  ]
}

/** Returns the events of each channel that has any. */
function parts({ notes, pedals }: Piece): Placed[][] {
  const channels = Array.from({ length: 16 }, (): Placed[] => [])
  const programs = new Int16Array(16)
  for (const { pitch, begin, end, velocity, channel, program } of notes) {
    const events = channels[channel]!
    if (program !== programs[channel]) {
      events.push({ tick: begin, order: 3, event: { type: 'programChange', channel, programNumber: program } })
      programs[channel] = program
    }
    events.push({ tick: begin, order: 4, event: { type: 'noteOn', channel, noteNumber: pitch, velocity } })
    const off = { type: 'noteOff', channel, noteNumber: pitch, velocity: OFF_VELOCITY } as const
    events.push({ tick: end, order: 0, event: off })
  }
  for (const { begin, end, channel } of pedals) {
    const press = (value: number) => ({ type: 'controller', channel, controllerType: SUSTAIN, value }) as const
    channels[channel]!.push({ tick: begin, order: 2, event: press(PEDAL_DOWN) })
    channels[channel]!.push({ tick: end, order: 1, event: press(0) })
  }
  return channels.filter((events) => events.length > 0)
}

/** Returns events with their distances, sorted, with an end. */
function withDistances(placed: readonly Placed[]): MidiEvent[] {
  const events: MidiEvent[] = []
  let at = 0
  for (const { tick, event } of [...placed].sort((a, b) => a.tick - b.tick || a.order - b.order)) {
    // An empty text carries a part of a distance that is too large for one event.
    for (; tick - at > MAX_DELTA; at += MAX_DELTA) events.push({ deltaTime: MAX_DELTA, type: 'text', text: '' })
    events.push({ ...event, deltaTime: tick - at })
    at = tick
  }
  return [...events, { deltaTime: 0, type: 'endOfTrack' }]
}

const HEADER_BYTES = 14

/** Returns the chunk of a track. */
function trackChunk(events: readonly MidiEvent[]): Buffer {
  const pieces: Uint8Array[] = []
  for (let i = 0; i < events.length; i += BLOCK) {
    const track = events.slice(i, i + BLOCK)
    const file = writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] })
    pieces.push(Uint8Array.from(file.slice(HEADER_BYTES + 8)))
  }
  const content = Buffer.concat(pieces)
  const head = Buffer.from('MTrk\0\0\0\0', 'latin1')
  head.writeUInt32BE(content.length, 4)
  return Buffer.concat([head, content])
}

/** Returns a piece whose times are whole ticks; a note has at least one. */
function onTicks(piece: Piece): Piece {
  const span = <T extends { begin: number; end: number }>(one: T): T => {
    const begin = Math.round(one.begin)
    return { ...one, begin, end: Math.max(begin + 1, Math.round(one.end)) }
  }
  return createPiece({ ...piece, notes: piece.notes.map(span), pedals: piece.pedals.map(span) })
}

/**
 * Returns the bytes of a standard MIDI file with the notes, pedals, tempo and meters of a piece. Times are rounded to whole ticks, tempos to
 * whole microseconds; a piece of whole ones is read back unchanged. Throws ERR_INVALID_ARGUMENT for a piece that is not valid, or longer than a day.
 *
 * @example
 * const note = { pitch: 60, begin: 0, end: 480, velocity: 80, channel: 0, program: 0 }
 * writeFileSync('theme.mid', encodeMidi({ name: 'a middle C', notes: [note] }))
 */
export function encodeMidi(piece: PieceParts): Uint8Array {
  const whole = onTicks(checkPiece(piece, 'the piece'))
  const tracks = [conductor(whole), ...parts(whole)].map((events) => trackChunk(withDistances(events)))
  const head = Buffer.from('MThd\0\0\0\x06\0\x01\0\0\0\0', 'latin1')
  head.writeUInt16BE(tracks.length, 10)
  head.writeUInt16BE(whole.ticksPerQuarter, 12)
  return new Uint8Array(Buffer.concat([head, ...tracks]))
}
