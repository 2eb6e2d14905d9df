// The recipes are well-formed, their data is what they say where it is there, and the runner judges.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { root, story } from '../cli/command.js'

interface Bar {
  metric: string
  target: number
  better?: 'higher'
}

interface Recipe extends Bar {
  folds?: { make: string; leftOut: (string | string[])[]; bars: Bar[] }
  task?: string
  data?: { file: string; sha256: string }
  files?: Record<string, { file: string; sha256: string }>
  needs?: Record<string, string>
  also?: Bar[]
  again?: { evaluate: string[]; bars: Bar[] }[]
  made?: { script: string }
  measured?: { script: string; words: string[]; bars: Bar[] }
  train: string[]
  evaluate: string[]
  minutes: number
}

const folder = join(root, 'bench', 'recipes')
const names = readdirSync(folder).map((file) => file.replace('.json', ''))
const read = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Recipe

async function runner(words: string[], env: Record<string, string> = {}) {
  const { NODE_OPTIONS: _, GATECELL_DATA: __, ...inherited } = process.env
  const options = { cwd: root, env: { ...inherited, ...env } }
  const run = promisify(execFile)(process.execPath, [join(root, 'bench', 'recipe.mjs'), ...words], options)
  return await run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error
  )
}

t.test('every recipe', async (t) => {
  const { stdout, code } = await runner(['--list'])
  t.equal(code, 0)
  for (const name of names) {
    const {
      task = 'text',
      data,
      files = {},
      needs = {},
      also = [],
      again = [],
      made,
      measured,
      train,
      evaluate,
      minutes,
      ...own
    } = read(name)
    const [main, ...others] = own.folds?.bars ?? [own]
    const { metric, target, better } = main!
    if (own.folds)
      t.notOk(
        train.some((word) => word.startsWith('--valid')),
        'those left out choose nothing'
      )
    t.match(stdout, new RegExp(`^${name} .*${better === 'higher' ? '>=' : '<='} ${target} ${metric}`, 'm'))
    const folders: Record<string, RegExp> = {
      forecast: /^numbers\/time-series\/.*\.csv$/,
      captions: /^captioning\/.*\.(?:gz|tar|json)$/,
      translation: /^translation\/.*\.tsv\.gz$/
    }
    const packed = /^(?:text|music)$/.test(task) ? new RegExp(`^${task}/.*\\.gz$`) : /^handwriting-\w+\/.*\.gz$/
    const folder = folders[task] ?? packed
    const hasData = data !== undefined || Object.keys(files).length > 0
    t.equal(hasData, task !== 'numbers', 'only numbers are made as they are needed')
    for (const part of [...(data ? [data] : []), ...Object.values(files)])
      t.match(part, { file: folder, sha256: /^[0-9a-f]{64}$/ })
    const ofTask: Record<string, string[]> = {
      text: ['nats'],
      music: ['nats_per_step', 'nats_per_note', 'composed_difference'],
      captions: ['nats_per_caption', 'exact'],
      translation: ['bleu', 'bleu_by_pair', 'chrf'],
      forecast: ['ratio', 'coverage', 'best_of_simple', 'best_of_all']
    }
    const metrics = ofTask[task] ?? ['worst_family', 'exact_larger', 'cer', 'exact', 'nats', 'below_mixture']
    for (const bar of [main!, ...others, ...also, ...again.flatMap(({ bars }) => bars)])
      t.ok(metrics.includes(bar.metric) && bar.target > 0)
    for (const { script } of [made, measured].flatMap((one) => one ?? []))
      t.ok(existsSync(join(root, 'bench', script)), script)
    for (const { metric, target } of measured?.bars ?? []) t.ok(/^[a-z_]+$/.test(metric) && target > 0, metric)
    for (const needed of Object.values(needs)) t.ok(names.includes(needed), needed)
    const known = [
      'data',
      'model',
      ...Object.keys(files),
      ...Object.keys(needs),
      ...(made ? ['captions', 'descriptions'] : [])
    ]
    for (const word of [train, evaluate, measured?.words ?? [], ...again.map((one) => one.evaluate)].flat())
      if (/^\{.*\}$/.test(word)) t.ok(known.includes(word.slice(1, -1)), word)
    t.ok(minutes > 0 && train.length > 0)
    t.notOk(train.includes('--seed') || train.includes('--out'), 'the runner sets these')
  }
})

