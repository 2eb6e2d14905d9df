// A task of its own: it learns the factor between numbers. One value with data, settings, model, measure and a verb gets training, resume,
// evaluation, help, JSON Schema and its verb from the registry.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createDataset, f32, linear, meanSquare } from '../../src/index.js'
import { field, setting } from '../../src/settings/index.js'
import { defineTask } from '../../src/tasks/define-task.js'
import type { LoadedModel } from '../../src/tasks/runs/load.js'
import { trainingSettings } from '../../src/tasks/runs/settings.js'
import { defineVerb } from '../../src/tasks/verb.js'
import { inProcess } from '../cli/in-process.js'

const definition = { inputs: { x: f32('batch', 1) }, targets: { y: f32('batch', 1) } }
const sourceOf = (numbers: readonly number[], train: boolean) =>
  createDataset({ definition }, numbers.map((x) => ({ x, y: 3 * x })), { batch: 2, shuffle: train, repeat: train }) // prettier-ignore

type Loaded = LoadedModel<object>

const dummy = defineTask({
  id: 'dummy',
  summary: 'learn a factor',
  data: ['<file>', 'numbers'],
  unit: 'numbers',
  counted: 'number',
  lossUnit: 'squares',
  measures: [{ name: 'error', unit: 'units', better: 'lower' }],
  network: { units: setting.integer({ min: 1, max: 99, default: 1, help: 'factors' }) },
  training: trainingSettings({ batch: 2, epochs: 60, clip: 0, learningRate: 0.05, data: 'numbers', seeded: 'weights' }),
  code: () =>
    Promise.resolve({
      definition: ({ units }) => ({
        ...definition,
        forward: ({ x }) => ({ out: linear(x!, { name: 'factor', size: units, bias: false }) }),
        loss: ({ out }, { y }) => meanSquare(out!, y!)
      }),
      async open([file]) {
        const numbers = (await readFile(file!, 'utf8')).split(' ').map(Number)
        return { train: sourceOf(numbers, true), valid: sourceOf([1, 2], false), count: 2 }
      },
      measure: ({ parameters }) =>
        Promise.resolve({ values: { error: Math.abs(parameters.get('factor.weight').data[0]! - 3) }, facts: {} })
    }),
  verbs: (load) => [
    defineVerb({
      name: 'multiply',
      description: 'Multiplies.',
      words: [],
      settings: { by: setting.number({ min: 0, default: 1, help: 'the number to multiply' }) },
      records: { product: { product: field.number('the product') } },
      notes: '',
      code: async () => ({
        load: (file): Promise<Loaded> => load(file),
        async *run({ model }: Loaded, { by }) {
          yield { event: 'product', product: model.parameters.get('factor.weight').data[0]! * by }
        }
      })
    })
  ]
})

t.test('a task from the registry', async (t) => {
  const folder = t.testdir({ numbers: '1 2 3 4' })
  const run = (line: string) => inProcess(line.replaceAll('@', join(folder, '/')).split(' '), [dummy])
  const train = 'train dummy @numbers --out @m.safetensors --json --device cpu'
  t.match(await run(`${train} --steps 10`), { code: 0, records: [{ event: 'start' }] })
  t.not((await run(`${train} --units 2 --resume`)).code, 0, 'a network of another shape is refused')
  t.not((await run(`${train} --batch 4 --resume`)).code, 0, 'another order of the data is refused')
  const { records } = await run(`${train} --epochs 200 --resume`)
  t.match(records[0], { resumed_from: 10 })
  t.match(records.at(-1), { event: 'end', steps: 400, valid_error: Number })
  const [evaluation] = (await run('evaluate @m.safetensors @numbers --json')).records
  t.ok((evaluation!['error'] as number) < 0.01)
  const [product] = (await run('multiply @m.safetensors --by 2 --json')).records
  t.ok(Math.abs((product!['product'] as number) - 6) < 0.02)
  t.match((await run('train dummy --help')).stdout, /--units <n> +factors \(default: 1\)/)
  const schema = JSON.parse((await run('schema')).stdout) as { dummy: object }
  t.match(schema, { dummy: { train: { properties: { network: { properties: { units: { maximum: 99 } } } } } } })
})

