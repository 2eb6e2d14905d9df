// A task of its own: it learns the factor between numbers. One value with data, settings, model, measure and a verb gets training, resume,
// evaluation, help, JSON Schema and its verb from the registry.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createBuckets, f32, linear, meanSquare, sampleSource } from '../../src/index.js'
import { integer, number } from '../../src/settings/index.js'
import { defineTask } from '../../src/tasks/define-task.js'
import { trainingSettings } from '../../src/tasks/runs/settings.js'
import { inProcess } from '../cli/in-process.js'

function sourceOf(numbers: readonly number[], train: boolean) {
  const buckets = createBuckets(
    numbers.map(() => 1),
    { batch: 2, shuffle: train }
  )
  return sampleSource(buckets, { dims: { batch: 2 }, train }, (rows) => {
    const x = Float32Array.from(rows, (row) => numbers[row]!)
    return { inputs: { x, y: x.map((value) => 3 * value) }, count: rows.length }
  })
}

const dummy = defineTask({
  id: 'dummy',
  summary: 'learn a factor',
  data: ['<file>', 'numbers'],
  unit: 'numbers',
  counted: 'number',
  lossUnit: 'squares',
  measures: [{ name: 'error', unit: 'units', better: 'lower' }],
  network: { units: integer({ min: 1, max: 99, default: 1, help: 'factors' }) },
  training: trainingSettings({ batch: 2, epochs: 60, clip: 0, learningRate: 0.05, data: 'numbers', seeded: 'weights' }),
  definition: ({ units }) => ({
    inputs: { x: f32('batch', 1) },
    targets: { y: f32('batch', 1) },
    forward: ({ x }) => ({ out: linear(x!, { name: 'factor', size: units, bias: false }) }),
    loss: ({ out }, { y }) => meanSquare(out!, y!)
  }),
  async open([file]) {
    const numbers = (await readFile(file!, 'utf8')).split(' ').map(Number)
    return { train: sourceOf(numbers, true), valid: sourceOf([1, 2], false), count: 2 }
  },
  measure: async ({ parameters }) => ({ error: Math.abs(parameters.get('factor.weight').data[0]! - 3) }),
  verbs: [
    {
      name: 'multiply',
      description: 'Multiplies.',
      words: [],
      settings: { by: number({ min: 0, default: 1, help: 'the number to multiply' }) },
      notes: '',
      async run({ model, options }, { output }) {
        using loaded = await dummy.load(model)
        const { by } = options as { by: number }
        output.record({ event: 'product', product: loaded.model.parameters.get('factor.weight').data[0]! * by })
      }
    }
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
