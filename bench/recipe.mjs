// npm run recipe <name>: one row of the README's quality table, from public data to a figure. Trains, evaluates, prints figure,
// target and time, and exits with 1 where a figure falls short. A recipe is a file in bench/recipes; new rows are new files. A
// recipe that needs the model of another one takes it from where that one left it, and runs that one first where it did not. One for
// a GPU prints `skipped:` and the reason where gatecell finds none. A recipe with `folds` leaves people or fonts out in turn
// (bench/folds.mjs). One with `made` trains on files that a script of bench makes, and one with `measured` is also judged by the figures of
// a program of bench.
//   npm run recipe                      lists the recipes
//   npm run recipe shakespeare-3min     needs GATECELL_DATA, the folder of the data sets (README, "Data")
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { runFolds } from './folds.mjs'
import { longSeries } from './long-series.mjs'
import { unpackTar } from './tar.mjs'
import { countTags } from './xml-tags.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const cli = join(here, '..', 'dist', 'esm', 'cli', 'main.js')

class RecipeError extends Error {}

/**
 * @typedef {{file: string, sha256: string, extension?: string, crlf?: boolean, streams?: {count: number, length: number, shares: number[]},
 *   series?: {name: string, wide?: boolean}, archive?: string}} Data series: the file becomes rows of series, time, value; archive: the
 *   file is a tar archive, whose files with this ending are read
 * @typedef {{metric: string, better?: 'lower' | 'higher', target: number, against: string}} Bar metric: a field of `evaluate --json`
 * @typedef {object} Recipe
 * @property {string} title
 * @property {string} [task] what is trained; default: text
 * @property {Data} [data] what the training reads; a task that makes its data itself has none
 * @property {Record<string, Data>} [files] more of it; `{name}` in the words stands for the path of one, `{data}` for the data's
 * @property {{script: string, options?: object}} [made] more files, which the function `make` of a script of bench makes from these; it returns
 *   their paths by name, and `{name}` in the words stands for one
 * @property {Record<string, string>} [needs] recipes; `{name}` in the words stands for the model of one
 * @property {string[]} train
 * @property {string[]} evaluate
 * @property {string} [evaluateOn] the file that is measured; default: the data
 * @property {string} metric a field of `evaluate --json`
 * @property {'lower' | 'higher'} [better] default: lower
 * @property {number} target
 * @property {string} against
 * @property {Bar[]} [also] more that must be reached
 * @property {{evaluate: string[], bars: Bar[]}[]} [again] evaluations with other words on the same file, and the bars of each
 * @property {number} minutes
 * @property {'cuda'} [device] what it needs
 * @property {number} [within] seconds that the training may take, its start and end included
 * @property {{words: string[], seeds: number[], closedTags: number}} [sample]
 * @property {{verb: string, words: string[], first: string}[]} [answers] uses of the model, and how their first lines begin
 * @property {{script: string, words: string[], bars: Bar[]}} [measured] a program of bench whose last line has more figures as JSON
 * @property {import('./folds.mjs').Folds} [folds] then the bars are those of the folds, and `train` gives no data
 */

/** @returns {Recipe} */
function readRecipe(recipes, name) {
  const names = recipeNames(recipes)
  if (!names.includes(name)) throw new RecipeError(`Expected a recipe (${names.join(', ')}) but received ${name}.`)
  return JSON.parse(readFileSync(join(recipes, `${name}.json`), 'utf8'))
}

function recipeNames(recipes) {
  return readdirSync(recipes)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -5))
    .sort()
}

/**
 * The text with its parts in the order train, valid, test, where char-rnn (CharSplitLMMinibatchLoader.lua), whose losses are in
 * Karpathy, Johnson, Fei-Fei 2015, takes them from the ends of its streams and not from the end of the book.
 */
function asStreams(text, { count, length, shares: [train, valid] }) {
  const batches = Math.floor(text.length / (count * length))
  const ends = [0, Math.floor(batches * train), Math.floor(batches * train) + Math.floor(batches * valid), batches]
  const part = (from, to) =>
    Array.from({ length: count }, (_, i) => text.slice((i * batches + from) * length, (i * batches + to) * length))
  return [0, 1, 2].flatMap((i) => part(ends[i], ends[i + 1])).join('')
}

