// Standard MIDI files written byte by byte, so that tests choose every detail.

/** Returns a number in bytes of 7 bits. */
export function variable(value: number): number[] {
  const bytes = [value & 127]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest & 127) | 128)
  return bytes
}

/** Returns a chunk. */
export function chunk(id: string, content: readonly number[], length = content.length): number[] {
  return [...Buffer.from(id, 'latin1'), ...[24, 16, 8, 0].map((shift) => (length >>> shift) & 255), ...content]
}

/** Returns a header chunk. */
export function header(format: number, tracks: number, division: number): number[] {
  return chunk(
    'MThd',
    [format, tracks, division].flatMap((value) => [value >> 8, value & 255])
  )
}

/** Returns a track of events, each a distance in ticks and its bytes, with an end. */
export function track(...events: readonly (readonly number[])[]): number[] {
  const content = events.flatMap(([distance, ...bytes]) => [...variable(distance!), ...bytes])
  return chunk('MTrk', [...content, 0, 0xff, 0x2f, 0])
}

/** Returns a file of tracks; format 1, 480 ticks in a quarter note. */
export function midi(...tracks: readonly number[][]): Uint8Array {
  return Uint8Array.from([...header(1, tracks.length, 480), ...tracks.flat()])
}

/** Returns the bytes of a tempo event after its distance. */
export function tempo(microseconds: number): number[] {
  return [0xff, 0x51, 3, (microseconds >> 16) & 255, (microseconds >> 8) & 255, microseconds & 255]
}
