// Formats of ink as their definitions have them: files of each kind with the ink that they hold, random ink written in every
// format and read back, and that text in pieces of any size gives the same.

import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseInk, readInk } from '../../../src/data/ink/read.js'
import { jsonRecords } from '../../../src/data/ink/formats/json-records.js'
import { unipenParser } from '../../../src/data/ink/formats/unipen.js'
import { xmlInkParser } from '../../../src/data/ink/formats/xml-ink.js'
import { jsonParser } from '../../../src/data/ink/formats/json.js'
import { inkPoints, type Ink } from '../../../src/data/ink/strokes.js'
import { createRandom } from '../../../src/random.js'
import { long } from '../../amounts.js'
import { formats, type Sample } from './writers.js'

const folder = join(import.meta.dirname ?? '', 'files')
const strokesOf = (ink: Ink) => JSON.stringify(inkPoints(ink.strokes))

const files: Record<string, [text: string | null, strokes: string][]> = {
  'board-02.xml': [['second line', '[[[7,-9,0],[8,-11,20]],[[9,-12,70]]]']],
  'continued.inkml': [['neat', '[[[0,0],[1,-1],[2,-2],[3,-3]],[[5,0],[5,-2]]]']],
  'drawings.ndjson': [
    ['house', '[[[0,-5,0],[10,0,16],[20,-5,40]],[[3,-7,90],[4,-7,95]]]'],
    ['mixed', '[[[0,1,5],[2,3,6]],[[4,5,7]]]'],
    [null, '[[[2,-3],[3,-4]],[[7,-4],[7,-6]]]'],
    [null, '[[[2,-3],[3,-4]],[[7,-4],[7,-6]]]']
  ],
  'list.json': [
    ['a, [b] "{c}"', '[[[0,0],[1,2]]]'],
    [null, '[[[3,4],[5,6]]]']
  ],
  'references.inkml': [['réf', '[[[1,-2],[3,-4]],[[5,-6],[7,-8]],[[1,2],[3,4]],[[1,2],[4,-2]]]']],
  'sets.unp': [
    ['7', '[[[2,2],[3,3]],[[4,4]]]'],
    ['say "8"\ntwice', '[[[6,6],[7,7]]]']
  ],
  'streams.unp': [["it's", '[[[10,0.5,0],[10,20,5]],[[20,20,15],[20,5,20]],[[30,25,25],[30,24,26]]]']],
  'views.inkml': [
    ['p', '[[[2,0],[3,0]],[[10,0]]]'],
    ['q', '[[[11,0],[12,0]],[[10,0]]]']
  ]
}

t.test('each file holds the ink that its format defines', async (t) => {
  for (const [name, expected] of Object.entries(files)) {
    const found = await readInk([join(folder, name)])
    t.same(
      found.map((ink) => [ink.text, strokesOf(ink)]),
      expected,
      name
    )
  }
  t.same(Object.keys(files), readdirSync(folder).filter((name) => name !== 'board.txt')) // prettier-ignore
  const [letter] = await readInk([join(folder, 'streams.unp')], { level: 'character' })
  t.same([letter!.text, strokesOf(letter!)], ['i', '[[[10,0.5,0],[10,20,5]]]'], 'the caller chooses the level')
  const [set] = await readInk([join(folder, 'sets.unp')])
  t.same(set!.fields, { writer: 'ada', set: 'first', kind: 'DIGIT' })
  const [up] = await readInk([join(folder, 'references.inkml')], { y: 'up' })
  t.equal(strokesOf(up!).slice(0, 15), '[[[1,2],[3,4]],', 'y as the caller says, whatever the channels do')
})

t.test('the text of an IAM-OnDB file lies next to it, or in the tree of the database', async (t) => {
  const session = join(folder, 'board-02.xml')
  const board = t.testdir({ lineStrokes: { a01: {} }, ascii: { a01: { 'board.txt': 'one\ntwo\n' } }, alone: {} })
  cpSync(session, join(board, 'lineStrokes', 'a01', 'board-02.xml'))
  cpSync(session, join(board, 'alone', 'board.xml'))
  const textIn = async (...parts: string[]) => (await readInk([join(board, ...parts)]))[0]!.text
  t.equal(await textIn('lineStrokes', 'a01', 'board-02.xml'), 'two')
  t.equal(await textIn('alone', 'board.xml'), null)
})

