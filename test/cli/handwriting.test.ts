// The commands of handwriting, as a user runs them: train, read, evaluate, trace, write.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseXml } from '../../src/data/ink/formats/xml.js'
import { inkSamples, ndjson } from '../ink-samples.js'
import { gatecell } from './command.js'
import { long } from '../amounts.js'
import { inProcess } from './in-process.js'

const cwd = t.testdir({ 'ink.ndjson': ndjson(inkSamples(60)) })
const small = '--hidden 12 --batch 8 --steps 40 --threads 1'.split(' ')
const run = async (...words: string[]) => await inProcess(words, undefined, cwd)
const svg = (name: string) => parseXml(readFileSync(join(cwd, name), 'utf8'), name)

t.test('a reader', async (t) => {
  const train = ['train', 'handwriting-recognition', 'ink.ndjson', '--out', 'reader.safetensors', ...small]
  const trained = await run(...train, '--log-dir', 'log', '--json')
  t.equal(trained.code, 0, trained.stderr)
  t.match(trained.records[0], { event: 'start', task: 'handwriting-recognition', samples: { train: 54, valid: 6 } })
  t.match(trained.records.at(-1), { event: 'end', steps: 40, valid_cer: Number, valid_exact: Number })
  t.match(await run(...train), { code: 1, stderr: /ERR_FILE_EXISTS/ })
  t.match(await run(...train, '--resume', '--hidden', '13'), { code: 2, stderr: /Expected hidden 12/ })

  writeFileSync(join(cwd, 'unknown.ndjson'), ndjson([{ ...inkSamples(1)[0]!, text: 'lxv' }]))
  const unknown = await run('evaluate', 'reader.safetensors', 'unknown.ndjson')
  t.match(unknown, { code: 1, stderr: /'x'.*train on ink whose texts have them.*ERR_UNKNOWN_SYMBOL/ })
  t.notMatch(unknown.stderr, /minimum count/, 'an option that readers do not have')

  const measured = await run('evaluate', 'reader.safetensors', 'ink.ndjson', '--part', 'valid', '--json')
  const fields = { task: 'handwriting-recognition', samples: 6, cer: Number, exact: Number, nats: Number }
  t.match(measured.records[0], fields)
  const read = await gatecell(['read', 'reader.safetensors', 'ink.ndjson', '--json', '--beam', '4'], { cwd })
  t.equal(read.records.length, 60)
  t.match(read.records[0], { event: 'read', text: String, truth: String, source: 'line 1 of ink.ndjson' })
  for (const { nats, readings } of read.records) {
    const [best] = readings as { nats: number; score: number }[]
    t.ok(best!.nats >= 0 && best!.score <= 0, 'nats is a loss, as in evaluate; score is a log probability')
    t.equal(nats, best!.nats)
  }
  writeFileSync(join(cwd, 'words.txt'), read.records.map(({ truth }) => `${String(truth)}\n`.repeat(20)).join(''))
  const text = await run('train', 'text', 'words.txt', '--out', 'lm.safetensors', ...small)
  t.equal(text.code, 0, text.stderr)
  const helped = await run(
    'read',
    'reader.safetensors',
    'ink.ndjson',
    '--json',
    '--lm',
    'lm.safetensors',
    '--best',
    '2'
  )
  t.equal(helped.code, 0, helped.stderr)
  t.equal(helped.records.length, 60)
  t.match(helped.records[0], { text: String, readings: [{ score: Number }], points: Number })
  writeFileSync(join(cwd, 'lexicon.txt'), '\ufeff  lv \r\n\r\nlxv zz\n')
  const listed = await run('read', 'reader.safetensors', 'ink.ndjson', '--json', '--lexicon', 'lexicon.txt')
  t.match(listed.records[0], { event: 'omitted_words', words: 1, examples: ['lxv'] })
  t.ok(
    listed.records.slice(1).every(({ text }) => /^((lv|zz)( (lv|zz))*)?$/.test(String(text))),
    'a byte order mark, blanks and carriage returns belong to no word'
  )
  writeFileSync(join(cwd, 'foreign.txt'), 'АБВГДЕ'.repeat(500))
  await run('train', 'text', 'foreign.txt', '--out', 'foreign.safetensors', ...small)
  const foreign = await run('read', 'reader.safetensors', 'ink.ndjson', '--lm', 'foreign.safetensors')
  t.match(foreign, { code: 1, stderr: /text model with symbols of the reader's.*ERR_UNKNOWN_SYMBOL/ })
  t.equal(foreign.stdout, '', 'no empty readings')
  const other = await run('read', 'reader.safetensors', 'ink.ndjson', '--lm', 'reader.safetensors')
  t.match(other, { code: 1, stderr: /ERR_WRONG_TASK/ })
  const refused = await run('read', 'reader.safetensors', 'ink.ndjson', '--pen')
  t.match(refused, { code: 1, stderr: /ERR_UNSUPPORTED/ })

  const pictures = ['--svg', 'still.svg', '--moving-svg', 'moving.svg']
  const traced = await run('trace', 'reader.safetensors', 'ink.ndjson', '--sample', '3', ...pictures, '--json')
  t.equal(traced.code, 0, traced.stderr)
  t.match(traced.records[0], { event: 'trace', text: String, points: Array, letters: Array, layers: Array })
  t.equal(svg('still.svg').name, 'svg')
  t.match(readFileSync(join(cwd, 'moving.svg'), 'utf8'), /<animate /)
  const beyond = await run('trace', 'reader.safetensors', 'ink.ndjson', '--sample', '99')
  t.match(beyond, { code: 2, stderr: /a sample from 1 to 60/ })
})

type Figures = Record<string, number>

t.test('a writer', async (t) => {
  const train = ['train', 'handwriting-synthesis', 'ink.ndjson', '--out', 'writer.safetensors', ...small]
  const trained = await run(...train, '--gaussians', '3', '--json')
  t.equal(trained.code, 0, trained.stderr)
  t.match(trained.records.at(-1), { valid_nats: Number, valid_gaussian_nats: Number, valid_mixture_nats: Number })
  const measured = await run('evaluate', 'writer.safetensors', 'ink.ndjson', '--json')
  t.match(measured.records[0], { task: 'handwriting-synthesis', samples: 60, nats: Number, mixture_nats: Number })
  const { nats, gaussian_nats: gaussian, mixture_nats: mixture, below_mixture: below } = measured.records[0] as Figures
  t.ok(nats! < gaussian!)
  t.equal(below, mixture! - nats!)

  const kept = ['--prime', 'ink.ndjson', '--save-style', 'style.json', '--svg', 'out.svg', '--out', 'out.json']
  const wrote = await gatecell(['write', 'writer.safetensors', 'lv', ...kept, '--points', '40'], { cwd })
  t.equal(wrote.code, 0, wrote.stderr)
  t.equal(svg('out.svg').name, 'svg')
  t.match(JSON.parse(readFileSync(join(cwd, 'out.json'), 'utf8')), { text: 'lv', strokes: Array, bias: 0.5, seed: 0 })
  const again = await run('write', 'writer.safetensors', 'lv', '--style', 'style.json', '--points', '40', '--json')
  const strokes = (JSON.parse(readFileSync(join(cwd, 'out.json'), 'utf8')) as { strokes: unknown }).strokes
  t.same(again.records[0]!['strokes'], strokes, 'a style that was kept is the style')
  t.match(await run('write', 'writer.safetensors', 'lxv'), { code: 1, stderr: /'x'.*ERR_UNKNOWN_SYMBOL/ })
  writeFileSync(join(cwd, 'broken.json'), '{"text": 1}')
  const broken = await run('write', 'writer.safetensors', 'lv', '--style', 'broken.json')
  t.match(broken, { code: 1, stderr: /ERR_FILE_FORMAT/ })
  t.match(await run('read', 'writer.safetensors', 'ink.ndjson'), { code: 1, stderr: /ERR_WRONG_TASK/ })
})

t.test('a writer and a reader', async (t) => {
  writeFileSync(join(cwd, 'seen.ndjson'), ndjson(inkSamples(20)))
  const words = ['evaluate', 'writer.safetensors', 'ink.ndjson', '--reader', 'reader.safetensors', '--json']
  const all = await run(...words, '--count', '7', '--bias', '1', '--seed', '3')
  t.equal(all.code, 0, all.stderr)
  t.match(all.records[0], { nats: Number, written: 7, cer: Number, exact: Number, cut: Number, bias: 1, seed: 3 })
  const seen = new Set(inkSamples(20).map(({ text }) => text))
  const left = inkSamples(60).filter(({ text }) => !seen.has(text)).length
  const unseen = await run(...words, '--unseen', 'seen.ndjson')
  t.match(unseen.records[0], { written: left, bias: 0.5, seed: 0 })
  t.match(await run(...words, '--unseen', 'ink.ndjson'), { code: 1, stderr: /at least one text.*ERR_CORPUS_EMPTY/ })
  const narrow = await run('evaluate', 'writer.safetensors', 'ink.ndjson', '--weights', 'int8')
  t.equal(narrow.code, 2)
  t.match(narrow.stderr, /--weights only for a text or handwriting-recognition model .* "handwriting-synthesis" model/)
  const swapped = ['evaluate', 'reader.safetensors', 'ink.ndjson', '--reader', 'reader.safetensors']
  t.match(await run(...swapped), { code: 2, stderr: /Expected --reader only for a handwriting-synthesis model/ })
})

t.test('the tour', async (t) => {
  const toured = await gatecell(['tour', '--handwriting', '--steps', '8', '--out', 'tour'], { cwd })
  t.equal(toured.code, 1, 'too short to learn, and not reported as a success')
  t.match(toured.stdout, /It writes "gatecell".*\n[^]*read: "\w*"[^]*Of 40 more words/)
  t.match(toured.stderr, /did not read the word/)
  for (const name of ['gatecell', 'gatecell-moving']) t.equal(svg(`tour/${name}.svg`).name, 'svg')
  t.match(await run('tour', '--handwriting', '--time-limit', '4s'), { code: 2, stderr: /Expected --steps/ })
  t.match(await run('tour', 'story.txt', '--handwriting'), { code: 2, stderr: /Expected no text with --handwriting/ })
})

t.test('the tour at its full length is read', { skip: !long && 'a long test (npm run test:all)' }, async (t) => {
  const toured = await run('tour', '--handwriting', '--out', 'full')
  t.match(toured, { code: 0, stdout: /read: "gatecell"/ })
})

t.test('what a text model remembers', async (t) => {
  writeFileSync(join(cwd, 'text.txt'), 'to be or not to be, that is the question. '.repeat(30))
  const trained = await run('train', 'text', 'text.txt', '--out', 'text.safetensors', ...small)
  t.equal(trained.code, 0, trained.stderr)
  const traced = await run('trace', 'text.safetensors', 'text.txt', '--json')
  t.match(traced.records[0], { event: 'trace', task: 'text', reach: Array, reachSteps: Number })
  const [layer] = traced.records[0]!['layers'] as { meanForget: number; keptAfter10: number; forget: number[] }[]
  t.ok(layer!.meanForget > 0 && layer!.meanForget < 1)
  const kept = layer!.forget.reduce((sum, gate) => sum + gate ** 10, 0) / layer!.forget.length
  t.ok(Math.abs(kept - layer!.keptAfter10) < 1e-9)
})

t.test('help with examples', async (t) => {
  for (const words of [
    ['read'],
    ['write'],
    ['trace'],
    ['train', 'handwriting-synthesis'],
    ['train', 'handwriting-recognition']
  ])
    t.match((await run(...words, '--help')).stdout, /Examples?:\n {2}npx gatecell/)
})
