// Makes a small model of every task, changes its files with right checksums, and hands them to every loader of the built package;
// prints counts and the errors without a code as one line of JSON. No test by itself.
// node test/tasks/runs/model-fuzz-child.mjs <folder> <seed> <count>

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { everyNumber, mutant, takeApart } from './model-mutants.mjs'

const load = (path) => import(new URL(`../../../dist/esm/${path}`, import.meta.url).href)
const { GatecellError } = await load('errors.js')
const { createRandom } = await load('random.js')
const { createInk } = await load('data/ink/strokes.js')
const { readCheckpoint } = await load('io/checkpoint.js')
const text = await load('tasks/text/index.js')
const { traceText } = await load('tasks/text/use/trace.js')
const recognition = await load('tasks/handwriting-recognition/index.js')
const { traceInk } = await load('tasks/handwriting-recognition/use/trace.js')
const generation = await load('tasks/handwriting-synthesis/index.js')
const music = await load('tasks/music/index.js')
const numbers = await load('tasks/numbers/index.js')
const translation = await load('tasks/translation/index.js')
const { encodeMidi } = await load('data/music/midi/encode.js')
const { pieceOfRoll } = await load('data/music/rolls.js')
const forecast = await load('tasks/forecast/index.js')

const [folder, seed, count] = process.argv.slice(2)
const strokes = (k) => [[[0, 0], [5 + k, 30], [10, 0]], [[2, 15], [8, 15 + k]]] // prettier-ignore
const samples = Array.from({ length: 12 }, (_, k) => ({ text: 'ab'[k % 2], strokes: strokes(k) }))
const sample = createInk(strokes(1), { text: 'ab', source: 'a sample' })
const story = 'the cell keeps what the gate lets through; '.repeat(40)
writeFileSync(join(folder, 'story.txt'), story)
writeFileSync(join(folder, 'ink.ndjson'), samples.map((one) => `${JSON.stringify(one)}\n`).join(''))

const chords = Array.from({ length: 20 }, (_, i) => [48 + (i % 5), 60 + (i % 7), 64 + (i % 3), 72 - (i % 4)])
const voices = chords.map((chord) => chord.toReversed())
writeFileSync(join(folder, 'chords.json'), JSON.stringify({ train: [chords, chords], valid: [chords], test: [] }))
writeFileSync(join(folder, 'voices.json'), JSON.stringify({ train: [voices, voices], valid: [voices], test: [] }))
for (const name of ['a.mid', 'b.mid', 'c.mid', 'd.mid'])
  writeFileSync(join(folder, name), encodeMidi(pieceOfRoll(chords, { name, grid: '8th' })))
const months = Array.from({ length: 60 }, (_, t) => Math.round(100 + t + 20 * Math.sin(t / 2) + ((t * 7919) % 13)))
const rows = months.map(
  (value, t) => `${2000 + Math.floor(t / 12)}-${String((t % 12) + 1).padStart(2, '0')},${value}\n`
)
const words3 = ['one un', 'two deux', 'three trois'].map((pair) => pair.split(' '))
const pairs = words3.flatMap(([a, b]) => words3.map(([c, d]) => `${a} ${c}.\t${d} ${b}.\n`))
writeFileSync(join(folder, 'pairs.tsv'), pairs.join(''))
writeFileSync(join(folder, 'sales.csv'), `date,sales\n${rows.join('')}`)

/** Loads a model, uses it and disposes of it. */
const using = (load, work) => async (path) => {
  const model = await load(path)
  try {
    await work(model)
  } finally {
    model.dispose()
  }
}

