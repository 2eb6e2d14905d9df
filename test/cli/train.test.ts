// The commands for text in use: their files, lines and logs, for people and for programs. Each command runs once in a process of its own,
// as a user runs it, and otherwise in the process of this test.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { digest, gatecell, story, tiny } from './command.js'
import { inProcess } from './in-process.js'

const text = story(8000)
const cwd = t.testdir({
  'story.txt': text,
  'end.txt': text.slice(7200),
  more: { 'a.txt': story(3000), 'b.bin': '\0\0' }
})
const at = (name: string) => join(cwd, name)
const run = (...words: string[]) => inProcess(words, undefined, cwd)
const asUser = (...words: string[]) => gatecell(words, { cwd })
const json = async (...words: string[]): Promise<Record<string, unknown>[]> => {
  const { code, stderr, records } = await run(...words, '--json')
  if (code !== 0) throw new Error(stderr)
  return records
}

let valid = 0

t.test('train text for programs', async (t) => {
  const files = ['story.txt', '--out', 'm.safetensors', '--log-dir', 'log']
  const lengths = ['--steps', '300', '--valid-every', '100', '--json']
  const { code, stderr, records } = await asUser('train', 'text', ...files, ...tiny, ...lengths)
  t.equal(code, 0, stderr)
  t.same([...new Set(records.map((record) => record.event))], ['start', 'report', 'end'])
  t.match(records[0], {
    task: 'text',
    symbols: { train: 7200, valid: 800, test: 0 },
    training: { batch: 4, length: 16, steps: 300 },
    memory_bytes: { process: Number, parameters: Number, step: Number, validation: Number, measurement: Number }
  })
  const { total } = (records[0] as { memory_bytes: { total: number } }).memory_bytes
  const reports = records.filter((record) => record.event === 'report')
  t.same(
    reports.map((report) => report.step),
    [100, 200, 300]
  )
  t.match(reports[0], {
    loss: Number,
    grad_norm: Number,
    learning_rate: Number,
    tokens_per_second: Number,
    waiting: Number,
    valid_loss: Number
  })
  const end = records.at(-1)!
  t.match(end, {
    event: 'end',
    steps: 300,
    stopped: 'steps',
    seconds: Number,
    tokens_per_second: Number,
    waiting: Number,
    valid_tokens: 799
  })
  // The heap of V8 is a large part of a small process, and grows by the mood of its collector: the margin is wide.
  const off = (end.peak_rss_bytes as number) / total
  t.ok(off > 0.6 && off < 1.4, `memory of about the size that was printed before: ${off}`)
  valid = end.valid_nats as number
  t.ok(valid > 0.1 && valid < 2.5, `it learned something: ${valid}`)
  t.ok(existsSync(at('m.last.safetensors')))

  t.same(
    readdirSync(at('log')).filter((name) => !name.includes('tfevents')),
    ['curve.svg', 'metrics.jsonl']
  )
  t.equal(readdirSync(at('log')).filter((name) => name.includes('tfevents')).length, 1)
  t.match(readFileSync(at('log/curve.svg'), 'utf8'), /^<svg[^]*<\/svg>\s*$/)
  const lines = readFileSync(at('log/metrics.jsonl'), 'utf8').trim().split('\n')
  t.same(
    lines.map((line) => (JSON.parse(line) as { event: string }).event),
    ['start', 'report', 'report', 'report', 'end']
  )
})

t.test('train text for people', async (t) => {
  const { code, stdout, stderr } = await run('train', 'text', 'more', '--out', 'people.safetensors', ...tiny)
  t.equal(code, 0, stderr)
  t.match(stdout, /left out 1 file: more\/b\.bin \(binary\)/)
  t.match(stdout, /memory {3}[\d.]+ .B: process and data [\d.]+ .B, parameters/)
  t.match(
    stdout,
    /valid {4}\d\.\d{4} nats, \d\.\d{4} bits a symbol; .* bits a character, .* over the whole validation text, as one stream/
  )
  t.match(stdout, /saved {4}people\.safetensors/)
  t.notMatch(stdout, /\u001b/, 'no drawing where no terminal is')
})

