// Hints of the training commands: a large output layer, and a reader that has not begun to read; none in a healthy run.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inkSamples, ndjson } from '../../ink-samples.js'
import { story, tiny } from '../command.js'
import { inProcess } from '../in-process.js'

/** A text of `count` different characters: those below 300 occur 12 times, the others once. */
function characters(count: number): string {
  const at = (i: number) => String.fromCodePoint(0x4e00 + i)
  const all = Array.from({ length: count }, (_, i) => at(i)).join('')
  const common = Array.from({ length: 300 }, (_, i) => at(i)).join('')
  return all + common.repeat(11)
}

const cwd = t.testdir({
  'many.txt': characters(2000),
  'story.txt': story(8000),
  'ink.ndjson': ndjson(inkSamples(60))
})
const run = (...words: string[]) => inProcess(words, undefined, cwd)
const hints = ({ records }: { records: Record<string, unknown>[] }) => records.filter(({ event }) => event === 'hint')

t.test('a text of many different characters', async (t) => {
  const words = ['train', 'text', 'many.txt', '--out', 'many.safetensors', ...tiny, '--hidden', '64', '--layers', '1']
  const { code, stdout, stderr } = await run(...words, '--steps', '2')
  t.equal(code, 0, stderr)
  t.match(stdout, /network {2}1 x 64 LSTM, output layer 80 % of the multiplications, /, 'shown in every run')
  const message =
    /hint {5}the output layer takes 80 % .* 2,000 different characters: --min-count 2 keeps 301 symbols .*, --vocabulary byte has 256 symbols\n/
  t.match(stdout, message)
  const inspected = await run('inspect', 'many.safetensors')
  t.match(inspected.stdout, /output layer 80 % of the multiplications/)
  const structured = await run('inspect', 'many.safetensors', '--json')
  const share = (2000 * 64) / (2000 * 64 + 4 * 64 * (64 + 64))
  t.match(structured.records[0], { output_layer_share: Number })

  const programs = await run(...words, '--steps', '2', '--force', '--log-dir', 'log', '--json')
  t.match(programs.records[0], { event: 'start', output_layer_share: Number })
  t.ok(
    Math.abs((programs.records[0]!['output_layer_share'] as number) - share) < 1e-12,
    `of a vocabulary of 2,000: ${share}`
  )
  t.match(hints(programs), [{ hint: 'large-output-layer', message: /--min-count 2/ }])
  t.match(readFileSync(join(cwd, 'log/metrics.jsonl'), 'utf8'), /"hint":"large-output-layer"/)

  const resumed = await run(...words, '--steps', '3', '--resume', '--json')
  t.same(hints(resumed), [], 'a resumed run keeps its vocabulary')
  const smaller = await run(...words, '--steps', '2', '--force', '--min-count', '2', '--json')
  t.equal(smaller.code, 0, smaller.stderr)
  t.same(hints(smaller), [], 'the minimum count of the hint makes it go away')
})

t.test('a text of few characters has no hint', async (t) => {
  const { records, code, stderr } = await run('train', 'text', 'story.txt', '--out', 'm.safetensors', ...tiny, '--json')
  t.equal(code, 0, stderr)
  t.same(hints({ records }), [])
})

t.test('a reader that has not begun to read', async (t) => {
  const train = ['train', 'handwriting-recognition', 'ink.ndjson', '--hidden', '12', '--batch', '8', '--threads', '1']
  const early = ['--out', 'early.safetensors', '--steps', '40', '--valid-every', '10', '--log-dir', 'ink-log']
  const programs = await run(...train, ...early, '--json')
  t.equal(programs.code, 0, programs.stderr)
  const found = hints(programs)
  t.equal(found.length, 2, 'once after a quarter of the run, and at its end')
  t.match(found[0], {
    hint: 'not-begun',
    message: /not begun to read.* 6 samples .*train with --augment 0 --dropout 0, more epochs$/
  })
  const at = programs.records.findIndex(({ event }) => event === 'hint')
  t.match(programs.records[at - 1], { event: 'report', step: 10, valid_loss: Number })
  t.match(programs.records.at(-1), { event: 'end', valid_symbols_read: Number })
  t.match(readFileSync(join(cwd, 'ink-log/metrics.jsonl'), 'utf8'), /"hint":"not-begun"/)
  const plain = ['--augment', '0', '--dropout', '0']
  const people = await run(...train, ...early, '--force', '--short-first', '1', ...plain)
  t.match(people.stdout, /valid .*\nhint {5}it has not begun to read: .*: train with more epochs, no --short-first\n/)
})

t.test('a reader that reads has no hint', async (t) => {
  const ink = join(t.testdir({ 'ink.ndjson': ndjson(inkSamples(120)) }), 'ink.ndjson')
  const network = '--hidden 16 --layers 1 --dropout 0 --augment 0.5 --batch 8 --threads 1'.split(' ')
  const length = '--lr 0.02 --steps 600 --valid-every 300'.split(' ')
  const out = ['--out', 'late.safetensors']
  const ended = await run('train', 'handwriting-recognition', ink, ...out, ...network, ...length, '--json')
  t.equal(ended.code, 0, ended.stderr)
  t.same(hints(ended), [])
  t.ok((ended.records.at(-1)!['valid_symbols_read'] as number) > 0.8)
})
