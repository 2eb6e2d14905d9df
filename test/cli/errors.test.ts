// Bad input gives one sentence on standard error, a stable code, a non-zero exit code, and no partial file.

import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readCheckpoint, writeCheckpoint, type LoadedCheckpoint } from '../../src/io/checkpoint.js'
import { writeSafetensors } from '../../src/io/safetensors/file.js'
import { gatecell, story, tiny, type CommandOptions } from './command.js'
import { inProcess } from './in-process.js'

const cwd = t.testdir({
  'story.txt': story(6000),
  'empty.txt': '',
  'short.txt': 'too short',
  'binary.bin': Buffer.from([0, 1, 2, 255, 254, 0, 0, 9]),
  'latin1.txt': Buffer.from('na\xefve', 'latin1'),
  'broken.txt.gz': 'no gzip at all',
  folder: {},
  nothing: {}
})
const at = (name: string) => join(cwd, name)

/** Runs the command in this process, or with `options` in one of its own. */
async function refused(
  t: Test,
  words: string[],
  code: string,
  exit: number,
  pattern: RegExp,
  options?: CommandOptions
) {
  const before = readdirSync(cwd, { recursive: true }).sort()
  const ended = options ? await gatecell(words, { cwd, ...options }) : await inProcess(words, undefined, cwd)
  t.equal(ended.code, exit, `exit code of ${words.join(' ')}: ${ended.stderr}`)
  const [sentence, rest] = ended.stderr.split('\n')
  t.match(sentence, pattern)
  t.match(sentence, new RegExp(`^gatecell: Expected .*\\(${code}\\)$`))
  t.equal(rest, '', 'one line, no stack')
  t.same(readdirSync(cwd, { recursive: true }).sort(), before, 'nothing was written')
}

const train = (...words: string[]) => ['train', 'text', ...words]
const out = ['--out', 'new.safetensors']