t.test('random ink goes through every format unchanged, in pieces of any size', async (t) => {
  const whole = fc.integer({ min: -999, max: 999 })
  const stroke = fc.array(fc.tuple(whole, whole, fc.nat(50)), { minLength: 2, maxLength: 5 })
  const letters = fc.string({ unit: fc.constantFrom(...'ab Zé"\\\'<&>.[{,'), minLength: 1, maxLength: 6 })
  const text = letters.map((word) => word.trim() || 'x')
  const sample = fc.record({ text, strokes: fc.array(stroke, { minLength: 1, maxLength: 3 }) })
  const samples = fc.array(sample, { minLength: 1, maxLength: 3 })
  for (const format of formats) {
    const property = fc.property(samples, fc.nat(), (drawn, seed) => {
      // Times that grow within a stroke, from 0 for the formats that count from the first point.
      const timed = drawn.map(({ text, strokes }): Sample => {
        let time = 0
        const at = (step: number, first: boolean) => (time += first ? 0 : step)
        return { text, strokes: strokes.map((points, s) => points.map(([x, y, d], i) => [x, y, at(d, s + i === 0)])) }
      })
      const random = createRandom(seed, format.name)
      const written = format.write(timed, (n) => random.below(n))
      const kept = format.single ? timed.slice(0, 1) : timed
      const expected = kept.map((one) => [
        format.texts ? one.text : null,
        JSON.stringify(format.times ? one.strokes : one.strokes.map((points) => points.map(([x, y]) => [x, y])))
      ])
      const found = inPieces(written, random.below)
      const same = JSON.stringify(found.map((ink) => [ink.text, strokesOf(ink)])) === JSON.stringify(expected)
      if (!same) t.comment(`${written}\n${JSON.stringify(found)}`)
      return same
    })
    fc.assert(property, { numRuns: long ? 5000 : 150, seed: 1 })
    t.pass(format.name)
  }
})

/** Parses a text cut at random places. */
function inPieces(text: string, below: (n: number) => number): Ink[] {
  const parsers = { '<': xmlInkParser, '.': unipenParser, '{': jsonParser, '[': jsonParser }
  const parser = parsers[text[0] as '<']({ name: 'test' })
  const inks: Ink[] = []
  const longest = 1 + below(40)
  for (let at = 0; at < text.length;) {
    const piece = text.slice(at, (at += 1 + below(longest)))
    for (const draft of parser.write(piece)) inks.push(draft())
  }
  for (const draft of parser.end()) inks.push(draft())
  return inks
}

t.test('JSON text is cut where values end, at any boundary of pieces', async () => {
  const cut = (text: string, pieces: number[]) => {
    const records = jsonRecords('test')
    const found: string[] = []
    let at = 0
    for (const length of [...pieces, text.length]) {
      for (const record of records.write(text.slice(at, at + length))) found.push(record.text)
      at += length
    }
    for (const record of records.end()) found.push(record.text)
    return found.map((one) => JSON.stringify(JSON.parse(one)))
  }
  const blank = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 3 })
  const pieces = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 })
  const values = fc.array(fc.jsonValue(), { minLength: 1, maxLength: 4 })
  // A list is written with a value before it that is none, so that it is not taken for a list of samples.
  const isList = (value: unknown) =>
    Array.isArray(value) && typeof value[0] === 'object' && value[0] !== null && !Array.isArray(value[0])
  const plain = values.filter((all) => !all.some(isList))
  fc.assert(
    fc.property(plain, blank, pieces, (all, between, cuts) => {
      const text = all.map((value) => `${between}${JSON.stringify(value)}\n`).join('')
      return JSON.stringify(cut(text, cuts)) === JSON.stringify(all.map((value) => JSON.stringify(value)))
    })
  )
  const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(objects, blank, pieces, (all, between, cuts) => {
      const text = `${between}[${between}${all.map((one) => JSON.stringify(one)).join(`${between},${between}`)}${between}]`
      return JSON.stringify(cut(text, cuts)) === JSON.stringify(all.map((one) => JSON.stringify(one)))
    })
  )
})

