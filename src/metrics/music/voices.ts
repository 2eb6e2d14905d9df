// Counts of the faults of voice leading that counterpoint forbids (Fux, "Gradus ad Parnassum", 1725), for a comparison with chorales.

/** Faults of a piece in voices. */
export interface VoiceLeading {
  /** Steps at which any voice takes another pitch, by which the counts below can be divided. */
  readonly changes: number
  /** Pairs of voices that move in the same direction from one perfect fifth (7 semitones, octaves added) to another. */
  readonly parallelFifths: number
  /** Pairs of voices that move in the same direction from one octave or unison to another. */
  readonly parallelOctaves: number
  /** Pairs of neighbouring voices of which the higher one has the lower pitch, at changes. */
  readonly crossings: number
  /** Steps of one voice by more than an octave. */
  readonly leaps: number
}

const OCTAVE = 12
const FIFTH = 7

type Step = readonly number[]

/** Returns the number of pairs of voices that move in parallel at `interval`, octaves not counted. */
function parallels(before: Step, after: Step, interval: number): number {
  let count = 0
  for (let high = 0; high < after.length; high++)
    for (let low = high + 1; low < after.length; low++) {
      const pitches = [before[high]!, before[low]!, after[high]!, after[low]!] as const
      if (pitches.some((pitch) => pitch < 0)) continue
      const [a, b, c, d] = pitches
      const same = Math.sign(c - a) === Math.sign(d - b) && c !== a
      const at = (x: number, y: number) => Math.abs(x - y) % OCTAVE === interval
      if (same && at(a, b) && at(c, d)) count++
    }
  return count
}

/**
 * Counts faults in steps that each have a pitch for every voice, from the highest voice down, and a negative number where a voice rests. Pairs with
 * a rest are not counted; a voice leaps from its last pitch, also over rests.
 */
export function voiceLeading(steps: readonly Step[]): VoiceLeading {
  const counts = { changes: 0, parallelFifths: 0, parallelOctaves: 0, crossings: 0, leaps: 0 }
  const last: number[] = []
  steps.forEach((step, i) => {
    const before = steps[i - 1]
    const changed = !before || step.some((pitch, voice) => pitch !== before[voice])
    if (!changed) return
    step.forEach((pitch, voice) => {
      if (pitch < 0) return
      if (Math.abs(pitch - (last[voice] ?? pitch)) > OCTAVE) counts.leaps++
      last[voice] = pitch
      const below = step[voice + 1] ?? -1
      if (below > pitch) counts.crossings++
    })
    if (!before) return
    counts.changes++
    counts.parallelFifths += parallels(before, step, FIFTH)
    counts.parallelOctaves += parallels(before, step, 0)
  })
  return counts
}
