// Readers of ink: what each format means, and that nothing hostile gets through as anything but a typed error.

import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { parseInk, readInk } from '../../../src/data/ink/read.js'
import { createInk, inkPoints, type Ink } from '../../../src/data/ink/strokes.js'
import { GatecellError } from '../../../src/errors.js'

const all = (text: string, y?: 'up' | 'down'): Ink[] =>
  [...parseInk(text, 'test', y ? { y } : {})].map((draft) => draft())
const points = (text: string) => all(text).map(({ strokes }) => inkPoints(strokes))

t.test('stroke JSON', async (t) => {
  const [first, second] = all(
    '{"strokes": [[[0, 1], [2, 3]], [[4, 5]]], "text": "hi", "writer": 7, "nested": {"a": 1}}\n\n' +
      '{"strokes": [[[0, 0, 10], [1, 1, 12.5]]], "label": "x"}\n'
  )
  t.same(inkPoints(first!.strokes), [
    [
      [0, 1],
      [2, 3]
    ],
    [[4, 5]]
  ])
  t.match(first, { text: 'hi', fields: { writer: '7' }, source: 'line 1 of test' })
  t.match(second, { text: 'x', strokes: [{ t: Float64Array.of(10, 12.5) }], source: 'line 3 of test' })
  t.same(points('[{"strokes": [[[1, 2], [3, 4]]]},\n {"strokes": [[[5, 6], [7, 8]]]}]').length, 2)
  t.same(points('{"strokes":\n [[[1, 2],\n [3, 4]]]}'), [
    [
      [
        [1, 2],
        [3, 4]
      ]
    ]
  ])
  t.same(all('{"strokes": [[[1, 2], [3, 4]]]}', 'down')[0]!.strokes[0]!.y, Float64Array.of(-2, -4))
})

t.test('stroke-3: offsets, y down', async (t) => {
  t.same(points('[[0,0,0],[1,2,1],[3,-1,0],[1,1,1]]'), [
    [
      [
        [0, -0],
        [1, -2]
      ],
      [
        [4, -1],
        [5, -2]
      ]
    ]
  ])
})

const unipen = `.VERSION 1.0
.COORD X Y T
.SEGMENT DIGIT 0-1 ? "4"
.COMMENT 4 26 1
.PEN_DOWN
 1 2 0
 3 4 10
.PEN_UP
.DT 100
.PEN_DOWN
 5 6 20
.PEN_UP
.SEGMENT DIGIT 2 ? "\\"q\\""
.PEN_DOWN
 7 8 30
 9 10 40
.PEN_UP
`

t.test('UNIPEN', async (t) => {
  const [four, quoted] = all(unipen)
  t.match(four, { text: '4', fields: { kind: 'DIGIT', comment: '4 26 1' } })
  t.same(inkPoints(four!.strokes), [
    [
      [1, 2, 0],
      [3, 4, 10]
    ],
    [[5, 6, 20]]
  ])
  t.equal(quoted!.text, '"q"')
  t.equal(all('.PEN_DOWN\n1 2\n3 4\n.PEN_UP\n').length, 1, 'without segments the file is one sample')
})

const inkml = `<?xml version="1.0"?>
<!-- a comment --><ink xmlns="http://www.w3.org/2003/InkML">
<traceFormat><channel name="X" type="integer"/><channel name="Y"/><channel name="T"/></traceFormat>
<annotation type="truth">whole</annotation>
<trace xml:id="a">1 2 0, 3 4 1</trace><trace type="penUp">9 9 9</trace>
<trace>10 10 0, '2 '-1 '1, "1 "0 "0, 3 * 2</trace>
</ink>`

t.test('InkML', async (t) => {
  const [whole] = all(inkml)
  t.equal(whole!.text, 'whole')
  t.same(inkPoints(whole!.strokes), [
    [
      [1, -2, 0],
      [3, -4, 1]
    ],
    // Second differences: the speed of (2, -1, 1) grows by (1, 0, 0), then by (3, 0, 2).
    [
      [10, -10, 0],
      [12, -9, 1],
      [15, -8, 2],
      [21, -7, 5]
    ]
  ])
  const grouped = `<ink><trace id="a">0 0, 1 1</trace><trace id="b">5 5, 6 6</trace>
    <traceGroup><annotation type="truth">&lt;&#65;</annotation><traceView traceDataRef="#b"/></traceGroup></ink>`
  t.match(all(grouped), [{ text: '<A' }])
  t.same(points(grouped), [
    [
      [
        [5, -5],
        [6, -6]
      ]
    ]
  ])
})

