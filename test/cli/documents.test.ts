// The documents for people: their shell lines work on small data, their programs work unchanged, and their tables are those of the files
// that they name.

import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { encodeMidi } from '../../src/data/music/midi/encode.js'
import { pieceOfRoll } from '../../src/data/music/rolls.js'
import { inkSamples, ndjson } from '../ink-samples.js'
import { runPrograms } from '../programs.js'
import { pngOf, shapePictures } from '../tasks/captions/pictures.js'
import { csvOf, monthly } from '../tasks/forecast/samples.js'
import { sentencePairs } from '../tasks/translation/sentences.js'
import { gatecell, root, story } from './command.js'
import { inProcess } from './in-process.js'

/** README.md first: pages of docs use the model that its lines train. */
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
]
  .map((name) => (name === 'README.md' ? name : join('docs', name)))
  .map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }))
const pageOf = (name: string): string => pages.find((page) => page.name === name)!.text
const blocks = (language: string) =>
  pages.flatMap(({ text }) =>
    [...text.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map((found) => found[1]!)
  )

// Inside the package, so that its programs find it under its own name.
const cwd = join(t.testdirName, 'readme')
t.testdir()
mkdirSync(cwd, { recursive: true })
writeFileSync(join(cwd, 'shakespeare.txt'), `ROMEO:\n${story(8000)}`)
const [one, ...others] = inkSamples(60)
writeFileSync(join(cwd, 'words.ndjson.gz'), gzipSync(ndjson(others)))
writeFileSync(join(cwd, 'mine.ndjson'), ndjson([one!]))
copyFileSync(join(root, 'test/golden/interop/checkpoint.pt'), join(cwd, 'characters.pt'))
writeFileSync(join(cwd, 'characters.json'), JSON.stringify([...'abcdefg']))
writeFileSync(join(cwd, 'words.txt'), 'lv\nzt\n')
writeFileSync(join(cwd, 'pairs.tsv'), sentencePairs(400).join('\n'))
mkdirSync(join(cwd, 'png'))
const shapes = shapePictures(40)
for (const [i, { picture }] of shapes.entries()) writeFileSync(join(cwd, 'png', `${i}.png`), await pngOf(picture))
const captioned = shapes.map(({ caption }, i) => JSON.stringify({ file: `${i}.png`, caption }))
writeFileSync(join(cwd, 'captions.ndjson'), captioned.join('\n'))
for (const name of ['a.txt', 'b.txt']) writeFileSync(join(cwd, name), story(2000))
const traces = one!.strokes.map((stroke) => `<trace>${stroke.map(([x, y]) => `${x} ${-y!}`).join(', ')}</trace>`)
writeFileSync(join(cwd, 'note.inkml'), `<ink>${traces.join('')}</ink>`)

writeFileSync(join(cwd, 'passengers.csv'), csvOf({ Passengers: monthly(72) }).replace('date', 'Month'))
const theme = encodeMidi(pieceOfRoll([[60, 64], [62, 65], [64, 67], [60]], { name: 'theme', grid: '16th' })) // prettier-ignore
mkdirSync(join(cwd, 'midi'))
mkdirSync(join(cwd, 'piano'))
const tune = Array.from({ length: 400 }, (_, i) => [48 + (i % 5), 60 + ((5 * i) % 12), 72 + ((7 * i) % 9)])
for (const name of ['a.mid', 'b.mid', 'c.mid', 'd.mid', 'e.mid'])
  writeFileSync(join(cwd, 'piano', name), encodeMidi(pieceOfRoll(tune, { name, grid: '16th' })))
const choir = tune.slice(0, 40).map((step) => [...step.toReversed(), 40])
writeFileSync(join(cwd, 'voices.json'), JSON.stringify({ train: [choir, choir], valid: [choir], test: [choir] }))
for (const name of ['theme.mid', 'midi/a.mid', 'midi/b.mid', 'midi/c.mid']) writeFileSync(join(cwd, name), theme)

t.test('shell lines', async (t) => {
  // The lines that serve have a test of their own.
  const lines = blocks('sh').flatMap((block) => block.match(/^npx gatecell (?!serve).*$/gm) ?? [])
  t.ok(lines.length >= 5)
  for (const line of lines) {
    const words = [...line.replace('npx gatecell ', '').matchAll(/'([^']*)'|(\S+)/g)].map((word) => word[1] ?? word[2]!)
    // A second and a small network instead of three minutes: what is tested is that the words are understood.
    const instead: Record<string, string> = { '180s': '1s', '25m': '1s', '256': '16', '1024': '300', hello: 'lvz' }
    const brief = line.includes('train forecast') ? ['--epochs', '2', '--members', '1', '--hidden', '8'] : []
    const small = [...words.map((word) => instead[word] ?? word), ...brief]
    // The first line runs as a user runs it, and doctor examines a process of its own; the others run in this one.
    const { code, stderr, stdout } = await (line === lines[0] || line.includes('doctor')
      ? gatecell(small, { cwd })
      : inProcess(small, undefined, cwd))
    t.equal(code, 0, `${line}: ${stderr}`)
    t.not(stdout, '')
  }
})

t.test('lines that serve a model', async (t) => {
  const pairs = blocks('sh').flatMap((block) => [
    ...block.matchAll(/^npx gatecell serve (\S+)\ncurl localhost:8080(\S+) .*-d '(.*)'$/gm)
  ])
  t.ok(pairs.length >= 2)
  for (const [, model, route, body] of pairs) {
    let answered: Promise<unknown> | undefined
    const { code, stderr } = await gatecell(['serve', model!, '--port', '0'], {
      cwd,
      watch(child, stdout) {
        const [, url] = /^serving {2}(\S+)\n/.exec(stdout) ?? []
        if (url === undefined) return
        const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: body! }
        answered ??= fetch(url + route, request)
          .then((answer) => answer.json())
          .finally(() => child.kill('SIGTERM'))
      }
    })
    t.equal(code, 0, stderr)
    t.match(await answered, { choices: [{ text: /./ }] })
  }
})

