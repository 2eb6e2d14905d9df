// A model's file is opened once: if another file replaces it after that, evaluations, traces and verbs use only the first one.

import { copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeCheckpoint } from '../../src/index.js'
import { openCheckpoint, type CheckpointFile } from '../../src/io/checkpoint.js'
import { withDefaults } from '../../src/settings/index.js'
import { loadWriter } from '../../src/tasks/handwriting-synthesis/index.js'
import { tasks } from '../../src/tasks/registry.js'
import type { TaskContext, TaskEntry } from '../../src/tasks/task.js'
import { inputOf, type Verb } from '../../src/tasks/verb.js'
import { inkSamples, ndjson } from '../ink-samples.js'
import { pngOf, shapePictures } from './captions/pictures.js'
import { csvOf, monthly } from './forecast/samples.js'
import { models, save } from './small-models.js'

const rolls = JSON.stringify({ train: [], valid: [], test: [[[60, 64], [62], []]] })
const picture = shapePictures(1)[0]!
const folder = t.testdir({
  'image.png': await pngOf(picture.picture),
  'captions.ndjson': JSON.stringify({ file: 'image.png', caption: picture.caption }),
  'text.txt': 'abc\ncab\n'.repeat(20),
  'ink.ndjson': ndjson(inkSamples(3)),
  'rolls.json': rolls,
  'pairs.tsv': 'one two\tdeux un\nsix\tsix\n',
  'sales.csv': csvOf({ sales: monthly(120) })
})
/** The data of a task; the others read ink. */
const dataOf: Record<string, string> = {
  text: 'text.txt',
  music: 'rolls.json',
  translation: 'pairs.tsv',
  captions: 'captions.ndjson'
}
const at = (...names: string[]) => join(folder, ...names)

/** A use of a model's file, which returns its records. */
type Use = (file: CheckpointFile) => Promise<unknown[]>

/** Returns the records of a use of a model's file, without times; `replaced`: another file takes the place of the open one. */
async function recordsOf(task: string, use: Use, replaced: boolean): Promise<string> {
  copyFileSync(at(task, 'one'), at(task, 'm.safetensors'))
  copyFileSync(at(task, 'two'), at(task, 'other'))
  const file = await openCheckpoint(at(task, 'm.safetensors'))
  if (replaced) renameSync(at(task, 'other'), at(task, 'm.safetensors'))
  try {
    return JSON.stringify(await use(file), (name, value: unknown) => (/second/.test(name) ? 0 : value))
  } finally {
    await file.close()
  }
}

const signal = new AbortController().signal
const stdin = () => process.stdin

/** Returns the use of an evaluation. */
function evaluating(task: TaskEntry, words: string[]): Use {
  const records: unknown[] = []
  const context: TaskContext = {
    output: { line() {}, record: (record) => void records.push(record) },
    progress: { show() {}, clear() {} },
    signal,
    stdin
  }
  const given = task.evaluation.settings['weights'] ? { weights: 'int8' } : {}
  return async (model) => {
    const options = withDefaults(task.evaluation.settings, given as object)
    const { values, facts } = await task.evaluate({ model, words, options }, context)
    return [...records, values, facts]
  }
}

/** Returns the use of a verb. */
function usingVerb(verb: Verb, given: object): Use {
  const engine = verb.settings['weights'] ? ({ precision: 'int8' } as const) : {}
  return async (file) => {
    const code = await verb.code()
    using model = await code.load(file, engine)
    const input = withDefaults(inputOf(verb), given)
    const records: unknown[] = []
    const context = { signal, stdin, pieces: false, engine, openModel: (name: string) => openCheckpoint(name) }
    for await (const record of code.run(model, input, context)) records.push(record)
    return records
  }
}

/** The words of evaluations by task; default: the data of the task. */
const evaluated: Readonly<Record<string, string[]>> = { numbers: [], forecast: [at('sales.csv')] }

for (const task of tasks)
  t.test(task.id, async (t) => {
    mkdirSync(at(task.id))
    await save(models[task.id]!(8), at(task.id, 'one'))
    await save(models[task.id]!(12), at(task.id, 'two'))
    const data = [at(dataOf[task.id] ?? 'ink.ndjson')]
    const inputs: Record<string, object> = {
      read: { ink: data.map((path) => ({ path })) },
      write: { text: 'lv' },
      trace: task.id === 'numbers' ? { terms: ['6', '7', '/', '2', '4'] } : { data: { path: data[0] } },
      sample: {},
      compose: { steps: 4 },
      caption: { images: [{ path: at('image.png') }] },
      translate: { sentences: ['one two'] },
      continue: { terms: ['6', '7', '8'] },
      forecast: { file: { path: at('sales.csv') } },
      anomalies: { file: { path: at('sales.csv') } }
    }
    const verbs = [...task.verbs, ...(task.tracing ? [task.tracing] : [])]
    const uses = { evaluate: evaluating(task, evaluated[task.id] ?? data) }
    for (const verb of verbs) Object.assign(uses, { [verb.name]: usingVerb(verb, inputs[verb.name]!) })
    for (const [name, use] of Object.entries(uses)) {
      const [alone, replaced] = [await recordsOf(task.id, use, false), await recordsOf(task.id, use, true)]
      t.equal(replaced, alone, name)
    }
  })

t.test('former names of a task', async (t) => {
  using model = models['handwriting-synthesis']!(8)
  const weights = model.parameters.list()
  const path = at('former.safetensors')
  await writeCheckpoint(path, { task: 'handwriting', config: model.config, progress: { step: 1 }, weights })
  using writer = await loadWriter(path)
  t.equal(writer.info.task, 'handwriting')
  const ink = await writer.write({ text: 'lv', points: 20, partial: true })
  t.ok(ink.ink.strokes.length > 0)
  await writeCheckpoint(path, { task: 'handwritten', config: model.config, progress: { step: 1 }, weights })
  await t.rejects(loadWriter(path), {
    code: 'ERR_WRONG_TASK',
    message: /a handwriting-synthesis model but received a "handwritten" model/
  })
  await t.rejects(loadWriter({} as unknown as string), { code: 'ERR_INVALID_ARGUMENT' })
})