t.test('what is refused, and how', async (t) => {
  const refused: [string, string, RegExp][] = [
    ['ERR_FILE_FORMAT', 'hello', /UNIPEN, InkML or IAM-OnDB XML in line 1 of test .* convert it/],
    ['ERR_FILE_FORMAT', '{"strokes": [', /JSON in line 1 of test/],
    ['ERR_FILE_FORMAT', '{"text": "a"}', /an array as "strokes"/],
    ['ERR_INVALID_INK', '{"strokes": [[1, 2]]}', /as point 1 in stroke 1/],
    ['ERR_FILE_FORMAT', '{"strokes": [1]}', /array of points as stroke 1/],
    ['ERR_FILE_FORMAT', '{"strokes": [[[0,0],[1,1]]], "text": 5}', /a string as "text"/],
    ['ERR_INVALID_INK', '{"strokes": []}', /at least one stroke .* received none/],
    ['ERR_INVALID_INK', '{"strokes": [[[1, 2]]]}', /at least two points .* a single one/],
    ['ERR_INVALID_INK', '{"strokes": [[[1, 2], [1e400, 2]]]}', /numbers from -1e12 to 1e12 as point 2/],
    ['ERR_INVALID_INK', '{"strokes": [[[1, 2], [null, 2]]]}', /numbers from -1e12 to 1e12/],
    ['ERR_INVALID_INK', '{"strokes": [[[1, 2, 5], [1, 2, 4]]]}', /a time that does not fall/],
    ['ERR_INVALID_INK', '{"strokes": [[], [[1, 2], [1, 2]]]}', /stroke 1 .* none/],
    ['ERR_FILE_FORMAT', '[[1, 2, 3]]', /\[dx, dy, 0 or 1\] as offset 1/],
    ['ERR_FILE_FORMAT', '.SEGMENT DIGIT 4 ? "4"\n.PEN_DOWN\n1 2\n', /components from 0 to 0/],
    ['ERR_FILE_FORMAT', '.PEN_DOWN\n1 2 3\n', /points of 2 numbers \(X Y\) in line 2/],
    ['ERR_FILE_FORMAT', '.VERSION 1.0\n', /ink after \.PEN_DOWN/],
    [
      'ERR_FILE_FORMAT',
      '<!DOCTYPE ink [<!ENTITY a "b">]><ink/>',
      /no definitions of entities .* remove the document type/
    ],
    ['ERR_FILE_FORMAT', '<ink>&a;</ink>', /well-formed XML .*undefined entity/],
    ['ERR_FILE_FORMAT', '<ink><trace>1 2</ink>', /well-formed XML in line 1/],
    ['ERR_FILE_FORMAT', '<html/>', /an <ink> element/],
    ['ERR_FILE_FORMAT', '<ink><trace>1 2 3, 4 5 6</trace></ink>', /points of 2 values/],
    ['ERR_FILE_FORMAT', '<ink>'.repeat(70), /at most 64 levels of elements/],
    ['ERR_INVALID_INK', '<ink/>', /at least one stroke/],
    ['ERR_INVALID_INK', `{"strokes": [[${'[1,2],'.repeat(2 ** 17)}[1,2]]]}`, /at most 131072 points/]
  ]
  for (const [code, text, message] of refused) t.throws(() => all(text), { code, message }, text.slice(0, 40))
})

t.test('files: gzip, skipping, folders', async (t) => {
  const good = '{"strokes": [[[0,0],[1,1]]], "text": "a"}'
  const folder = t.testdir({
    'a.ndjson.gz': gzipSync(`${good}\n{"strokes": [[[0,0]]]}\n${good}`),
    'notes.txt': 'no ink',
    'broken.json': '{"strokes": ',
    empty: {}
  })
  const packed = join(folder, 'a.ndjson.gz')
  await t.rejects(readInk([packed]), { code: 'ERR_INVALID_INK', message: /line 2/ })
  const bad: string[] = []
  const options = { onBad: (error: GatecellError) => void bad.push(error.code) }
  t.equal((await readInk([packed], options)).length, 2)
  t.same(bad, ['ERR_INVALID_INK'])
  t.equal((await readInk([folder], options)).length, 2, 'files of a folder that are no ink are told')
  t.equal(bad.filter((code) => code === 'ERR_FILE_FORMAT').length, 2)
  await t.rejects(readInk([join(folder, 'broken.json')], options), { code: 'ERR_FILE_FORMAT' })
  async function* stdin() {
    yield Buffer.from(good.slice(0, 10))
    yield Buffer.from(good.slice(10))
  }
  t.equal((await readInk(['-'], { stdin: stdin() }))[0]!.text, 'a')
  await t.rejects(readInk([join(folder, 'none')]), { code: 'ERR_FILE_NOT_FOUND' })
})

t.test('anything at all is ink or a typed error', async () => {
  const typed = (text: string) => {
    try {
      for (const ink of all(text)) if (ink.strokes.some(({ x }) => !x.every(Number.isFinite))) return false
      return true
    } catch (error) {
      return error instanceof GatecellError
    }
  }
  const seeds = [unipen, inkml, '{"strokes": [[[0, 1, 2], [2, 3, 4]]], "text": "hi"}', '[[0,0,0],[1,2,1]]']
  fc.assert(fc.property(fc.string({ maxLength: 200 }), typed), { numRuns: 100 })
  fc.assert(fc.property(fc.json(), typed), { numRuns: 100 })
  const cuts = fc.record({
    seed: fc.constantFrom(...seeds),
    at: fc.nat(1000),
    length: fc.nat(40),
    put: fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('NaN', '1e999', '-', '"', '<', '>', '&#0;', ']]>', '\0'))
  })
  const damaged = fc.property(cuts, ({ seed, at, length, put }) => {
    const from = at % seed.length
    return typed(seed.slice(0, from) + put + seed.slice(from + length))
  })
  fc.assert(damaged, { numRuns: 400 })
})

t.test('strokes go through JSON unchanged', async () => {
  const number = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value + 0)
  const stroke = fc.array(fc.tuple(number, number), { minLength: 2, maxLength: 5 })
  fc.assert(
    fc.property(fc.array(stroke, { minLength: 1, maxLength: 4 }), (strokes) => {
      const text = JSON.stringify({ strokes: inkPoints(createInk(strokes).strokes) })
      return JSON.stringify(points(text)[0]) === JSON.stringify(strokes)
    })
  )
})