const training = { batch: 2, steps: 3, validEvery: 2 }
const base = { data: [join(folder, 'ink.ndjson')], training, threads: 1 }
const words = { ...base, data: [join(folder, 'story.txt')], training: { ...training, length: 8 } }
const textTask = (vocabulary) => ({
  prepare: (more) =>
    text.prepareTextRun({ ...words, vocabulary, network: { hidden: 5, layers: 2, embedding: 3 }, ...more }),
  use: using(text.loadTextModel, async (model) => {
    model.write({ prompt: 'the' }).text(10)
    await traceText(model, story.slice(0, 200))
  })
})
const musicTask = (form, data, network = {}) => ({
  prepare: ({ mode, ...more }) => {
    const own = { form, hidden: 4, layers: 1, chord: 4, relations: 1, window: 8, ...network }
    const place = { data: data.map((name) => join(folder, name)), threads: 1, training, network: own }
    return music.prepareMusicRun({ ...place, ...more, ...(mode && { mode }) })
  },
  use: using(music.loadComposer, (model) => model.compose(form === 'events' ? { seconds: 0.5 } : { steps: 2 }))
})
const tasks = {
  music: musicTask('notes', ['chords.json'], { members: 2 }),
  voices: musicTask('voices', ['voices.json']),
  keys: musicTask('keys', ['chords.json']),
  events: musicTask('events', ['a.mid', 'b.mid', 'c.mid', 'd.mid']),
  numbers: {
    prepare: (more) =>
      numbers.prepareNumbersRun({ network: { hidden: 4, embedding: 2, sums: 1 }, training, threads: 1, ...more }),
    use: using(numbers.loadNumbersModel, (model) => model.continue([2, 4, 8], { count: 1, choices: 1 }))
  },
  translator: {
    prepare: (more) =>
      translation.prepareTranslationRun({
        data: [join(folder, 'pairs.tsv')],
        network: { hidden: 4, embedding: 4 },
        symbols: { size: 300 },
        training: { ...training, batch: 64 },
        threads: 1,
        ...more
      }),
    use: using(translation.loadTranslator, (model) => model.translate(['one two', 'a cell'], { beam: 2 }))
  },
  text: textTask('character'),
  words: textTask('word'),
  pairs: textTask('bpe'),
  reader: {
    prepare: (more) => recognition.prepareRecognitionRun({ ...base, network: { hidden: 4, layers: 1 }, ...more }),
    use: using(recognition.loadReader, async (model) => {
      await model.read(sample)
      await traceInk(model, sample)
    })
  },
  pen: {
    prepare: (more) =>
      recognition.prepareRecognitionRun({ ...base, network: { hidden: 4, layers: 1, bidirectional: false }, ...more }),
    use: using(recognition.loadReader, async (model) => {
      await model.read(sample, { beam: 2 })
      const pen = model.pen()
      pen.down(0, 0)
      pen.down(3, 40)
      pen.up()
    })
  },
  forecaster: {
    prepare: (more) =>
      forecast.prepareForecastRun({
        data: [join(folder, 'sales.csv')],
        table: { target: 'sales', time: 'date', horizon: '4' },
        network: { hidden: 4, members: 2 },
        training,
        threads: 1,
        ...more
      }),
    use: using(forecast.loadForecaster, async (model) => {
      const [series] = await model.read([join(folder, 'sales.csv')])
      await model.forecast(series)
      const session = model.session(series)
      session.update(120)
      session.draw({ count: 2 })
      session.restore(session.save())
    })
  },
  writer: {
    prepare: (more) =>
      generation.prepareSynthesisRun({ ...base, network: { hidden: 4, layers: 2, gaussians: 2, window: 2 }, ...more }),
    use: using(generation.loadWriter, async (model) => {
      const style = await model.style(sample)
      await model.write({ text: 'ab', points: 12, style })
      await model.write({ text: 'ab' })
    })
  }
}

const resumed = { mode: 'resume', network: undefined, training: { steps: 5 } }
const tallies = {}
const untyped = []
let slowest = { ms: 0 }

/** Counts how `work` ends. */
async function attempt(task, loader, change, work) {
  const begin = performance.now()
  let outcome = 'ok'
  try {
    await work()
  } catch (error) {
    outcome = error instanceof GatecellError ? error.code : 'untyped'
    if (outcome === 'untyped') untyped.push({ task, loader, change, error: String(error.stack).slice(0, 600) })
  }
  const ms = Math.round(performance.now() - begin)
  if (ms > slowest.ms) slowest = { ms, task, loader, change, outcome }
  tallies[loader] ??= {}
  tallies[loader][outcome] = (tallies[loader][outcome] ?? 0) + 1
}

const before = process.resourceUsage().maxRSS
for (const [task, { prepare, use }] of Object.entries(tasks)) {
  const out = join(folder, `${task}.safetensors`)
  const last = join(folder, `${task}.last.safetensors`)
  const run = await prepare({ out })
  await run.fit()
  run.dispose()
  await use(out)
  const [model, stand] = [out, last].map((path) => takeApart(readFileSync(path)))
  const [best, there] = [readFileSync(out), readFileSync(last)]
  const tryModel = async ({ name, bytes }) => {
    writeFileSync(out, bytes)
    await attempt(task, 'readCheckpoint', name, () => readCheckpoint(out))
    await attempt(task, 'use', name, () => use(out))
    writeFileSync(out, best)
  }
  const tryRun = async ({ name, bytes }, fits) => {
    writeFileSync(last, bytes)
    await attempt(task, 'resume', name, async () => {
      const run = await prepare({ out, ...resumed })
      try {
        if (fits) await run.fit()
      } finally {
        run.dispose()
      }
    })
    writeFileSync(out, best)
    writeFileSync(last, there)
  }
  // Fits write files and wait for the disk, so only random changes are trained on.
  for (const one of everyNumber(model, ['network', 'normalisation', 'pointsPerSymbol', 'deviation']))
    await tryModel(one)
  for (const one of everyNumber(stand, ['network', 'training'])) await tryRun(one, false)
  const random = createRandom(Number(seed), task)
  for (let i = 0; i < Number(count); i++) {
    if (i % 3 < 2) await tryModel(mutant(model, random))
    else await tryRun(mutant(stand, random), true)
  }
}
const mebibytes = Math.round((process.resourceUsage().maxRSS - before) / 1024)
console.log(JSON.stringify({ tallies, untyped, slowest, mebibytes }))
