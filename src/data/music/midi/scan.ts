// The structure of a standard MIDI file, checked byte by byte before midi-file decodes it: chunks, lengths and event headers.
//
// midi-file (1.2.4) reads beyond the end of damaged data as undefined, walks backwards at lengths that overflow, overflows the stack at long texts,
// refuses unknown chunks, which the standard (RP-001, 1.0, "Chunks") has readers skip, and loses tracks silently. So it is given only tracks in
// which every event has all of its bytes; texts, which nobody here reads, are marked as opaque data.

import { expected, type GatecellError } from '../../../errors.js'

/** Most events of a file; each takes about 150 bytes while it is decoded. */
const MAX_EVENTS = 2 ** 20

/** A track whose events are whole. */
export interface ScannedTrack {
  /** The bytes of the track up to its end event. */
  readonly bytes: Uint8Array
  /** Offset in the file of the first byte of each event after its delta time, for messages. */
  readonly offsets: readonly number[]
}

/** The chunks of a file. */
export interface ScannedMidi {
  readonly format: number
  /** The 16 bits of the header that define a tick. */
  readonly division: number
  readonly tracks: readonly ScannedTrack[]
}

/** Returns the ERR_FILE_FORMAT for a byte of a MIDI file. */
export function midiError(
  name: string,
  offset: number,
  what: string,
  found: string,
  remedy = 'the file is damaged or foreign',
  cause?: unknown
): GatecellError {
  return expected('ERR_FILE_FORMAT', `${what} at byte ${offset} of ${name}`, found, remedy, cause)
}

/** Returns an unsigned number of `bytes` bytes, most significant first. */
const unsigned = (data: Uint8Array, at: number, bytes: number): number => {
  let value = 0
  for (let i = 0; i < bytes; i++) value = value * 256 + data[at + i]!
  return value
}

interface Chunk {
  readonly id: string
  readonly begin: number
  readonly end: number
}

/** Yields the chunks of a file. */
function* chunksOf(data: Uint8Array, name: string): Generator<Chunk> {
  // Some programs fill the last block of a file with zeros.
  const zeros = data.findLastIndex((byte) => byte !== 0) + 1
  for (let at = 0; at < data.length;) {
    if (at > 0 && at >= zeros) return
    if (at + 8 > data.length)
      throw midiError(name, at, 'the 8 bytes of a chunk header', `${data.length - at} bytes and the end`)
    const id = String.fromCharCode(...data.subarray(at, at + 4))
    const length = unsigned(data, at + 4, 4)
    const begin = at + 8
    if (at === 0 && id !== 'MThd') {
      const remedy = 'name a standard MIDI file (.mid)'
      throw midiError(name, 0, 'the letters MThd', JSON.stringify(id), remedy)
    }
    if (begin + length > data.length) {
      const found = `${data.length - begin} bytes and the end`
      throw midiError(name, at + 4, `a chunk of ${length} bytes`, found, 'the file is truncated')
    }
    yield { id, begin, end: begin + length }
    at = begin + length
  }
}

/** Returns the chunks of a file, each track checked. Throws ERR_FILE_FORMAT, with the byte, for a file that midi-file could not decode whole. */
export function scanMidi(data: Uint8Array, name: string): ScannedMidi {
  const [header, ...others] = chunksOf(data, name)
  if (!header) throw midiError(name, 0, 'the letters MThd', 'an empty file', 'name a standard MIDI file (.mid)')
  if (header.end - header.begin < 6)
    throw midiError(name, 4, 'a header of at least 6 bytes', String(header.end - header.begin))
  const [format, count, division] = [0, 2, 4].map((i) => unsigned(data, header.begin + i, 2)) as [
    number,
    number,
    number
  ]
  const chunks = others.filter(({ id }) => id === 'MTrk')
  if (format > 2) throw midiError(name, header.begin, 'the format 0, 1 or 2', String(format))
  if (chunks.length !== count)
    throw midiError(name, header.begin + 2, `${count} tracks, as the header declares`, String(chunks.length))
  if (format === 2 && count > 1) {
    const remedy = 'format 2 holds independent patterns: save each as a file of format 0 or 1'
    throw midiError(name, header.begin, 'the format 0 or 1', '2', remedy)
  }
  let events = 0
  const tracks = chunks.map((chunk) => {
    const track = scanTrack(data, chunk, name, MAX_EVENTS - events)
    events += track.offsets.length
    return track
  })
  return { format, division, tracks }
}