/** Unpacks the data, checks it against the recipe's checksum and writes what the command reads. */
function prepare({ file, sha256, extension = 'txt', crlf = false, streams, series, archive }, folder, name = 'text') {
  const root = process.env.GATECELL_DATA
  if (!root)
    throw new RecipeError('Expected GATECELL_DATA to name the folder of the data sets; see "Data" in docs/quality.md.')
  const packed = readFileSync(join(root, file))
  const text = file.endsWith('.gz') ? gunzipSync(packed) : packed
  const found = createHash('sha256').update(text).digest('hex')
  if (found !== sha256) throw new RecipeError(`Expected ${file} with sha256 ${sha256} but found ${found}.`)
  if (archive) return unpackTar(text, archive, join(folder, name))
  const path = join(folder, `${name}.${extension}`)
  const bytes = text.toString('latin1')
  const lines = crlf ? bytes.replace(/\n/g, '\r\n') : bytes
  const written = series ? longSeries(lines, series) : lines
  writeFileSync(path, streams ? asStreams(written, streams) : written, 'latin1')
  return path
}

/** Returns the bound of the figure in words. */
function bound({ better = 'lower', target }) {
  return `${better === 'higher' ? '>=' : '<='} ${target}`
}

/** Runs the command line, see `node`. */
const gatecell = (args, how) => node([cli, ...args], `gatecell ${args[0]}`, how)

/** Runs a program of Node.js; the last line of its output, parsed, where `json` is asked for, or all of it where `text` is. */
function node(args, title, { json = false, text = false } = {}) {
  return new Promise((resolve, reject) => {
    const output = json || text ? 'pipe' : 'inherit'
    const child = spawn(process.execPath, args, { stdio: ['ignore', output, 'inherit'] })
    let printed = ''
    child.stdout?.setEncoding('utf8').on('data', (part) => (printed += part))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code !== 0) reject(new RecipeError(`${title} ended with exit code ${code}.`))
      else if (json) resolve(JSON.parse(printed.trim().split('\n').at(-1)))
      else resolve(text ? printed : undefined)
    })
  })
}

/** Lets the model write as often as there are seeds, keeps what it wrote, and counts the tags that close. */
async function judgeSamples(model, { words, seeds, closedTags }, folder) {
  const all = { closed: 0, opened: 0, strays: 0 }
  for (const seed of seeds) {
    const { text } = await gatecell(['sample', model, ...words, '--seed', String(seed), '--json'], { json: true })
    writeFileSync(join(folder, `sample-${seed}.txt`), text)
    const tags = countTags(text)
    for (const key of Object.keys(all)) all[key] += tags[key]
    console.log(`${text.length} sampled characters, seed ${seed}: ${tags.closed} of ${tags.opened} tags close`)
  }
  const share = all.opened > 0 ? all.closed / all.opened : 0
  const passed = share >= closedTags
  console.log(
    `in all ${all.closed} of ${all.opened} tags close (${(100 * share).toFixed(0)} %), ${all.strays} close what was not ` +
      `open; expected ${100 * closedTags} % or more: ${passed ? 'reached' : 'MISSED'}`
  )
  return { passed, share }
}

/** The model of another recipe, which runs first where it has not been run to its end. */
async function modelOf(name, options) {
  const folder = join(options.out, name)
  if (!existsSync(join(folder, 'result.json'))) await run(name, options)
  return join(folder, 'model.safetensors')
}

/** Why there is no GPU to use; null: there is one. */
async function noGpu() {
  const { backends } = await gatecell(['doctor', '--json'], { json: true })
  return backends.cuda.available ? null : backends.cuda.reason
}

/** Uses the model, prints what it answers, and returns whether each first line begins as it should. */
async function judgeAnswers(model, answers) {
  let passed = true
  for (const { verb, words, first } of answers) {
    const [line] = (await gatecell([verb, model, ...words], { text: true })).split('\n')
    const right = line.startsWith(first)
    passed &&= right
    console.log(`${verb} ${words.join(' ')}: ${line}: ${right ? 'reached' : `MISSED, expected ${first}`}`)
  }
  return { passed }
}

/** The paths of the files that a script makes, by name. */
async function make({ script, options }, folder, seed) {
  const { make: own } = await import(join(here, script))
  return await own({ ...options, root: process.env.GATECELL_DATA, folder: join(folder, 'made'), seed: Number(seed) })
}

/** Judges the figures that a program prints. */
async function judgeProgram(name, { script, words, bars }, minutes) {
  const figures = await node([join(here, script), ...words], script, { json: true })
  console.log(Object.entries(figures).map(([metric, figure]) => `${metric} ${Number(figure.toFixed(4))}`).join(', ')) // prettier-ignore
  return bars.map((bar) => judge(name, bar, figures, minutes))
}

/** Prints and returns whether the training was quick enough. */
function judgeTime(name, seconds, within) {
  const passed = seconds <= within
  console.log(`${name}: trained in ${seconds.toFixed(1)} s, limit ${within} s: ${passed ? 'reached' : 'MISSED'}`)
  return { passed }
}

