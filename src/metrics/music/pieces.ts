// Figures of pieces of music by which generated ones are compared with the data: key, polyphony, density, repeated bars.

/** A note as metrics take it. Times may have any unit, the same for all notes. */
export interface SoundingNote {
  /** MIDI number, an integer. */
  readonly pitch: number
  readonly begin: number
  /** Above `begin`. */
  readonly end: number
}

const MAJOR = [0, 2, 4, 5, 7, 9, 11]
/** The harmonic minor scale: the natural one has the pitches of a major scale, so it would be none of its own. */
const MINOR = [0, 2, 3, 5, 7, 8, 11]
const NAMES = ['C', 'C#', 'D', 'Eb', 'E', 'F', 'F#', 'G', 'Ab', 'A', 'Bb', 'B']

/** A key and the share of the notes that are in its scale. */
export interface KeyShare {
  /** Such as "C major" or "A minor". */
  readonly key: string
  /** Share of the notes whose pitch is in the scale, 0 to 1. */
  readonly share: number
}

/**
 * Returns the key whose scale contains the largest share of the notes, of the 12 major and the 12 harmonic minor keys; of several the one whose
 * tonic has most notes. NaN without notes.
 */
export function bestKey(notes: readonly Pick<SoundingNote, 'pitch'>[]): KeyShare {
  const counts = new Array<number>(12).fill(0)
  for (const { pitch } of notes) counts[((pitch % 12) + 12) % 12]!++
  let best = { key: '', hits: -1, tonic: -1 }
  for (const [mode, scale] of [
    ['major', MAJOR],
    ['minor', MINOR]
  ] as const)
    // prettier-ignore
    for (let tonic = 0; tonic < 12; tonic++) {
      const hits = scale.reduce((sum, step) => sum + counts[(tonic + step) % 12]!, 0)
      const better = hits > best.hits || (hits === best.hits && counts[tonic]! > best.tonic)
      if (better) best = { key: `${NAMES[tonic]} ${mode}`, hits, tonic: counts[tonic]! }
    }
  return { key: best.key, share: best.hits / notes.length }
}

/** Returns the mean number of notes that sound, over the time in which any does; NaN without notes. */
export function polyphonyOf(notes: readonly SoundingNote[]): number {
  const sorted = [...notes].sort((a, b) => a.begin - b.begin)
  let [sounding, covered, last] = [0, 0, -Infinity]
  for (const { begin, end } of sorted) {
    sounding += end - begin
    covered += Math.max(0, end - Math.max(begin, last))
    last = Math.max(last, end)
  }
  return sounding / covered
}

/** Returns the notes per unit of time, from the begin of the first to the end of the last note; NaN without notes. */
export function noteDensity(notes: readonly SoundingNote[]): number {
  let [begin, end] = [Infinity, -Infinity]
  for (const note of notes) {
    begin = Math.min(begin, note.begin)
    end = Math.max(end, note.end)
  }
  return notes.length === 0 ? NaN : notes.length / (end - begin)
}

/** Parts of a bar to which the begins of notes are rounded when bars are compared. */
const PLACES = 48

/**
 * Returns the share of bars, 0 to 1, that repeat an earlier bar of the piece: the same pitches begin at the same places, rounded to 1/48 of a bar.
 * Bars in which no note begins are not counted. `bar` is the length of a bar in the unit of the notes. NaN without notes.
 */
export function repeatedBars(notes: readonly SoundingNote[], bar: number): number {
  const bars = new Map<number, string[]>()
  for (const { pitch, begin } of notes) {
    const place = Math.round((begin / bar) * PLACES)
    const index = Math.floor(place / PLACES)
    const list = bars.get(index) ?? []
    list.push(`${place - index * PLACES}:${pitch}`)
    bars.set(index, list)
  }
  const different = new Set([...bars.values()].map((list) => list.sort().join(' ')))
  return (bars.size - different.size) / bars.size
}