t.test('evaluate', async (t) => {
  const [whole] = (await asUser('evaluate', 'm.safetensors', 'story.txt', '--json')).records
  t.match(whole, { event: 'evaluate', task: 'text', tokens: 7999, part: 'all' })
  const [part] = await json('evaluate', 'm.safetensors', 'story.txt', '--part', 'valid')
  const [narrow] = await json('evaluate', 'm.safetensors', 'story.txt', '--part', 'valid', '--weights', 'int8')
  t.match(narrow, {
    weights: 'int8',
    f32_nats: part!.nats,
    cost_nats: (narrow!.nats as number) - (part!.nats as number)
  })
  t.ok(Math.abs(narrow!.cost_nats as number) < 0.05)
  const [end] = await json('evaluate', 'm.safetensors', 'end.txt')
  t.match(part, { tokens: 799, part: 'valid' })
  t.equal(part!.nats, end!.nats, 'the part that was held back is the last tenth')
  t.equal(part!.nats, valid, 'and the figure of the training')
  t.ok(Math.abs((part!.bits as number) * Math.LN2 - (part!.nats as number)) < 1e-12)
  const [one] = await json('evaluate', 'm.safetensors', 'end.txt', '--threads', '1')
  t.equal(one!.nats, end!.nats)
  const test = await run('evaluate', 'm.safetensors', 'story.txt', '--part', 'test')
  t.match(test.stderr, /part test .* share of 0 .* whole of those files.* \(ERR_CORPUS_EMPTY\)/)
})

t.test('sample', async (t) => {
  const { stdout, code } = await asUser('sample', 'm.safetensors', '--prompt', 'the cell ', '--length', '60')
  t.equal(code, 0)
  t.ok(stdout.startsWith('the cell '))
  t.equal(stdout.length, 'the cell '.length + 60 + 1)
  const [record] = await json('sample', 'm.safetensors', '--prompt', 'the cell ', '--length', '60')
  t.equal(`the cell ${record!.text as string}\n`, stdout, 'the same seed gives the same text')
  t.match(record, { event: 'sample', task: 'text', length: 60, seed: 0, top_k: 0 })
  const sample = async (...words: string[]) =>
    (await json('sample', 'm.safetensors', '--length', '40', ...words))[0]!.text
  t.not(await sample('--seed', '1'), await sample('--seed', '2'))
  t.equal(await sample('--temperature', '0', '--seed', '1'), await sample('--top-k', '1', '--seed', '2'))
  const after = (prompt: string) => sample('--prompt', prompt, '--length', '200', '--temperature', '1')
  t.not(await after('what gate'), await after('it learns'), 'the prompt is in the state')
})

t.test('inspect', async (t) => {
  const [record] = await json('inspect', 'm.safetensors')
  t.match(record, {
    event: 'inspect',
    task: 'text',
    config: { network: { hidden: 12, layers: 2 } },
    progress: { step: 300, validation: { step: 300 } }
  })
  t.match((record!.tensors as unknown[])[0], { name: 'embedding.weight', group: 'weights', dtype: 'F32' })
  const { stdout } = await asUser('inspect', 'm.safetensors')
  t.match(stdout, /network\.hidden +12/)
  t.match(stdout, /lstm\.weight_hh_l1 +F32 \[48, 12\]/)
  const all = readFileSync(at('m.safetensors')).toString('latin1')
  for (const word of ['thread', cwd, 'seconds', 'elapsed', 'avx']) t.notOk(all.includes(word), `no ${word} in the file`)
})