/** Prints and returns whether a figure reaches its bar. */
function judge(name, { better, metric, target, against }, evaluation, minutes) {
  const figure = evaluation[metric]
  const passed = better === 'higher' ? figure >= target : figure <= target
  console.log(
    `${name}: ${figure.toFixed(4)} ${metric}, target ${bound({ better, target })} (${against}), ` +
      `${minutes.toFixed(1)} minutes: ${passed ? 'reached' : 'MISSED'}`
  )
  return { metric, figure, target, passed }
}

/** The paths of all files and models that a recipe reads, by name. */
async function prepareAll({ data, files = {}, made, needs = {} }, folder, options) {
  const paths = data ? { data: prepare(data, folder) } : {}
  for (const [key, file] of Object.entries(files)) paths[key] = prepare(file, folder, key)
  if (made) Object.assign(paths, await make(made, folder, options.seed))
  for (const [key, needed] of Object.entries(needs)) paths[key] = await modelOf(needed, options)
  return paths
}

async function run(name, options) {
  const { recipes, out, resume, seed } = options
  const recipe = readRecipe(recipes, name)
  const missing = recipe.device === 'cuda' ? await noGpu() : null
  if (missing !== null) {
    console.log(`skipped: ${name} needs a GPU, and ${missing}`)
    return true
  }
  const folder = join(out, name)
  mkdirSync(folder, { recursive: true })
  if (recipe.folds) return runFolds(name, recipe, options, gatecell)
  const paths = await prepareAll(recipe, folder, options)
  const words = (list) => list.map((word) => paths[/^\{(\w+)\}$/.exec(word)?.[1]] ?? word)
  const model = join(folder, 'model.safetensors')
  paths.model = model
  const again = resume ? ['--resume'] : ['--force']
  const train = [
    'train',
    recipe.task ?? 'text',
    ...(recipe.data ? [paths.data] : []),
    '--out',
    model,
    '--seed',
    seed,
    '--log-dir',
    join(folder, 'log'),
    ...words(recipe.train)
  ]
  console.log(`${recipe.title}: gatecell ${train.join(' ')}`)
  const started = performance.now()
  await gatecell([...train, ...again])
  const seconds = (performance.now() - started) / 1000
  const minutes = seconds / 60
  const measured = recipe.data || recipe.evaluateOn ? words([recipe.evaluateOn ?? paths.data]) : []
  const measure = async (title, own, bars) => {
    const evaluation = await gatecell(['evaluate', model, ...measured, ...words(own), '--json'], { json: true })
    return bars.map((bar) => judge(title, bar, evaluation, minutes))
  }
  const [main, ...others] = await measure(name, recipe.evaluate, [recipe, ...(recipe.also ?? [])])
  for (const { evaluate, bars } of recipe.again ?? [])
    others.push(...(await measure([name, ...evaluate].join(' '), evaluate, bars)))
  const { measured: more } = recipe
  if (more) others.push(...(await judgeProgram(name, { ...more, words: words(more.words) }, minutes)))
  const writes = recipe.sample ? await judgeSamples(model, recipe.sample, folder) : { passed: true }
  const answers = await judgeAnswers(model, recipe.answers ?? [])
  const time = recipe.within === undefined ? { passed: true } : judgeTime(name, seconds, recipe.within)
  const passed = [main, ...others, writes, answers, time].every((one) => one.passed)
  const result = {
    recipe: name,
    seed: Number(seed),
    ...main,
    passed,
    minutes,
    ...(others.length > 0 && { also: others }),
    ...(recipe.sample && { closed_tags: writes.share })
  }
  writeFileSync(join(folder, 'result.json'), JSON.stringify(result, null, 2) + '\n')
  return passed
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      recipes: { type: 'string', default: join(here, 'recipes') },
      out: { type: 'string', default: '.cache/recipes' },
      seed: { type: 'string', default: '0' },
      resume: { type: 'boolean', default: false },
      fold: { type: 'string' },
      list: { type: 'boolean', default: false }
    }
  })
  if (values.list || positionals.length === 0) {
    for (const name of recipeNames(values.recipes)) {
      const recipe = readRecipe(values.recipes, name)
      const [bar] = recipe.folds?.bars ?? [recipe]
      console.log(
        `${name.padEnd(24)} ${recipe.title}: ${bound(bar)} ${bar.metric}, about ${recipe.minutes} minutes on ${recipe.device === 'cuda' ? 'a GPU' : 'two cores'}`
      )
    }
  }
  for (const name of positionals) if (!(await run(name, values))) process.exitCode = 1
} catch (error) {
  if (!(error instanceof RecipeError) && error.code !== 'ENOENT') throw error
  console.error(`recipe: ${error.message}`)
  process.exitCode = 2
}
