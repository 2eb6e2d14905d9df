// Recipes that leave people or fonts out: nothing of those left out gets into the training, the files are functions of the
// seed, and the figures are means over the folds.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { isDeepStrictEqual, promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { root } from '../cli/command.js'

interface Sample {
  text: string
  writer: number
  strokes: number[][][]
}

const bench = (name: string) => import(pathToFileURL(join(root, 'bench', 'data', name)).href)

/** Returns a font of three letters. `shift` moves their points, so that fonts with different shifts differ. */
function font(shift: number): string {
  const glyph = (name: string, d: string) => `<glyph unicode="${name}" horiz-adv-x="${400 + shift}" d="${d}" />`
  const letters = [
    glyph('x', `M ${shift} 300 L 300 0 M 300 300 L 0 0`),
    glyph('a', `M 300 ${200 + shift} L 0 150 C 0 0 200 0 300 100 M 300 300 L 300 0`),
    glyph('b', `M 0 700 L 0 0 L 250 ${shift} L 250 300 L 0 300 Z`),
    glyph('&#x26;', 'M 0 0 L 1e2 100')
  ]
  return `<svg><font>${letters.join('\n')}</font></svg>`
}

const hands = {
  texts: ['abba', 'xa', 'bab ab'],
  excluded: new Set(['ax']),
  count: 60,
  seed: 7
}

t.test('words by hand', async (t) => {
  const { handWords } = await bench('hand-words.mjs')
  const { parseFont, readFonts, families } = await bench('stroke-fonts.mjs')
  const dir = t.testdir({
    one: { 'First.svg': font(0) },
    two: { 'First.svg': font(0), 'EMSNixish.svg': font(90), 'EMSNixishItalic.svg': font(50) }
  })
  const alone = handWords({ ...hands, fonts: join(dir, 'one'), leftOut: [] }) as Sample[]
  const without = handWords({ ...hands, fonts: join(dir, 'two'), leftOut: ['EMSNixish'] }) as Sample[]
  t.ok(isDeepStrictEqual(without, alone), 'with a family left out the words are those of a folder without it')
  t.notOk(isDeepStrictEqual(handWords({ ...hands, fonts: join(dir, 'two'), leftOut: [] }), alone))
  t.notOk(isDeepStrictEqual(handWords({ ...hands, fonts: join(dir, 'one'), leftOut: [], seed: 8 }), alone))
  t.equal(alone.length, hands.count)
  for (const { text, strokes } of alone) {
    t.match(text, /^[abx ]+$/)
    t.notOk(text.split(' ').includes('ax'), 'an excluded word')
    t.ok(strokes.length > 0 && strokes.every((stroke) => stroke.length > 0))
    t.ok(strokes.flat(2).every((value) => Number.isInteger(value) && Math.abs(value) < 20000))
  }
  t.ok(readFonts(join(dir, 'two')).every((one: { family: string }) => one.family === 'First' || one.family in families))
  const { glyphs } = parseFont(font(0), 'First')
  t.same(glyphs.get('b').strokes[0].at(-1), [0, 700], 'Z goes back to the beginning')
  t.equal(glyphs.get('a').strokes[0].length, 10, 'a curve is eight points')
  t.ok(glyphs.has('&'))
  t.throws(() => parseFont('<glyph unicode="x" d="M 0 0 Q 1 1 2 2" />', 'First'), /commands M, L, C and Z/)
})

/** Digits of writers 1 to 4; the writer is to be seen in the strokes. */
const digits = Array.from({ length: 80 }, (_, i) => {
  const [label, writer] = [i % 2 === 0 ? '0' : '1', 1 + (i % 4)]
  const shape = label === '0' ? [[0, 100], [50, 0], [100, 100], [50, 200], [0, 100]] : [[50, 200], [45, 100], [40, writer]] // prettier-ignore
  return { label, comment: `${label} ${writer}  ${i}`, strokes: [shape.map(([x, y]) => [x! + writer, y! + i])] }
})

t.test('strings of digits', async (t) => {
  const { digitStrings, numbersOf, writerOf } = await bench('digit-strings.mjs')
  t.same(numbersOf('1-3,7'), [1, 2, 3, 7])
  t.equal(writerOf(digits[0]), 1)
  const strings = digitStrings(digits, 50, 3) as Sample[]
  t.ok(isDeepStrictEqual(strings, digitStrings(digits, 50, 3)))
  t.notOk(isDeepStrictEqual(strings, digitStrings(digits, 50, 4)))
  for (const { text, writer, strokes } of strings) {
    t.match(text, /^[01]{3,8}$/)
    t.equal(strokes.length, text.length)
    t.ok([...text].every((symbol) => digits.some((one) => one.label === symbol && writerOf(one) === writer)))
  }
})

t.test('folds from data to means', async (t) => {
  const data = digits.map((one) => JSON.stringify(one) + '\n').join('')
  const cwd = t.testdir({ recipes: {}, data: { 'digits.ndjson.gz': gzipSync(data) } })
  const recipe = {
    title: 'Two kinds of digits',
    task: 'handwriting-recognition',
    data: { file: 'digits.ndjson.gz', sha256: createHash('sha256').update(data).digest('hex') },
    train: '--hidden 8 --layers 1 --steps 20 --lr 0.02 --threads 1'.split(' '),
    evaluate: ['--threads', '1'],
    folds: {
      make: 'writers',
      leftOut: ['1-2', '3'],
      bars: [
        { test: 'people', metric: 'exact', better: 'higher', target: 0.9, against: 'chance' },
        { test: 'people', metric: 'cer', target: 1e-9, against: 'more than can be' }
      ]
    },
    minutes: 1
  }
  writeFileSync(join(cwd, 'recipes', 'digits.json'), JSON.stringify(recipe))
  const words = ['digits', '--recipes', join(cwd, 'recipes'), '--out', join(cwd, 'out')]
  const { NODE_OPTIONS: _, ...env } = process.env
  const run = async (more: string[]) =>
    await promisify(execFile)(process.execPath, [join(root, 'bench', 'recipe.mjs'), ...words, ...more], {
      env: { ...env, GATECELL_DATA: join(cwd, 'data') }
    }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: { code: number; stdout: string }) => error
    )
  const { stdout, code } = await run([])
  t.match(stdout, /without 1-2: people exact .*\n[^]*without 3: /)
  t.match(stdout, /people exact \d\.\d{4} in the mean of 2 folds, target >= 0.9/)
  const result = JSON.parse(readFileSync(join(cwd, 'out', 'digits', 'result.json'), 'utf8'))
  const exact = result.figures.map(({ people }: { people: { exact: number } }) => people.exact)
  t.equal(result.results[0].figure, exact.reduce((sum: number, value: number) => sum + value, 0) / 2)
  t.equal(code, result.results.every(({ passed }: { passed: boolean }) => passed) ? 0 : 1)
  const samples = (path: string) =>
    gunzipSync(readFileSync(join(cwd, 'out', 'digits', path)))
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  const writers = (path: string) => [...new Set(samples(path).map(({ comment }) => comment.split(' ')[1]))].sort()
  t.same(writers('fold-1/train.ndjson.gz'), ['3', '4'])
  t.same(writers('fold-1/people.ndjson.gz'), ['1', '2'])
  t.notOk(readFileSync(join(cwd, 'out', 'digits', 'fold-1', 'log', 'metrics.jsonl'), 'utf8').includes('valid_loss'))
  t.match((await run(['--fold', '2'])).stdout, /in the mean of 1 folds/)
})