t.test('programs', async (t) => {
  const programs = blocks('ts')
  t.ok(programs.length >= 6)
  const files = programs.map((_, number) => join(cwd, `program${number}.mjs`))
  programs.forEach((program, number) => writeFileSync(files[number]!, program))
  const outputs = await runPrograms(files, cwd)
  t.match(outputs[0], /^bcdefghijklmnopqrstuvwxyz/)
  const outputOf = (words: string) => outputs[programs.findIndex((program) => program.includes(words))]!
  t.equal(outputOf('writer.pieces').length, 500)
  t.match(outputOf("name: 'series'"), /^true/)
  t.match(outputOf("name: 'rising'"), /^true/)
  t.match(outputOf("name: 'peaks'"), /^true (patience|epochs)/)
  t.match(outputOf('loadReader'), /^string true/)
  t.match(outputOf('loadForecaster'), /^true\ntrue true (true|false) 12\n/)
  t.match(outputOf('loadTranslator'), /^.* [\d.]+ 3\nnrefs:.* true true\n$/)
  t.equal(outputOf('loadCaptioner'), '3 3\ntrue true\n')
  t.match(outputOf('const zeros = { shape'), /^\[ 3, 1, \d+ \]\n$/)
  t.match(outputOf('steps.session'), /^\d+ \d+ true\n$/)
  t.equal(outputOf('openTensorFile'), '11 [] [] 3\n')
  t.equal(outputOf('createHandler'), '12 tokens served\n')
  t.match(outputOf('loadComposer'), /^true true true 7\n/)
  t.equal(outputOf('loadNumbersModel'), 'true 5 7\n')
  t.equal(outputOf("name: 'layers-from-ops'"), 'true\n')
  t.equal(outputOf("name: 'pairs'"), 'true\n')
})

t.test('recipes that the page of quality names are there, and the checksums are theirs', async (t) => {
  const quality = pageOf('docs/quality.md')
  const rows = [...quality.matchAll(/^\| `([a-z0-9-]+)` \| \d x/gm)]
  t.ok(rows.length >= 10)
  for (const [, name] of rows) {
    const recipe = JSON.parse(readFileSync(join(root, 'bench', 'recipes', `${name!}.json`), 'utf8')) as {
      data: { sha256: string }
    }
    t.ok(quality.includes(recipe.data.sha256), name!)
  }
})

t.test('links between the documents and to pictures lead to files', async (t) => {
  for (const { name, text } of pages) {
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      t.ok(existsSync(join(root, dirname(name), link!)), `${name}: ${link!}`)
    }
  }
})

t.test('the page of benchmarks is the saved run', async (t) => {
  const words = ['bench/table.mjs', 'bench/machines/zen4-2-cores.json', '--page']
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root })
  t.equal(stdout, pageOf('docs/benchmarks.md'), `node ${words.join(' ')} > docs/benchmarks.md`)
})

t.test('the page of settings is made from their declarations', async (t) => {
  const words = ['scripts/settings-page.mjs']
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root })
  t.equal(stdout, pageOf('docs/settings.md'), `node ${words.join(' ')} > docs/settings.md`)
})

t.test('figures on the first page are those of the other pages', async (t) => {
  const others = pages.filter(({ name }) => name !== 'README.md').map(({ text }) => text)
  const table = /## Figures\n([^]*?)\n## /.exec(pageOf('README.md'))![1]!
  const figures = [...table.matchAll(/\d+(?:\.\d+)? (?:ms|us|%)|\d\.\d{3,4}(?= nats)/g)].map(([figure]) => figure)
  t.ok(figures.length >= 10)
  for (const figure of figures)
    t.ok(
      others.some((text) => text.includes(figure)),
      figure
    )
})
