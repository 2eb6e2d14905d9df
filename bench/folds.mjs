// Recipes that leave people or fonts out in turn: each fold trains on the others with one recipe of a fixed length and without
// a validation, so that nothing about the training or the weights is chosen by those left out, and is measured on them. The
// figures are means over the folds. bench/recipe.mjs runs them:
//   npm run recipe pendigits-folds
//   npm run recipe synthetic-words-fonts -- --fold 1       one fold, counted from 1
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { digitStrings, numbersOf, writerOf } from './data/digit-strings.mjs'
import { handWords } from './data/hand-words.mjs'

/**
 * @typedef {{metric: string, better?: 'lower' | 'higher', target: number, against: string}} Bar
 * @typedef {object} Folds
 * @property {'writers' | 'digit-strings' | 'hand-words'} make how the files of a fold are made
 * @property {string[] | string[][]} leftOut per fold: writers such as "1-6", or families of fonts
 * @property {number} [count] samples made for a training
 * @property {number} [tests] samples made for a test
 * @property {(Bar & {test: string})[]} bars
 */

/** Lines of an NDJSON file of GATECELL_DATA, checked against its sum. */
function readLines({ file, sha256 }) {
  const packed = readFileSync(join(process.env.GATECELL_DATA, file))
  const text = file.endsWith('.gz') ? gunzipSync(packed) : packed
  const found = createHash('sha256').update(text).digest('hex')
  if (found !== sha256) throw new Error(`Expected ${file} with sha256 ${sha256} but found ${found}.`)
  return text
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const wordsOf = (samples) => new Set(samples.flatMap(({ text }) => text.split(' ')))

/**
 * The samples of each fold: `train` to train on, and by name those to measure on.
 * @returns {{train: object[], tests: Record<string, object[]>}}
 */
const makers = {
  writers({ data }, leftOut) {
    const out = new Set(numbersOf(leftOut))
    const lines = readLines(data)
    const test = lines.filter((line) => out.has(writerOf(line)))
    return { train: lines.filter((line) => !out.has(writerOf(line))), tests: { people: test } }
  },
  'digit-strings'({ data, folds: { count, tests } }, leftOut, seed) {
    const out = new Set(numbersOf(leftOut))
    const lines = readLines(data)
    const people = lines.filter((line) => out.has(writerOf(line)))
    const others = lines.filter((line) => !out.has(writerOf(line)))
    // The seed of the tests does not follow that of the training: every run is measured on the same strings.
    return { train: digitStrings(others, count, 1000 + seed), tests: { people: digitStrings(people, tests, 1) } }
  },
  'hand-words'({ data, files, folds: { count } }, leftOut, seed) {
    const known = ({ font }) => !leftOut.includes(font)
    const [words, tests] = [readLines(data), readLines(files.valid)]
    const own = words.filter(known)
    const learned = wordsOf(words)
    const made = handWords({
      fonts: join(process.env.GATECELL_DATA, 'handwriting-recognition', 'single-stroke-fonts'),
      leftOut,
      texts: words.map(({ text }) => text),
      excluded: new Set([...wordsOf(tests)].filter((word) => !learned.has(word))),
      count,
      seed: 1000 + seed
    })
    return {
      train: [...own, ...made],
      tests: { fonts: tests.filter((line) => !known(line)), words: tests.filter(known) }
    }
  }
}

function writeSamples(path, samples) {
  writeFileSync(path, gzipSync(samples.map((sample) => JSON.stringify(sample) + '\n').join(''), { level: 1 }))
  return path
}

/** Writes the files of a fold. */
function makeFold(recipe, leftOut, folder, seed) {
  mkdirSync(folder, { recursive: true })
  const { train, tests } = makers[recipe.folds.make](recipe, leftOut, seed)
  const write = (name, samples) => writeSamples(join(folder, `${name}.ndjson.gz`), samples)
  return {
    train: write('train', train),
    tests: Object.fromEntries(Object.entries(tests).map(([name, samples]) => [name, write(name, samples)]))
  }
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * Runs the folds of a recipe and prints each figure and the means. Returns whether all bars are reached.
 * @param {(args: string[], how?: {json?: boolean}) => Promise<any>} gatecell runs the command line
 */
export async function runFolds(name, recipe, { out, resume, seed, fold }, gatecell) {
  const { leftOut, bars } = recipe.folds
  const chosen = leftOut
    .map((people, i) => ({ people, number: i + 1 }))
    .filter((one) => !fold || one.number === Number(fold))
  const figures = []
  const started = performance.now()
  for (const { people, number } of chosen) {
    const folder = join(out, name, `fold-${number}`)
    const files = makeFold(recipe, people, folder, Number(seed))
    const model = join(folder, 'model.safetensors')
    const again = resume && existsSync(model) ? ['--resume'] : ['--force']
    const run = ['--valid', '0', '--seed', seed, '--log-dir', join(folder, 'log'), ...recipe.train, ...again]
    await gatecell(['train', recipe.task, files.train, '--out', model, ...run])
    const measured = {}
    for (const [test, path] of Object.entries(files.tests))
      measured[test] = await gatecell(['evaluate', model, path, '--part', 'all', ...recipe.evaluate, '--json'], {
        json: true
      })
    figures.push(measured)
    const shown = bars.map(({ test, metric }) => `${test} ${metric} ${measured[test][metric].toFixed(4)}`)
    console.log(`${name}, without ${[people].flat().join(', ')}: ${shown.join(', ')}`)
  }
  const minutes = (performance.now() - started) / 60000
  const results = bars.map((bar) => judgeMean(name, bar, figures, minutes))
  writeFileSync(
    join(out, name, 'result.json'),
    JSON.stringify({ recipe: name, seed: Number(seed), minutes, results, figures }, null, 2) + '\n'
  )
  return results.every(({ passed }) => passed)
}

function judgeMean(name, { test, metric, better = 'lower', target, against }, figures, minutes) {
  const figure = mean(figures.map((measured) => measured[test][metric]))
  const passed = better === 'higher' ? figure >= target : figure <= target
  console.log(
    `${name}: ${test} ${metric} ${figure.toFixed(4)} in the mean of ${figures.length} folds, target ` +
      `${better === 'higher' ? '>=' : '<='} ${target} (${against}), ${minutes.toFixed(1)} minutes: ${passed ? 'reached' : 'MISSED'}`
  )
  return { test, metric, figure, target, passed }
}
