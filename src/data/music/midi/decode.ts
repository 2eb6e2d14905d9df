// From the bytes of a standard MIDI file to a piece: midi-file decodes the events that scan.ts has found whole, and every value of
// them is checked.

import { parseMidi, type MidiEvent } from 'midi-file'
import { string, uint8Array } from '../../../check/index.js'
import { DEFAULT_TEMPO, createPiece, separateNotes, type Meter, type Piece, type TempoChange } from '../notes.js'
import { MAX_SECONDS, timeMapOf } from '../time.js'
import { createKeys, type KeyRepairs } from './keys.js'
import { midiError, scanMidi, type ScannedMidi, type ScannedTrack } from './scan.js'

/** Numbers of notes of a file that needed an interpretation; all notes are kept. */
export interface MidiRepairs extends KeyRepairs {
  /** Notes that end earlier, because the next one of their channel and pitch begins. */
  readonly cut: number
  /** Notes that began together with another one of their channel and pitch, and are one note now. */
  readonly merged: number
}

/** A piece and the repairs that made it. */
export interface MidiReading {
  readonly piece: Piece
  readonly repairs: MidiRepairs
}

/** An event of any track at its tick. */
interface PlacedEvent {
  readonly tick: number
  readonly track: number
  readonly event: MidiEvent
  readonly offset: number
}

/** Decodes a track. midi-file throws strings; scan.ts leaves it no reason to. */
function decodeTrack({ bytes, offsets }: ScannedTrack, name: string): readonly MidiEvent[] {
  const at = offsets[0] ?? 0
  const big = (value: number, count: number) =>
    Array.from({ length: count }, (_, i) => (value >>> (8 * (count - 1 - i))) & 255)
  const header = [...Buffer.from('MThd'), ...big(6, 4), ...big(0, 2), ...big(1, 2), ...big(480, 2)]
  const file = Buffer.concat([Buffer.from(header), Buffer.from('MTrk'), Buffer.from(big(bytes.length, 4)), bytes])
  let events: readonly MidiEvent[] | undefined
  try {
    events = parseMidi(file).tracks[0]
  } catch (cause) {
    throw midiError(name, at, 'a track that can be decoded', String(cause), 'the file is damaged or foreign', cause)
  }
  if (events?.length === offsets.length) return events
  throw midiError(name, at, `${offsets.length} events`, String(events?.length))
}

/** Returns the values of an event that must lie between 0 and `most`, or above 0 from `least` on. */
function valuesOf(event: MidiEvent): { name: string; value: unknown; least?: number; most: number }[] {
  const byte = (name: string, value: unknown, most = 127, least = 0) => ({ name, value, most, least })
  switch (event.type) {
    case 'noteOn':
    case 'noteOff':
      return [byte('channel', event.channel, 15), byte('pitch', event.noteNumber), byte('velocity', event.velocity)]
    case 'controller':
      return [byte('channel', event.channel, 15), byte('controller', event.controllerType), byte('value', event.value)]
    case 'programChange':
      return [byte('channel', event.channel, 15), byte('program', event.programNumber)]
    case 'noteAftertouch':
      return [byte('pitch', event.noteNumber), byte('pressure', event.amount)]
    case 'channelAftertouch':
      return [byte('pressure', event.amount)]
    case 'pitchBend':
      return [byte('bend', event.value, 8191, -8192)]
    case 'setTempo':
      return [byte('tempo', event.microsecondsPerBeat, 0xffffff, 1)]
    case 'timeSignature':
      return [byte('numerator', event.numerator, 255, 1), byte('denominator', event.denominator, 128, 1)]
    default:
      return []
  }
}

function checkEvent({ event, offset }: PlacedEvent, file: string): void {
  for (const { name, value, least = 0, most } of valuesOf(event)) {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) continue
    throw midiError(file, offset, `a ${name} from ${least} to ${most} in the event`, String(value))
  }
}