t.test('what stays refused names the line and the way in', async (t) => {
  const refused: [text: string, message: RegExp][] = [
    [
      '.PEN_DOWN\n1 2\n.INCLUDE other.dat\n',
      /line 3 .*INCLUDE other.dat.*: put the text of that file in place of this line, or remove the line/
    ],
    ['.SEGMENT A 0\n.SEGMENT B 0\n.PEN_DOWN\n1 2\n3 4', /line 1 .*the levels A, B: choose one as the level/],
    ['.SEGMENT A 0:0-0:2\n.PEN_DOWN\n1 2\n3 4', /points from 0 to 1 of component 0 in line 1/],
    ['.SEGMENT A 1-0\n.PEN_DOWN\n1 2\n.PEN_UP\n3 4', /components from 0 to 1/],
    ['.SEGMENT A 0 OK "abc\n.PEN_DOWN\n1 2\n', /line 1 .*the end of a label|end of a label in line 1/],
    [
      '<ink>\n<trace contextRef="other.inkml#c">1 2</trace></ink>',
      /within this file in line 2 .*put both into one file/
    ],
    ['<ink>\n<traceView traceDataRef="#gone"/></ink>', /the id of an element in line 2 of test but received "#gone"/],
    ['<ink><trace>1 2</trace>\n<traceView xml:id="v" traceDataRef="#v"/></ink>', /a view of itself/],
    [
      '<ink><trace>1 2<trace xml:id="b">3 4</trace></trace><traceView traceDataRef="#b"/></ink>',
      /a trace in the document/
    ],
    ['<ink><context xml:id="a" contextRef="#b"/><context xml:id="b" contextRef="#a"/></ink>', /a circle/],
    [
      '<ink><definitions><trace xml:id="a">1 2, 3 4</trace></definitions>\n<traceView traceDataRef="#a" to="9"/></ink>',
      /from and to within its 2 points in line 1 of test but received 1 to 9/
    ],
    ['<svg>\n</svg>', /<ink> element .*: convert it to InkML, or to stroke JSON/],
    ['{"drawing": [[[1, 2], [3]]]}', /line 1 .*points as \[x, y\] belong into "strokes"/],
    ['[[null, true, 0], [1, 1, 1]]', /numbers from -1e12 to 1e12 as dx and dy of offset 1 in line 1/],
    ['[[1, 1, 1, 1, 0]]', /one p of 1/],
    ['[[1, 1, 0, 0, 1], [1, 1, 1, 0, 0]]', /no point after the end of the drawing/],
    ['[{"strokes": [[[0, 0], [1, 1]]]} {"strokes": 5}]', /"," or "\]" after a sample/],
    ['{"strokes": [[[0, 0], {"x": 1}]]}', /numbers from -1e12 to 1e12 as point 2|\{x, y, t\} as point 2/]
  ]
  for (const [text, message] of refused) {
    t.throws(() => [...parseInk(text, 'test')].map((draft) => draft()), { message }, text.slice(0, 60))
  }
  const unknown = '.SEGMENT A ? OK "x"\n.SEGMENT A 0 OK "y"\n.PEN_DOWN\n1 2\n3 4'
  const codes = [...parseInk(unknown, 'test')].map((draft) => {
    try {
      return draft().text
    } catch (error) {
      return (error as { code: string }).code
    }
  })
  t.same(codes, ['ERR_INVALID_INK', 'y'])
  const message = /segments of the level LINE in test but received A: choose one of these/
  t.throws(() => [...parseInk(unknown, 'test', { level: 'LINE' })], { message })
})

t.test('every file is still read after damage, or refused by a typed error', async () => {
  const texts = Object.keys(files).map((name) => readFileSync(join(folder, name), 'utf8'))
  const damage = fc.record({
    text: fc.constantFrom(...texts),
    at: fc.nat(3000),
    length: fc.nat(60),
    put: fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom('NaN', '1e999', '-', '"', '<', '#t', ',', ':', '.SEGMENT ', '.PEN_UP', '[', '{', ']]>', '\0')
    )
  })
  fc.assert(
    fc.property(damage, ({ text, at, length, put }) => {
      const from = at % text.length
      try {
        for (const draft of parseInk(text.slice(0, from) + put + text.slice(from + length), 'test')) {
          if (!draft().strokes.every(({ x, y }) => x.every(Number.isFinite) && y.every(Number.isFinite))) return false
        }
        return true
      } catch (error) {
        return (error as { name: string }).name === 'GatecellError'
      }
    }),
    { numRuns: long ? 20_000 : 600 }
  )
})
