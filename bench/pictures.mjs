// Draws the pictures of the documents into docs/pictures, from the machine file and from models that recipes have trained:
//   npm run recipe pendigits-strings write-synthetic-words numbers jsb-notes piano-events tatoeba-fr-5min
//   node bench/pictures.mjs [--recipes .cache/recipes] [--only music,improvisation]
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeShapes } from './data/shapes.mjs'
import { renderBars } from '../dist/esm/plot/bars.js'
import { renderLossCurve } from '../dist/esm/plot/loss-curve.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pictures = join(root, 'docs', 'pictures')
const { values } = parseArgs({
  options: { recipes: { type: 'string', default: '.cache/recipes' }, only: { type: 'string' } }
})
const recipe = (name, ...more) => join(values.recipes, name, ...more)
const gatecell = (...words) =>
  execFileSync(process.execPath, [join(root, 'dist/esm/cli/main.js'), ...words], {
    stdio: ['ignore', 'ignore', 'inherit']
  })

/** The rows of the machine file that the picture of speed shows: workload, threads, layers, units, batch. */
const shown = [
  ['train-char', 2, 2, 128, 64, 'training step, 2 x 128'],
  ['train-char', 2, 2, 256, 64, 'training step, 2 x 256'],
  ['train-char', 2, 2, 512, 64, 'training step, 2 x 512'],
  ['sequence', 2, 1, 256, 1, 'sequence of 64 steps, 256 units'],
  ['sequence', 2, 1, 512, 8, 'the same, 512 units, batch 8'],
  ['step', 2, 1, 128, 1, 'one step, 128 units'],
  ['step', 2, 1, 256, 1, 'one step, 256 units'],
  ['sample', 1, 2, 256, 1, 'sampled character, 2 x 256']
]

function speed() {
  const { machine, rows } = JSON.parse(readFileSync(join(root, 'bench/machines/zen4-2-cores.json'), 'utf8'))
  const groups = shown.map(([workload, threads, layers, units, batch, label]) => {
    const found = rows.filter(
      (row) =>
        row.workload === workload &&
        row.threads === threads &&
        row.precision === 'f32' &&
        row.shape.layers === layers &&
        row.shape.H === units &&
        row.shape.B === batch &&
        typeof row.ratio === 'number'
    )
    if (found.length === 0) throw new Error(`no rivals in the machine file for ${workload} ${layers} x ${units}`)
    const bars = found.map(({ rival, ratio }) => ({ series: rival, value: ratio, text: `${ratio.toFixed(2)} x` }))
    return { label, bars }
  })
  const title = 'Time of other libraries divided by the time of gatecell'
  const axis = `${machine.machine.trim()}, two cores, ${machine.isa}, f32; logarithmic; 1 is the time of gatecell`
  writeFileSync(join(pictures, 'speed.svg'), renderBars({ title, axis, groups }))
}

/** The first sample of the strings of digits, read by the reader of the recipe, as the four rows of Graves et al. 2009. */
function trace() {
  const ink = join(tmpdir(), 'gatecell-picture.ndjson')
  const lines = readFileSync(recipe('pendigits-strings', 'valid.txt'), 'utf8').split('\n')
  writeFileSync(ink, `${lines[0]}\n`)
  gatecell('trace', recipe('pendigits-strings', 'model.safetensors'), ink, '--svg', join(pictures, 'trace.svg'))
}

function writing() {
  const model = recipe('write-synthetic-words', 'model.safetensors')
  gatecell('write', model, 'remembered', '--bias', '1', '--seed', '1', '--svg', join(pictures, 'writing.svg'))
}

function improvisation() {
  const words = ['--seed', '1', '--seconds', '30', '--svg', join(pictures, 'performance.svg')]
  gatecell('compose', recipe('piano-events', 'model.safetensors'), ...words)
}

function music() {
  const words = ['--seed', '1', '--steps', '64', '--top-p', '0.94', '--svg', join(pictures, 'chorale.svg')]
  gatecell('compose', recipe('jsb-notes', 'model.safetensors'), ...words)
}

/** Where a translator looks while it writes a sentence. */
function attention() {
  const words = ['I have never seen such a big dog in my life.', '--attention-out', join(pictures, 'attention.svg')]
  gatecell('translate', recipe('tatoeba-fr-5min', 'model.safetensors'), ...words)
}

/** Where a captioner looks while it describes a picture that no training had. Pictures and model are made here, in a minute or two. */
function places() {
  const folder = join(tmpdir(), 'gatecell-shapes')
  const model = join(folder, 'model.safetensors')
  makeShapes(folder, { count: 3000 })
  makeShapes(join(folder, 'new'), { count: 4, seed: 1 })
  const size = ['--width', '48', '--height', '32', '--channels', '16,32,48', '--hidden', '128', '--embedding', '32']
  const training = ['--epochs', '16', '--lr', '0.003', '--attention', 'additive', '--force', '--threads', '2']
  gatecell('train', 'captions', join(folder, 'captions.ndjson'), '--out', model, ...size, ...training)
  gatecell('caption', model, join(folder, 'new', '2.png'), '--attention-out', join(pictures, 'places.svg'))
}

/** The memory cells that distinguish 6, 7, 8 from 2, 4, 8. */
function numbers() {
  const model = recipe('numbers', 'model.safetensors')
  gatecell('trace', model, '6', '7', '8', '/', '2', '4', '8', '--svg', join(pictures, 'numbers.svg'))
}

async function loss() {
  const lines = readFileSync(recipe('pendigits-strings', 'log', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const records = lines.map((line) => JSON.parse(line))
  const train = records.filter(({ loss }) => typeof loss === 'number')
  const valid = records.filter(({ valid_loss: nats }) => typeof nats === 'number')
  const curve = {
    train: train.map(({ step, loss }) => ({ step, loss })),
    valid: valid.map(({ step, valid_loss: nats }) => ({ step, loss: nats })),
    title: 'A reader of strings of digits',
    unit: 'nats per sample'
  }
  writeFileSync(join(pictures, 'loss.svg'), await renderLossCurve(curve))
}

mkdirSync(pictures, { recursive: true })
const drawings = { speed, trace, writing, numbers, music, improvisation, attention, places, loss }
for (const name of values.only?.split(',') ?? Object.keys(drawings)) await drawings[name]()