t.test('resume, force', async (t) => {
  const words = [
    'train',
    'text',
    'story.txt',
    ...tiny,
    '--valid-every',
    '10',
    '--schedule',
    'constant',
    '--warmup',
    '0'
  ]
  await json(...words, '--out', 'whole.safetensors', '--steps', '60')
  await json(...words, '--out', 'parts.safetensors', '--steps', '30')
  const again = await json('train', 'text', 'story.txt', '--out', 'parts.safetensors', '--steps', '60', '--resume')
  t.match(again[0], { resumed_from: 30, training: { schedule: 'constant', batch: 4 } })
  t.equal(digest(at('parts.last.safetensors')), digest(at('whole.last.safetensors')), '30 + 30 steps are 60 steps')
  t.equal(digest(at('parts.safetensors')), digest(at('whole.safetensors')))

  const done = await json('train', 'text', 'story.txt', '--out', 'parts.safetensors', '--resume')
  t.match(done.at(-1), { steps: 60 }, 'a finished run has nothing to do')
  t.equal(digest(at('parts.safetensors')), digest(at('whole.safetensors')))
  const none = await json(...words, '--out', 'fresh.safetensors', '--resume', '--steps', '60')
  t.match(none[0], { resumed_from: null }, 'nothing to resume from: it starts')
  t.equal(digest(at('fresh.safetensors')), digest(at('whole.safetensors')))
  const replaced = await json(...words, '--out', 'fresh.safetensors', '--force', '--seed', '5')
  t.match(replaced.at(-1), { steps: 30 })
})

t.test('settings: splits, files, bytes, rare characters, early stop', async (t) => {
  const train = (...words: string[]) => json('train', 'text', ...tiny, ...words)
  const [split] = await train('story.txt', '--out', 'split.safetensors', '--valid', '0.1', '--test', '0.1')
  t.match(split, { symbols: { train: 6400, valid: 800, test: 800 } })
  const [file] = await train('story.txt', '--valid-file', 'end.txt', '--out', 'file.safetensors')
  t.match(file, { symbols: { train: 8000, valid: 800 } })
  const none = await train('story.txt', '--valid', '0', '--out', 'none.safetensors')
  t.match(none.at(-1), { valid_nats: null, best_step: null })
  const groupsOf = async (name: string) =>
    ((await json('inspect', name))[0]!.tensors as { group: string; name: string }[]).map(({ group }) => group)
  t.same([...new Set(await groupsOf('none.safetensors'))], ['weights'], 'without validation the last is the best')
  t.same([...new Set(await groupsOf('none.last.safetensors'))].sort(), ['moment1', 'moment2', 'state', 'weights'])
  writeFileSync(at('utf8.txt'), `${text}\nnaïve ☃ 🙂`)
  const [bytes] = await train('utf8.txt', '--vocabulary', 'byte', '--out', 'bytes.safetensors')
  t.match(bytes, { vocabulary: { kind: 'byte', size: 256 } })
  t.equal((await run('sample', 'bytes.safetensors', '--prompt', 'naïve', '--length', '9')).code, 0)
  const [rare] = await train('utf8.txt', '--min-count', '3', '--out', 'rare.safetensors')
  const { size } = rare!.vocabulary as { size: number }
  t.ok(size < new Set(text).size + 2)
  t.equal(
    (await run('sample', 'rare.safetensors', '--prompt', '☃', '--length', '9')).code,
    0,
    'unknown symbols are <unk>'
  )
  const patient = await train(
    'story.txt',
    '--lr',
    '1e-9',
    '--patience',
    '1',
    '--valid-every',
    '2',
    '--layers',
    '1',
    '--out',
    'p.safetensors',
    '--steps',
    '4000'
  )
  t.match(patient.at(-1), { stopped: 'patience' })
  const timed = await train('story.txt', '--time-limit', '1s', '--steps', '100000000', '--out', 'timed.safetensors')
  t.match(timed.at(-1), { stopped: 'time' })
})

t.test('standard input', async (t) => {
  const words = ['train', 'text', '-', '--out', 'stdin.safetensors', ...tiny, '--json']
  const { code, stderr } = await gatecell(words, { cwd, input: text })
  t.equal(code, 0, stderr)
})