t.test('texts', async (t) => {
  const sentence = /to read missing\.txt but received a name that does not exist: check the name \(/
  await refused(t, train('missing.txt', ...out), 'ERR_FILE_NOT_FOUND', 1, sentence, {})
  await refused(t, train('*.nothing', ...out), 'ERR_FILE_NOT_FOUND', 1, /\*\.nothing/)
  await refused(t, train('nothing', ...out), 'ERR_FILE_NOT_FOUND', 1, /nothing/)
  await refused(t, train('empty.txt', ...out), 'ERR_CORPUS_EMPTY', 1, /empty\.txt/)
  await refused(t, train('short.txt', ...out), 'ERR_CORPUS_EMPTY', 1, /1537 symbols .* received 8/)
  await refused(t, train('binary.bin', ...out), 'ERR_CORPUS_BINARY', 1, /binary\.bin/)
  await refused(t, train('latin1.txt', ...out), 'ERR_CORPUS_BINARY', 1, /latin1\.txt/)
  await refused(t, train('broken.txt.gz', ...out), 'ERR_FILE_FORMAT', 1, /broken\.txt\.gz/)
  await refused(t, train('-', ...out), 'ERR_CORPUS_EMPTY', 1, /-/, { input: '' })
})

t.test('command lines', async (t) => {
  await refused(t, ['fly'], 'ERR_INVALID_OPTION', 2, /"fly"/)
  await refused(t, ['train', 'fly'], 'ERR_INVALID_OPTION', 2, /fly/)
  const hint = / an option of train text but received --hiden: use --hidden, or see npx gatecell train text --help \(/
  await refused(t, train('story.txt', ...out, '--hiden', '3'), 'ERR_INVALID_OPTION', 2, hint)
  const elsewhere =
    /received --forward, which is an option of train handwriting-recognition: see npx gatecell train text --help/
  await refused(t, train('story.txt', ...out, '--forward'), 'ERR_INVALID_OPTION', 2, elsewhere)
  await refused(
    t,
    ['sample', 'm', '--beam', '4'],
    'ERR_INVALID_OPTION',
    2,
    /--beam, which is an option of translate, evaluate, caption, read:/
  )
  const nowhere = /an option of doctor but received --fast: see npx gatecell doctor --help/
  await refused(t, ['doctor', '--fast'], 'ERR_INVALID_OPTION', 2, nowhere)
  await refused(t, train('story.txt'), 'ERR_INVALID_OPTION', 2, /--out/)
  await refused(t, train('story.txt', ...out, '--hidden', '0'), 'ERR_INVALID_OPTION', 2, /--hidden .*"0"/)
  await refused(t, train('story.txt', ...out, '--hidden', '2.5'), 'ERR_INVALID_OPTION', 2, /--hidden .*"2\.5"/)
  await refused(t, train('story.txt', ...out, '--time-limit', 'soon'), 'ERR_INVALID_OPTION', 2, /180s.*"soon"/)
  await refused(t, train('story.txt', ...out, '--valid', '1'), 'ERR_INVALID_OPTION', 2, /below 1/)
  await refused(
    t,
    train('story.txt', ...out, '--valid', '0.6', '--test', '0.5'),
    'ERR_INVALID_ARGUMENT',
    1,
    /0\.6 and 0\.5/
  )
  await refused(t, train('story.txt', ...out, '--optimizer', 'lion'), 'ERR_INVALID_OPTION', 2, /adamw.*"lion"/)
  const env = { GATECELL_CUDA_LIBRARY: at('none.so') }
  await refused(t, train('story.txt', ...out, '--device', 'cuda'), 'ERR_UNSUPPORTED', 1, /CUDA library at/, { env })
  await refused(t, train('story.txt', ...out, '--precision', 'f16'), 'ERR_INVALID_OPTION', 2, /f16/)
  await refused(t, train('story.txt', ...out, '--resume', '--force'), 'ERR_INVALID_OPTION', 2, /both/)
  await refused(t, ['bench', 'nothing'], 'ERR_INVALID_OPTION', 2, /event-loop/)
})

t.test('places to write', async (t) => {
  const foreign = /a \.safetensors file for --out but received "m\.pt": end the name with \.safetensors instead of \.pt/
  await refused(t, train('story.txt', '--out', 'm.pt'), 'ERR_INVALID_OPTION', 2, foreign)
  await refused(t, ['tour', '--out', 'm.h5'], 'ERR_INVALID_OPTION', 2, /instead of \.h5/)
  await refused(t, train('story.txt', '--out', 'folder'), 'ERR_FILE_WRITE', 1, /folder/)
  await refused(t, train('story.txt', '--out', 'none/m.safetensors'), 'ERR_FILE_WRITE', 1, /does not exist/)
  await refused(t, train('story.txt', '--out', 'story.txt/m.safetensors'), 'ERR_FILE_WRITE', 1, /story\.txt/)
  await refused(t, train('story.txt', '--out', '/proc/m.safetensors'), 'ERR_FILE_WRITE', 1, /\/proc/)
  // A file may grow to 8 KiB here: the first checkpoint does not fit, as on a full disk.
  const full = { shell: 'ulimit -f 16' }
  await refused(t, train('story.txt', ...out, ...tiny), 'ERR_FILE_WRITE', 1, /EFBIG|ENOSPC/, full)
})

t.test('a loss that is no number', async (t) => {
  const words = train('story.txt', '--out', 'nan.safetensors', ...tiny)
  await gatecell(words, { cwd })
  // No option makes a loss infinite, because gates saturate. So the run continues from weights near the largest float32.
  const path = at('nan.last.safetensors')
  const { task, config, progress, ...groups } = await readCheckpoint(path)
  const tensors = (group: keyof LoadedCheckpoint) => [...groups[group]].map(([name, tensor]) => ({ name, ...tensor }))
  groups.weights.get('head.weight')!.data.fill(3e38 as never)
  const names = ['weights', 'moment1', 'moment2', 'state', 'best'] as const
  const [weights, moment1, moment2, state, best] = names.map(tensors)
  await writeCheckpoint(path, {
    task,
    config,
    progress,
    weights: weights!,
    moment1: moment1!,
    moment2: moment2!,
    state: state!,
    best: best!
  })
  const doctored = readFileSync(path)
  const more = [...words, '--resume', '--steps', '40', '--checkpoint-every', '1']
  await refused(t, more, 'ERR_NOT_FINITE', 1, /at step 31/)
  t.same(readFileSync(path), doctored, 'the last good checkpoint stays')
})

t.test('models', async (t) => {
  await gatecell(train('story.txt', '--out', 'good.safetensors', ...tiny), { cwd })
  const good = readFileSync(at('good.safetensors'))
  writeFileSync(at('cut.safetensors'), good.subarray(0, good.length - 100))
  const flipped = Buffer.from(good)
  flipped[good.length - 50]! ^= 1
  writeFileSync(at('flipped.safetensors'), flipped)
  writeFileSync(at('tiny.safetensors'), 'abc')
  writeFileSync(at('text.safetensors'), story(5000))
  const data = new Float32Array(4)
  await writeSafetensors(at('foreign.safetensors'), [{ name: 'w', shape: [4], data }])
  await writeCheckpoint(at('other.safetensors'), {
    task: 'weather',
    config: {},
    progress: {},
    weights: [{ name: 'w', shape: [4], data }]
  })
  await writeCheckpoint(at('odd.safetensors'), {
    task: 'text',
    config: {},
    progress: {},
    weights: [{ name: 'w', shape: [4], data }]
  })

  for (const name of ['cut', 'flipped', 'tiny', 'text', 'foreign', 'odd']) {
    await refused(t, ['sample', `${name}.safetensors`], 'ERR_FILE_FORMAT', 1, new RegExp(`${name}\\.safetensors`))
  }
  for (const name of ['cut', 'tiny', 'text']) {
    await refused(t, ['inspect', `${name}.safetensors`], 'ERR_FILE_FORMAT', 1, new RegExp(`${name}\\.safetensors`))
  }
  await refused(t, ['sample', 'missing.safetensors'], 'ERR_FILE_NOT_FOUND', 1, /missing.*does not exist/)
  await refused(t, ['sample', 'folder'], 'ERR_FILE_NOT_FOUND', 1, /folder/)
  await refused(t, ['sample', 'other.safetensors'], 'ERR_WRONG_TASK', 1, /text.*weather/)
  await refused(t, ['evaluate', 'other.safetensors', 'story.txt'], 'ERR_WRONG_TASK', 1, /text.*weather/)
  await refused(t, ['sample', 'good.safetensors', '--prompt', 'Zoë'], 'ERR_UNKNOWN_SYMBOL', 1, /'Z'.*'ë' \(U\+00EB\)/)
  await refused(t, ['evaluate', 'good.safetensors', 'latin1.txt'], 'ERR_CORPUS_BINARY', 1, /latin1/)
  await refused(t, train('story.txt', '--out', 'good.safetensors'), 'ERR_FILE_EXISTS', 1, /--resume.*--force/)
  const resume = train('story.txt', '--out', 'good.safetensors', '--resume')
  await refused(t, [...resume, '--hidden', '13'], 'ERR_INVALID_OPTION', 2, /hidden 12.*received 13/)
  await refused(t, [...resume, '--seed', '4'], 'ERR_INVALID_OPTION', 2, /seed 0.*received 4/)
  writeFileSync(at('longer.txt'), story(6100))
  const longer = train('longer.txt', '--out', 'good.safetensors', '--resume')
  await refused(t, longer, 'ERR_INVALID_OPTION', 2, /text that the run began with/)
  t.same(readFileSync(at('good.safetensors')), good, 'the model stayed as it was')
  truncateSync(at('good.last.safetensors'), 1000)
  await refused(t, resume, 'ERR_FILE_FORMAT', 1, /good\.last/)
})

t.test('errors for programs', async (t) => {
  mkdirSync(at('empty'), { recursive: true })
  const { records, code, stderr } = await gatecell(['train', 'text', 'missing.txt', ...out, '--json'], { cwd })
  t.equal(code, 1)
  t.match(records, [{ event: 'error', code: 'ERR_FILE_NOT_FOUND', message: /^Expected / }])
  t.match(stderr, /ERR_FILE_NOT_FOUND/)
  const debug = await gatecell(['sample', 'missing.safetensors'], { cwd, env: { GATECELL_DEBUG: '1' } })
  t.match(debug.stderr, /\n {4}at /, 'a stack on demand')
})