const [META, END_OF_TRACK, TEMPO, METER, OPAQUE] = [0xff, 0x2f, 0x51, 0x58, 0x7f]
/** Lengths of the meta events that are decoded. */
const META_LENGTHS = new Map([
  [END_OF_TRACK, [0]],
  [TEMPO, [3]],
  [METER, [2, 4]]
])

/** Reads the events of a track one after the other. */
class TrackScanner {
  at: number
  /** The track, in which the types of events that nobody reads are replaced. */
  readonly copy: Uint8Array
  #running = 0
  readonly #data: Uint8Array
  readonly #chunk: Chunk
  readonly #name: string

  constructor(data: Uint8Array, chunk: Chunk, name: string) {
    this.#data = data
    this.#chunk = chunk
    this.#name = name
    this.at = chunk.begin
    this.copy = data.slice(chunk.begin, chunk.end)
  }

  fail(what: string, found: string, at = this.at): never {
    throw midiError(this.#name, at, what, found)
  }

  /** Takes the next byte. */
  byte(what: string): number {
    if (this.at >= this.#chunk.end) this.fail(what, 'the end of the track')
    return this.#data[this.at++]!
  }

  /** Takes a number of at most four bytes of 7 bits. */
  length(what: string): number {
    const begin = this.at
    let value = 0
    for (let i = 0; i < 4; i++) {
      const byte = this.byte(what)
      value = value * 128 + (byte & 0x7f)
      if (byte < 0x80) return value
    }
    return this.fail(`${what} of at most 4 bytes`, 'more', begin)
  }

  /** Takes `count` bytes. */
  skip(count: number, what: string): void {
    const left = this.#chunk.end - this.at
    if (count > left) this.fail(`${count} bytes of ${what}`, `${left} bytes and the end of the track`)
    this.at += count
  }

  /** Takes an event after its delta time. Returns whether it ends the track. */
  event(): boolean {
    const begin = this.at
    const first = this.byte('an event')
    if (first < 0xf0) {
      const status = first < 0x80 ? this.#running : first
      if (status === 0) this.fail('a status byte', `${first} before any status byte`, begin)
      this.#running = status
      const bytes = (status & 0xe0) === 0xc0 ? 1 : 2
      this.skip(bytes - (first < 0x80 ? 1 : 0), 'an event')
      return false
    }
    if (first === META) return this.#meta()
    if (first !== 0xf0 && first !== 0xf7) this.fail('an event of a file', `${first}, a message of live MIDI`, begin)
    this.skip(this.length('the length of system data'), 'system data')
    return false
  }

  #meta(): boolean {
    const at = this.at
    const type = this.byte('the type of a meta event')
    const length = this.length('the length of a meta event')
    const lengths = META_LENGTHS.get(type)
    if (lengths && !lengths.includes(length))
      this.fail(`a meta event ${type} of ${lengths.join(' or ')} bytes`, String(length), at)
    if (!lengths) this.copy[at - this.#chunk.begin] = OPAQUE
    this.skip(length, 'a meta event')
    return type === END_OF_TRACK
  }
}

function scanTrack(data: Uint8Array, chunk: Chunk, name: string, most: number): ScannedTrack {
  const scanner = new TrackScanner(data, chunk, name)
  const offsets: number[] = []
  for (let ended = false; !ended && scanner.at < chunk.end;) {
    scanner.length('a delta time')
    if (offsets.length === most) scanner.fail(`at most ${MAX_EVENTS} events`, 'more')
    offsets.push(scanner.at)
    ended = scanner.event()
  }
  return { bytes: scanner.copy.subarray(0, scanner.at - chunk.begin), offsets }
}
