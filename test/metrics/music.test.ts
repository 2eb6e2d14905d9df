// Figures of pieces by hand, and the longest copied run compared with a search of all runs.

import fc from 'fast-check'
import t from 'tap'
import { createCopyIndex } from '../../src/metrics/music/copies.js'
import { bestKey, noteDensity, polyphonyOf, repeatedBars } from '../../src/metrics/music/pieces.js'
import { voiceLeading } from '../../src/metrics/music/voices.js'
import { rounds } from '../amounts.js'

const note = (pitch: number, begin = 0, end = begin + 1) => ({ pitch, begin, end })
const melody = (...pitches: number[]) => pitches.map((pitch, i) => note(pitch, i))

t.test('keys', async (t) => {
  t.same(bestKey(melody(60, 62, 64, 65, 67, 69, 71, 72)), { key: 'C major', share: 1 })
  t.same(bestKey(melody(69, 71, 72, 74, 76, 77, 80, 81)), { key: 'A minor', share: 1 })
  t.same(bestKey(melody(66, 66, 70, 73, 65, 67)), { key: 'F# major', share: 5 / 6 })
  const chromatic = bestKey(melody(...Array.from({ length: 12 }, (_, i) => i)))
  t.equal(chromatic.share, 7 / 12)
  t.ok(Number.isNaN(bestKey([]).share))
})

t.test('polyphony and density', async (t) => {
  t.equal(polyphonyOf([note(60, 0, 4), note(64, 0, 4), note(67, 2, 4)]), 10 / 4)
  t.equal(polyphonyOf([note(60, 0, 1), note(60, 9, 10)]), 1, 'silence does not count')
  t.equal(noteDensity([note(60, 2, 3), note(60, 4, 12)]), 0.2)
  t.ok(Number.isNaN(polyphonyOf([])) && Number.isNaN(noteDensity([])))
})

t.test('repeated bars', async (t) => {
  const bar = (at: number, ...pitches: number[]) => pitches.map((pitch, i) => note(pitch, at + i / 4))
  const bars = [...bar(0, 60, 62), ...bar(1, 64), ...bar(2, 60, 62), ...bar(5, 60, 62).reverse()]
  t.equal(repeatedBars(bars, 1), 2 / 4)
  t.equal(repeatedBars([note(60, 0), note(60, 0.999)], 1), 1 / 2, 'a little before the bar')
  t.ok(Number.isNaN(repeatedBars([], 1)))
})

t.test('copies', async (t) => {
  const index = createCopyIndex([melody(60, 62, 64, 65, 67), melody(50, 40)])
  t.equal(index.longestRun(melody(1, 70, 72, 74, 75, 99)), 4, 'in another key')
  t.equal(index.longestRun(melody(60, 62, 64, 65, 67, 50)), 5, 'not beyond the end of a piece')
  t.equal(index.longestRun(melody(7)), 1)
  t.equal(index.longestRun([]), 0)
  t.equal(createCopyIndex([]).longestRun(melody(1, 2)), 1)
  const pitches = fc.array(fc.integer({ min: 60, max: 63 }), { maxLength: 30 })
  const runs = (list: number[]) => list.slice(1).map((pitch, i) => String.fromCharCode(100 + pitch - list[i]!)).join('') // prettier-ignore
  const slow = (pieces: number[][], piece: number[]): number => {
    const wanted = runs(piece)
    for (let length = wanted.length; length > 0; length--)
      for (let i = 0; i + length <= wanted.length; i++)
        if (pieces.some((other) => runs(other).includes(wanted.slice(i, i + length)))) return length + 1
    return Math.min(1, piece.length)
  }
  const check = () =>
    fc.assert(
      fc.property(fc.array(pitches, { maxLength: 5 }), pitches, (pieces, piece) => {
        return createCopyIndex(pieces.map((one) => melody(...one))).longestRun(melody(...piece)) === slow(pieces, piece)
      }),
      { numRuns: rounds(200, 2000), seed: 14 }
    )
  t.doesNotThrow(check)
})

t.test('voice leading', async (t) => {
  const none = { changes: 1, parallelFifths: 0, parallelOctaves: 0, crossings: 0, leaps: 0 }
  t.same(voiceLeading([[67, 60], [69, 62]]), { ...none, parallelFifths: 1 }) // prettier-ignore
  t.same(voiceLeading([[79, 60], [69, 62]]), none, 'in contrary motion') // prettier-ignore
  t.same(voiceLeading([[67, 60], [67, 60], [67, 60]]), { ...none, changes: 0 }, 'held') // prettier-ignore
  t.same(voiceLeading([[72, 60], [74, 62]]), { ...none, parallelOctaves: 1 }) // prettier-ignore
  t.same(voiceLeading([[60, 60], [62, 62]]), { ...none, parallelOctaves: 1 }, 'unisons') // prettier-ignore
  t.same(voiceLeading([[60, 64], [60, 65]]), { ...none, crossings: 2 }) // prettier-ignore
  t.same(voiceLeading([[60, 50], [-1, 50], [73, 50]]), { ...none, changes: 2, leaps: 1 }, 'over a rest') // prettier-ignore
  t.same(voiceLeading([[60, 50], [72, 50]]), none, 'an octave is not a leap') // prettier-ignore
  t.same(voiceLeading([]), { ...none, changes: 0 })
})