/** Returns the events of all tracks by tick, then by track, each checked. */
function placedEvents({ tracks }: ScannedMidi, name: string): PlacedEvent[] {
  const placed: PlacedEvent[] = []
  tracks.forEach((scanned, track) => {
    let tick = 0
    decodeTrack(scanned, name).forEach((event, i) => {
      const offset = scanned.offsets[i]!
      if (!Number.isInteger(event.deltaTime) || event.deltaTime < 0)
        throw midiError(name, offset, 'a delta time of at least 0 before the event', String(event.deltaTime))
      tick += event.deltaTime
      const one = { tick, track, event, offset }
      checkEvent(one, name)
      placed.push(one)
    })
  })
  return placed.sort((a, b) => a.tick - b.tick || a.track - b.track || a.offset - b.offset)
}

/** The length of ticks, from the division of the header and the tempo events of all tracks. */
interface Clock {
  readonly ticksPerQuarter: number
  readonly tempo: readonly TempoChange[]
}

/**
 * Returns the clock of a file. A division in frames (SMPTE) makes a tick a fixed time: the quarter note is then defined as a second, and
 * tempo events do not count. 29 frames a second are the 30000/1001 of NTSC.
 */
function clockOf(division: number, events: readonly PlacedEvent[], name: string): Clock {
  const DIVISION_AT = 12
  if (division < 0x8000) {
    if (division === 0) throw midiError(name, DIVISION_AT, 'at least 1 tick in a quarter note', '0')
    const tempo = events.flatMap(({ tick, event }) =>
      event.type === 'setTempo' ? [{ tick, microsecondsPerQuarter: event.microsecondsPerBeat }] : []
    )
    return { ticksPerQuarter: division, tempo }
  }
  const [frames, ticks] = [256 - (division >> 8), division & 255]
  if (![24, 25, 29, 30].includes(frames) || ticks === 0)
    throw midiError(name, DIVISION_AT, '24, 25, 29 or 30 frames a second with ticks', `${frames} with ${ticks}`)
  const ntsc = frames === 29
  const tempo = [{ tick: 0, microsecondsPerQuarter: ntsc ? 1_001_000 : 1_000_000 }]
  return { ticksPerQuarter: (ntsc ? 30 : frames) * ticks, tempo }
}

/**
 * Returns the piece in the bytes of a standard MIDI file of format 0 or 1, or of format 2 with one track; `name` is for messages and
 * becomes its name. Throws ERR_FILE_FORMAT, with the byte, for anything else, and for a piece of more than a day, whatever the bytes are, and
 * ERR_INVALID_ARGUMENT for arguments that are not bytes and a name.
 *
 * @example
 * const { piece } = decodeMidi(await readFile('theme.mid'), 'theme.mid')
 * console.log(`${piece.notes.length} notes`)
 */
export function decodeMidi(bytes: Uint8Array, name: string): MidiReading {
  const scanned = scanMidi(uint8Array(bytes, 'the bytes'), string(name, 'the name'))
  const events = placedEvents(scanned, name)
  const clock = clockOf(scanned.division, events, name)
  const tempo = [{ tick: 0, microsecondsPerQuarter: DEFAULT_TEMPO }, ...clock.tempo]
  const { ticksPerQuarter } = clock
  const time = timeMapOf(createPiece({ name, notes: [], tempo, ticksPerQuarter }))
  const last = events.at(-1)
  if (last && time.seconds(last.tick) > MAX_SECONDS) {
    const found = `${Math.round(time.seconds(last.tick))} seconds`
    throw midiError(name, last.offset, `at most ${MAX_SECONDS} seconds before the event`, found)
  }
  const keys = createKeys()
  const meters: Meter[] = []
  for (const { tick, track, event } of events) {
    keys.take(event, tick, track)
    if (event.type === 'timeSignature')
      meters.push({ tick, numerator: event.numerator, denominator: event.denominator })
  }
  const { notes, pedals, repairs } = keys.end(last?.tick ?? 0, time)
  const { cut, merged } = separateNotes(notes)
  const piece = createPiece({ name, notes, ticksPerQuarter, tempo, meters, pedals })
  return { piece, repairs: { ...repairs, cut, merged } }
}
