// A run that begins with the weights of another model: the weights of symbols go by symbol, whatever the task, and the others as they are.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { vocabularyFromText, writeCheckpointSync, type Model } from '../../../src/index.js'
import { synthesisModel, synthesisTask } from '../../../src/tasks/handwriting-synthesis/model.js'
import { recognitionModel, recognitionTask } from '../../../src/tasks/handwriting-recognition/model.js'
import { tasks } from '../../../src/tasks/registry.js'
import { takeInitialWeights } from '../../../src/tasks/runs/initial-weights.js'
import { prepareTextRun } from '../../../src/tasks/text/training/run.js'
import { textModel, textTask } from '../../../src/tasks/text/model.js'
import { synthesisConfig, recognitionConfig, textConfig } from '../../border/worlds.js'
import { inProcess } from '../../cli/in-process.js'

const [small, large] = ['lv', 'avlz'].map((symbols) => ({ vocabulary: vocabularyFromText(symbols).config })) as [
  { vocabulary: ReturnType<typeof vocabularyFromText>['config'] },
  { vocabulary: ReturnType<typeof vocabularyFromText>['config'] }
]

function save({ name, config, parameters }: Model, path: string): string {
  writeCheckpointSync(path, { task: name, config, progress: { step: 1 }, weights: parameters.list() })
  return path
}

/** Returns row or column `index` of a parameter. */
function line(model: Model, name: string, index: number, axis: 0 | 1): number[] {
  const { shape, data } = model.parameters.get(name)
  const width = shape.slice(1).reduce((product, size) => product * size, 1)
  return [...data].filter((_, i) => (axis === 0 ? Math.floor(i / width) : i % width) === index)
}

t.test('the weights of symbols of every task', async (t) => {
  const cases = [
    {
      task: textTask,
      make: textModel,
      config: textConfig,
      lines: [
        ['embedding.weight', 0, 0],
        ['head.bias', 0, 0]
      ]
    },
    { task: recognitionTask, make: recognitionModel, config: recognitionConfig, lines: [['head.weight', 1, 0]] },
    {
      task: synthesisTask,
      make: synthesisModel,
      config: synthesisConfig,
      lines: [
        ['layer0.weight_ih_l0', 4, 1],
        ['layer1.weight_ih_l0', 4, 1]
      ]
    }
  ] as const
  for (const { task, make, config, lines } of cases) {
    const configs = [small, large].map((vocabulary) => ({ ...config, ...vocabulary }) as never)
    using from = make(configs[0]!, { seed: 1 })
    using model = make(configs[1]!, { seed: 2 })
    using fresh = make(configs[1]!, { seed: 2 })
    const path = save(from, join(t.testdir(), 'small.safetensors'))
    const { byRow, left, unused } = await takeInitialWeights(task as never, { model, config: configs[1]!, path })
    const copied = config === textConfig ? 2 : 3 // l and v, and the blank or the end of the text
    t.same([byRow.every(({ rows }) => rows === copied), left, unused], [true, [], []], task.task)
    for (const [name, first, axis] of lines) {
      // lv is part of alvz, which has the ids a 0, l 1, v 2, z 3.
      for (const [old, now] of [
        [0, 1],
        [1, 2]
      ])
        // prettier-ignore
        t.same(line(model, name, first + now!, axis), line(from, name, first + old!, axis), name)
      for (const now of [0, 3]) t.same(line(model, name, first + now, axis), line(fresh, name, first + now, axis), name)
      if (axis === 1) {
        const [before, end] = [line(from, name, 0, 1), from.parameters.get(name).shape[1]! - 1]
        t.same(line(model, name, 0, 1), before, 'columns of the pen')
        const last = model.parameters.get(name).shape[1]! - 1
        if (name.startsWith('layer1')) t.same(line(model, name, last, 1), line(from, name, end, 1), 'the layer below')
      }
    }
  }
})

t.test('train --init-from', async (t) => {
  const folder = t.testdir({ 'old.txt': 'abcd'.repeat(60), 'new.txt': 'cdefg'.repeat(60) })
  const run = (line: string) => inProcess(line.replaceAll('@', join(folder, '/')).split(' '), tasks)
  const options = '--hidden 8 --batch 2 --length 4 --device cpu --json'
  t.equal((await run(`train text @old.txt --out @old.safetensors --steps 3 ${options}`)).code, 0)
  const train = `train text @new.txt --out @new.safetensors --init-from @old.safetensors ${options}`
  const { code, records } = await run(`${train} --steps 2`)
  t.equal(code, 0)
  const { initial } = records[0] as { initial: { by_symbol: Record<string, number>; left: string[]; taken: string[] } }
  t.same(initial.by_symbol, { 'embedding.weight': 2, 'head.weight': 2, 'head.bias': 2 })
  t.same(initial.left, [])
  t.ok(initial.taken.includes('lstm.weight_hh_l0'))

  const resumed = await run(`${train} --steps 4 --resume`)
  t.match(resumed.records[0], { resumed_from: 2, initial: undefined })
  writeFileSync(join(folder, 'broken.safetensors'), 'x')
  t.not((await run(`${train.replace('old.safe', 'broken.safe')} --force`)).code, 0)
  const people = await run(`${train.replace(' --json', '')} --force --steps 1`)
  t.match(people.stdout, /initial {2}.*old.safetensors: 8 parameters as they are, 3 by symbol \(2 symbols\)\n/)
})

t.test('the first weights are those of the file', async (t) => {
  const folder = t.testdir({ 'text.txt': 'abcd'.repeat(60) })
  const [path, out] = [join(folder, 'old.safetensors'), join(folder, 'new.safetensors')]
  const data = [join(folder, 'text.txt')]
  const options = { data, network: { hidden: 8 }, training: { batch: 2, length: 4, steps: 1 } }
  const old = await prepareTextRun({ ...options, out: path })
  await old.fit()
  old.dispose()
  const next = await prepareTextRun({ ...options, out, initFrom: path })
  t.equal(next.initial!.path, path)
  const again = await prepareTextRun({ ...options, out: join(folder, 'third.safetensors') })
  t.not(next.model.parameters.get('head.bias').data.join(), again.model.parameters.get('head.bias').data.join())
  next.dispose()
  again.dispose()
  const wide = { ...options, network: { hidden: 9 }, out: join(folder, 'wide.safetensors'), initFrom: path }
  await t.rejects(prepareTextRun(wide), {
    code: 'ERR_INVALID_SHAPE',
    message: /Expected "embedding.weight" with 4 rows in the tensors and 4 in the model, of one width/
  })
})