/** Returns a use of the task below that takes words, which are texts, and repeats them. */
function repeating(name: string, word: string) {
  return defineVerb({
    name,
    description: 'Repeats.',
    words: [word],
    settings: { [word]: setting.texts({ flag: null, help: 'any words' }) },
    records: { [name]: { words: field.list(field.text('a word'), 'the words') } },
    notes: '',
    code: async () => ({
      load: (file): Promise<Loaded> => maker.load(file),
      async *run(_: Loaded, input) {
        yield { event: name, words: input[word]! }
      }
    })
  })
}

/** A task that makes its data itself, measures as it likes, and takes words that are texts. */
const maker = defineTask({
  id: 'maker',
  summary: 'learn a factor from numbers of its own',
  unit: 'numbers',
  counted: 'number',
  lossUnit: 'squares',
  measures: [{ name: 'error', unit: 'units', better: 'lower' }],
  network: {},
  training: trainingSettings({ batch: 2, epochs: 60, clip: 0, learningRate: 0.05, data: 'numbers', seeded: 'weights' }),
  code: async () => ({
    ...(await import('./maker-code.js')),
    introduce: ({ training }, { count }) => ({
      data: `${count} to measure`,
      step: `${training.batch} numbers`
    }),
    evaluate: (loaded, { words, options }) => {
      const factor = loaded.model.parameters.get('factor.weight').data[0]!
      const { by } = options as { by: number }
      return Promise.resolve({ values: { error: Math.abs(factor - 3) }, facts: { by, words: [...words] } })
    }
  }),
  evaluation: { settings: { by: setting.number({ default: 1, help: 'a number' }) }, notes: '', words: [] },
  tracing: () => repeating('trace', 'numbers'),
  verbs: () => [repeating('echo', 'words')]
})

t.test('a task without data files', async (t) => {
  const folder = t.testdir()
  const run = (line: string) => inProcess(line.replaceAll('@', join(folder, '/')).split(' '), [dummy, maker])
  const help = (await run('train maker --help')).stdout
  t.match(help, /^Usage: gatecell train maker \[options\]\n/)
  t.notMatch(help, /--valid-file/)
  const { stdout } = await run('train maker --out @m.safetensors --steps 100 --device cpu')
  t.match(stdout, /^data {5}2 to measure\nnetwork {2}maker, /)
  t.match(stdout, /2 numbers a step/)
  t.match(await run('train maker more --out @n.safetensors'), { code: 2, stderr: /too many arguments/ })

  const [evaluation] = (await run('evaluate @m.safetensors --by -2 --json')).records
  t.match(evaluation, { event: 'evaluate', task: 'maker', error: Number, by: -2, words: [] })
  t.match(await run('evaluate @m.safetensors more'), {
    code: 2,
    stderr: /Expected nothing after the model but received 1 word: see/
  })
  t.match((await run('trace @m.safetensors 3 -1 --json -2')).records, [{ words: ['3', '-1', '-2'] }])
  t.match(await run('trace @m.safetensors'), {
    code: 2,
    stderr: /Expected <numbers...> after the model but received nothing: see/
  })
  t.match((await run('echo @m.safetensors -3  4 --json')).records, [{ words: ['-3', '', '4'] }])
})

t.test('a task with data among others without', async (t) => {
  const folder = t.testdir({ numbers: '1 2 3 4' })
  const run = (line: string) => inProcess(line.replaceAll('@', join(folder, '/')).split(' '), [dummy, maker])
  await run('train dummy @numbers --out @m.safetensors --steps 10 --json --device cpu')
  t.match((await run('evaluate @m.safetensors @numbers --json')).records, [{ task: 'dummy' }])
  t.match(await run('evaluate @m.safetensors'), {
    code: 2,
    stderr: /Expected <data...> after the model but received nothing: see/
  })
  t.match(await run('evaluate @m.safetensors '), { code: 2, stderr: /Expected the path of a file for the data/ })
})
