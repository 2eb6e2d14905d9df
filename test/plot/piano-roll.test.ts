// Piano rolls as pictures: a bar for each note, axes in seconds and bars, legends, colours that change on dark pages.

import t from 'tap'
import { createPiece, type Note } from '../../src/data/music/notes.js'
import { pitchName, renderPianoRoll } from '../../src/plot/piano-roll.js'
import { colours, darkOf } from '../../src/plot/theme.js'

const note = (pitch: number, begin: number, end: number, velocity = 64, channel = 0): Note => {
  return { pitch, begin, end, velocity, channel, program: 0 }
}
const notes = [note(60, 0, 480, 1), note(64, 480, 960, 127, 1), note(48, 0, 4800, 64, 3)]
const piece = createPiece({ name: 'a & b', notes, meters: [{ tick: 0, numerator: 3, denominator: 4 }] })
const texts = (svg: string) => [...svg.matchAll(/<text [^>]*>([^<]*)</g)].map(([, text]) => text!)
const count = (svg: string, fill: string) => svg.split(`fill="${fill}"`).length - 1

t.test('pitch names', async (t) => {
  t.same([60, 0, 127, 70].map(pitchName), ['C4', 'C-1', 'G9', 'Bb4'])
})

t.test('seconds and velocity', async (t) => {
  const svg = renderPianoRoll(piece)
  t.equal(count(svg, colours.series[1]), notes.length + 8 + 1, 'notes, legend, and the style sheet')
  for (const text of ['a &amp; b', 'C3', 'C4', 'C5', '0', '5', 'seconds', 'velocity 1', '127'])
    t.ok(texts(svg).includes(text), text)
  t.match(svg, /fill-opacity="0.25"/)
  t.ok(svg.includes(`[fill="${colours.series[1]}"]{fill:${darkOf(colours.series[1])}}`), 'dark pages')
  t.notMatch(svg, /NaN|undefined|Infinity/)
})

t.test('bars and voices', async (t) => {
  const svg = renderPianoRoll(piece, { time: 'bars', colour: 'voice', voices: ['soprano', '<alto>'], title: 'three' })
  for (const text of ['three', '1', '2', '4', 'bars', 'soprano', '&lt;alto&gt;', 'voice 4'])
    t.ok(texts(svg).includes(text), text)
  for (const channel of [0, 1, 3]) t.equal(count(svg, colours.series[channel]!), 3, `channel ${channel}`)
})

t.test('no notes, and too many', async (t) => {
  const empty = createPiece({ name: '', notes: [] })
  for (const time of ['seconds', 'bars'] as const) t.notMatch(renderPianoRoll(empty, { time }), /NaN|Infinity/)
  const many = createPiece({ name: 'a', notes: Array.from({ length: 50_001 }, (_, i) => note(60, i, i + 1)) })
  t.throws(() => renderPianoRoll(many), { code: 'ERR_OUT_OF_RANGE' })
})