t.test('what the runner refuses', async (t) => {
  t.match(await runner(['nothing']), { code: 2, stderr: /Expected a recipe .*but received nothing/ })
  t.match(await runner(['linux']), { code: 2, stderr: /GATECELL_DATA/ })
  const data = t.testdir({ text: { tinyshakespeare: { 'input.txt.gz': gzipSync('Another text') } } })
  t.match(await runner(['shakespeare-3min'], { GATECELL_DATA: data }), { code: 2, stderr: /sha256/ })
})

t.test('a recipe of a second, reached and missed', async (t) => {
  const text = `${story(8000)}\n`
  const scripts = {
    'make.mjs': `import { writeFileSync } from 'node:fs'
      export function make({ folder, seed, text }) {
        writeFileSync(folder + '.txt', text + seed)
        return { story: folder + '.txt' }
      }`,
    'measure.mjs': `console.log('a line\\n' + JSON.stringify({ words: process.argv.length - 2, share: 0.5 }))`
  }
  const cwd = t.testdir({ recipes: {}, data: { 'story.txt.gz': gzipSync(text) }, scripts })
  const sha256 = createHash('sha256').update(text).digest('hex')
  const train = '--hidden 12 --layers 1 --batch 4 --length 16 --steps 100 --threads 1'.split(' ')
  const recipe = {
    title: 'A story',
    data: { file: 'story.txt.gz', sha256 },
    train,
    evaluate: ['--part', 'valid', '--threads', '1'],
    metric: 'nats'
  }
  const row = (target: number) => ({ ...recipe, target, against: 'nothing', minutes: 1 })
  const write = (name: string, made: object) =>
    writeFileSync(join(cwd, 'recipes', `${name}.json`), JSON.stringify(made))
  // Those that have to be quick are judged by their time, too.
  const again = [{ evaluate: ['--part', 'train'], bars: [{ metric: 'nats', target: 3.2, against: 'nothing' }] }]
  write('easy', { ...row(3.2), within: 600, again })
  write('hard', row(0.001))
  const sample = { words: ['--length', '200'], seeds: [2], closedTags: 0.5 }
  write('tags', { ...row(3.2), sample, within: 0.001 })
  // One without data, whose answers are right and wrong.
  const made = {
    ...{ title: 'Numbers', task: 'numbers', evaluate: [], metric: 'exact', better: 'higher', target: 0, minutes: 1 },
    ...{ against: 'nothing', train: '--hidden 4 --batch 4 --steps 1 --threads 1'.split(' ') }
  }
  const answers = ['6, 7, 8, ', '5'].map((first) => ({ verb: 'continue', words: ['6', '7', '8'], first }))
  write('made', { ...made, answers })
  // One that takes the text model of another for its own measure: of two bars one is missed.
  const second = [{ metric: 'bits', target: 0.001, against: 'nothing' }]
  write('needy', {
    ...row(3.2),
    needs: { other: 'hard' },
    evaluate: ['--part', 'valid', '--threads', '1'],
    also: second
  })
  // One whose text a script makes, and whose model a program measures: of its bars one is missed.
  const script = (name: string) => relative(join(root, 'bench'), join(cwd, 'scripts', name))
  const bars = ['words', 'share'].map((metric) => ({ metric, better: 'higher', target: 1, against: 'nothing' }))
  write('scripted', {
    ...{ ...row(9), data: undefined, made: { script: script('make.mjs'), options: { text } } },
    ...{ train: ['{story}', ...train], evaluateOn: '{story}' },
    measured: { script: script('measure.mjs'), words: ['{model}'], bars }
  })
  const words = ['--recipes', join(cwd, 'recipes'), '--out', join(cwd, 'out')]
  const run = (...names: string[]) => runner([...names, ...words], { GATECELL_DATA: join(cwd, 'data') })
  const easy = await run('easy')
  t.match(easy, { code: 0, stdout: /easy: \d\.\d{4} nats, target <= 3\.2 .*: reached/ })
  t.match(easy.stdout, /easy --part train: \d\.\d{4} nats, target <= 3\.2 .*: reached/)
  t.match(easy.stdout, /easy: trained in .* limit 600 s: reached/)
  const missed = await run('hard', 'needy', 'tags', 'made', 'scripted')
  t.equal(missed.code, 1)
  const { stdout } = missed
  t.match(stdout, /hard: .*: MISSED/)
  t.match(stdout, /needy: .*nats.*reached\nneedy: .* bits.*MISSED/)
  t.match(stdout, /200 sampled characters, seed 2: 0 of 0 tags close\nin all 0 of 0 tags close .*MISSED/)
  t.match(stdout, /continue 6 7 8: 6, 7, 8, .*: reached\ncontinue 6 7 8: 6, 7, 8, .*: MISSED, expected 5/)
  t.match(stdout, /tags: trained in .* limit 0\.001 s: MISSED/)
  t.match(stdout, /words 1, share 0\.5\nscripted: 1\.0000 words, .*: reached\nscripted: 0\.5000 share, .*: MISSED/)
  const passed = ['easy', 'hard', 'needy', 'tags', 'made', 'scripted'].map((name) => {
    const { passed } = JSON.parse(readFileSync(join(cwd, 'out', name, 'result.json'), 'utf8')) as { passed: boolean }
    return passed
  })
  t.same(passed, [true, false, false, false, false, false])
  // One for a GPU is skipped without one.
  writeFileSync(join(cwd, 'recipes', 'gpu.json'), JSON.stringify({ ...row(3), device: 'cuda' }))
  t.match(await runner(['gpu', ...words], { GATECELL_CUDA_LIBRARY: join(cwd, 'none.so') }), {
    code: 0,
    stdout: /^skipped: gpu needs a GPU, and there is no CUDA library at .*none\.so$/m
  })
  const result = JSON.parse(readFileSync(join(cwd, 'out', 'easy', 'result.json'), 'utf8')) as object
  t.match(result, { recipe: 'easy', seed: 0, passed: true, figure: Number, minutes: Number })
})

