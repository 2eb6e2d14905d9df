// A model's file is opened once: if another file replaces it after that, evaluations, traces and verbs use only the first one.

import { copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeCheckpoint, type Model } from '../../src/index.js'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import { withDefaults, type Group } from '../../src/settings/index.js'
import { recognitionModel } from '../../src/tasks/handwriting-recognition/index.js'
import { generationModel, loadWriter } from '../../src/tasks/handwriting-synthesis/index.js'
import { tasks } from '../../src/tasks/registry.js'
import type { ModelInput, TaskContext } from '../../src/tasks/task.js'
import { textModel } from '../../src/tasks/text/index.js'
import { generationConfig, recognitionConfig, textConfig } from '../border/worlds.js'
import { inkSamples, ndjson } from '../ink-samples.js'

const folder = t.testdir({ 'text.txt': 'abc\ncab\n'.repeat(20), 'ink.ndjson': ndjson(inkSamples(3)) })
const at = (...names: string[]) => join(folder, ...names)

async function save(made: Model, path: string): Promise<void> {
  using model = made
  const { name, config, parameters } = model
  await writeCheckpoint(path, { task: name, config, progress: { step: 1 }, weights: parameters.list() })
}

/** Models of two sizes for each task, so that the configuration of one does not fit the weights of the other. */
const models: Record<string, (hidden: number) => Model> = {
  text: (hidden) => textModel({ ...textConfig, network: { ...textConfig.network, hidden } }),
  'handwriting-recognition': (hidden) =>
    recognitionModel({
      ...recognitionConfig,
      network: { ...recognitionConfig.network, hidden }
    }),
  'handwriting-synthesis': (hidden) =>
    generationModel({
      ...generationConfig,
      network: { ...generationConfig.network, hidden }
    })
}

/** Returns the records of a use of a model's file, without times; `replaced`: another file takes the place of the open one. */
async function recordsOf(
  task: string,
  settings: Group,
  words: string[],
  use: (input: ModelInput, context: TaskContext) => Promise<unknown>,
  replaced: boolean
): Promise<string> {
  copyFileSync(at(task, 'one'), at(task, 'm.safetensors'))
  copyFileSync(at(task, 'two'), at(task, 'other'))
  const file = await openCheckpoint(at(task, 'm.safetensors'))
  if (replaced) renameSync(at(task, 'other'), at(task, 'm.safetensors'))
  const records: unknown[] = []
  const context: TaskContext = {
    output: { json: true, line() {}, record: (record) => void records.push(record), write: async () => {} },
    progress: { show() {}, clear() {} },
    signal: new AbortController().signal,
    stdin: () => process.stdin
  }
  try {
    const options = withDefaults(settings, (settings['weights'] ? { weights: 'int8' } : {}) as object)
    records.push(await use({ model: file, words, options }, context))
  } finally {
    await file.close()
  }
  return JSON.stringify(records, (name, value: unknown) => (/second/.test(name) || name === 'lines' ? 0 : value))
}

for (const task of tasks)
  t.test(task.id, async (t) => {
    mkdirSync(at(task.id))
    await save(models[task.id]!(8), at(task.id, 'one'))
    await save(models[task.id]!(12), at(task.id, 'two'))
    const data = [at(task.id === 'text' ? 'text.txt' : 'ink.ndjson')]
    const { evaluation, tracing, verbs } = task
    const uses = [
      { name: 'evaluate', settings: evaluation.settings, words: data, run: task.evaluate.bind(task) },
      ...(tracing
        ? [{ name: 'trace', settings: tracing.settings, words: data, run: tracing.trace.bind(tracing) }]
        : []),
      ...verbs.map((verb) => ({
        name: verb.name,
        settings: verb.settings,
        words: verb.name === 'read' ? data : verb.name === 'write' ? ['lv'] : [],
        run: verb.run.bind(verb)
      }))
    ]
    for (const { name, settings, words, run } of uses) {
      const [alone, replaced] = [
        await recordsOf(task.id, settings, words, run, false),
        await recordsOf(task.id, settings, words, run, true)
      ]
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