t.test('a text cut as char-rnn cuts it', async (t) => {
  // Two streams of ten symbols in batches of two: six are learned from, two validate, two test.
  const text = 'abcdefghijklmnopqrstuv'
  const cwd = t.testdir({ recipes: {}, data: { 'letters.txt.gz': gzipSync(text) } })
  const data = {
    file: 'letters.txt.gz',
    sha256: createHash('sha256').update(text).digest('hex'),
    streams: { count: 2, length: 2, shares: [0.6, 0.2] }
  }
  const recipe = { title: 'Letters', data, train: ['--hidden', '0'], evaluate: [], metric: 'nats', target: 1 }
  writeFileSync(join(cwd, 'recipes', 'letters.json'), JSON.stringify(recipe))
  const words = ['letters', '--recipes', join(cwd, 'recipes'), '--out', join(cwd, 'out')]
  t.match(await runner(words, { GATECELL_DATA: join(cwd, 'data') }), { code: 2, stderr: /train ended/ })
  t.equal(readFileSync(join(cwd, 'out', 'letters', 'text.txt'), 'latin1'), 'abcdefklmnopghqrijst')
})

t.test('an archive of files', async (t) => {
  const { unpackTar } = (await import(join(root, 'bench', 'tar.mjs'))) as {
    unpackTar(data: Buffer, ending: string, folder: string): string
  }
  const entry = (name: string, text: string) => {
    const blocks = Buffer.alloc(512 + 512 * Math.ceil(text.length / 512))
    blocks.write(name)
    blocks.write(text.length.toString(8).padStart(11, '0'), 124)
    blocks.write('0', 156)
    blocks.write(text, 512)
    return blocks
  }
  const folder = unpackTar(
    Buffer.concat([entry('a/b.mid', 'x'.repeat(600)), entry('c.csv', 'no'), Buffer.alloc(1024)]),
    '.mid',
    join(t.testdir(), 'unpacked')
  )
  t.same(readdirSync(folder, { recursive: true }).sort(), ['a', 'a/b.mid'])
  t.equal(readFileSync(join(folder, 'a', 'b.mid'), 'utf8').length, 600)
  t.throws(() => unpackTar(entry('../out.mid', 'no'), '.mid', folder), /within the archive/)
})

t.test('tags', async (t) => {
  const { countTags } = (await import(join(root, 'bench', 'xml-tags.mjs'))) as {
    countTags(text: string): { closed: number; opened: number; strays: number }
  }
  t.same(countTags('<a>x<b c="d">y</b></a>'), { closed: 2, opened: 2, strays: 0 })
  t.same(countTags('<a><b/>1 < 2 > 0<br ></a>'), { closed: 1, opened: 2, strays: 0 })
  t.same(countTags('</a><a><b></a></b>'), { closed: 1, opened: 2, strays: 2 })
  t.same(countTags('no tags <, <page'), { closed: 0, opened: 0, strays: 0 })
})
