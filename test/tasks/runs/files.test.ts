// The files of a run: the model to use has only weights; the state of the run has everything else, and the best weights too.

import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCheckpoint, writeCheckpoint } from '../../../src/io/checkpoint.js'
import { openSafetensors } from '../../../src/io/safetensors/file.js'
import { loadTextModel, prepareTextRun, type TextRunOptions } from '../../../src/tasks/text/index.js'
import { digest, story } from '../../cli/command.js'

/** A folder with a text, and a run in it that validates every 10 of its 30 steps. */
function runIn(cwd: string, more: Partial<TextRunOptions> = {}) {
  const out = join(cwd, 'm.safetensors')
  const last = join(cwd, 'm.last.safetensors')
  const prepare = (mode: 'new' | 'resume', steps = 30) =>
    prepareTextRun({
      data: [join(cwd, 'story.txt')],
      out,
      mode,
      network: { hidden: 8, layers: 1 },
      // At this rate it diverges after a while: the best weights are not the last ones.
      training: {
        batch: 4,
        length: 16,
        steps,
        validEvery: 10,
        optimizer: 'sgd',
        learningRate: 5,
        schedule: 'constant',
        warmup: 0
      },
      threads: 1,
      ...more
    })
  const fit = async (mode: 'new' | 'resume', steps?: number) => {
    const run = await prepare(mode, steps)
    try {
      return { ...(await run.fit()), resumed: run.resumed }
    } finally {
      run.dispose()
    }
  }
  return { out, last, prepare, fit }
}

const folder = () => t.testdir({ 'story.txt': story(3000) })

async function groups(path: string): Promise<Record<string, number>> {
  const { tensors } = await readCheckpoint(path)
  const counts: Record<string, number> = {}
  for (const { group } of tensors.values()) counts[group] = (counts[group] ?? 0) + 1
  return counts
}

t.test('the model has only weights, the rest is in the state of the run', async (t) => {
  const { out, last, fit, prepare } = runIn(folder())
  const { summary, valid } = await fit('new')
  t.ok(summary.best!.step < 30, 'the best weights are not the last')
  const { weights } = await groups(out)
  t.same(await groups(out), { weights })
  t.same(await groups(last), { weights, moment1: weights, state: 2, best: weights })
  const file = await openSafetensors(out)
  const { tensors } = file.header
  await file.close()
  t.same(
    [...tensors.keys()].sort(),
    ['embedding.weight', 'head.bias', 'head.weight']
      .concat(['bias_hh_l0', 'bias_ih_l0', 'weight_hh_l0', 'weight_ih_l0'].map((name) => `lstm.${name}`))
      .sort(),
    'the names of torch.nn modules, and no others'
  )
  // Weights, one moment and the best weights in the state of the run; headers are small.
  t.ok(statSync(out).size < statSync(last).size / 2.5)
  const model = await readCheckpoint(out)
  t.same(model.progress, { step: summary.best!.step, validation: summary.best })
  const { best } = await readCheckpoint(last)
  t.same(best, model.weights)
  using loaded = await loadTextModel(last)
  const [own] = loaded.model.parameters.list()
  const state = await readCheckpoint(last)
  t.same(
    own!.data,
    state.weights.get(own!.name)!.data,
    'the state of the run can be used as a model, with the last weights'
  )
  t.notSame(own!.data, best.get(own!.name)!.data)
  t.ok(Math.abs(valid!.nats - summary.best!.loss) < 1e-5 * summary.best!.loss, 'the best weights are measured')

  const learned = digest(out)
  rmSync(last)
  await t.rejects(prepare('resume'), {
    code: 'ERR_FILE_NOT_FOUND',
    message: /the state of the training, to resume from .* copy that file/
  })
  t.equal(digest(out), learned, 'the model stays as it is')
})

t.test('with an average the model has the averaged weights, and the state of the run has both', async (t) => {
  const averaged = (more: Partial<TextRunOptions['training']> = {}) => {
    const training = {
      batch: 4,
      length: 16,
      validEvery: 10,
      learningRate: 1e-2,
      schedule: 'constant',
      average: 0.9
    } as const
    return (steps: number): Partial<TextRunOptions> => ({ training: { ...training, steps, ...more } })
  }
  const whole = runIn(folder(), averaged()(30))
  await whole.fit('new')
  const { weights } = await groups(whole.out)
  t.same(await groups(whole.last), {
    weights,
    moment1: weights,
    moment2: weights,
    average: weights,
    state: 2,
    best: weights
  })
  const state = await readCheckpoint(whole.last)
  t.same((await readCheckpoint(whole.out)).weights, state.best)
  t.equal((state.progress['best'] as { step: number }).step, 30)
  t.same(state.best, state.average, 'the last validation was the best, and of the averaged weights')
  t.notSame(state.average, state.weights)

  const cwd = folder()
  await runIn(cwd, averaged()(13)).fit('new')
  const resumed = runIn(cwd, averaged()(30))
  const ready = await resumed.prepare('resume')
  const { parameters } = ready.memory
  t.equal(parameters, ready.model.parameters.bytes)
  ready.dispose()
  await resumed.fit('resume')
  const again = await readCheckpoint(resumed.last)
  for (const group of ['weights', 'average', 'moment1', 'moment2', 'state'] as const)
    t.same(again[group], state[group], group)
  const plain = runIn(folder(), averaged({ average: undefined as unknown as number })(10))
  const without = await plain.prepare('new')
  t.equal(parameters, (without.memory.parameters * 5) / 4, 'memory counts the averaged weights')
  without.dispose()
})

t.test('a run whose model is gone makes it again before it goes on', async (t) => {
  const { out, fit, prepare } = runIn(folder())
  const first = await fit('new')
  const model = digest(out)
  rmSync(out)
  const ready = await prepare('resume')
  t.match(ready.resumed, { step: 30, remakes: true })
  t.match(ready.describe(1), { remade_model: true })
  ready.dispose()
  t.notOk(existsSync(out), 'nothing is written before fit')
  const { summary, valid, resumed } = await fit('resume')
  t.ok(resumed!.remakes)
  t.equal(digest(out), model, 'to the bit')
  t.same(summary.best, first.summary.best)
  t.equal(valid!.nats, first.valid!.nats, 'and it is measured')
  rmSync(out)
  const more = await fit('resume', 40)
  t.equal(more.summary.step, 40)
  t.same(more.summary.best, first.summary.best, 'at this rate no later validation is better')
  t.equal(more.valid!.nats, first.valid!.nats, 'and the model that was made again is measured')
  t.equal(digest(out), model)
  t.notOk((await fit('resume', 40)).resumed!.remakes, 'a model that is there is not made again')
})

t.test('another file in the place of the model is refused before the work begins', async (t) => {
  const { out, last, fit, prepare } = runIn(folder())
  await fit('new')
  const good = readFileSync(out)
  const refused = { code: 'ERR_FILE_EXISTS', message: /Expected the model of the run at .* move it away/ }
  const model = await readCheckpoint(out)
  const tensors = (loaded: typeof model.weights) =>
    [...loaded].map(([name, { shape, data }]) => ({ name, shape, data: (data as Float32Array).map((x) => x + 1) }))
  const write = (progress: object, config = model.config) =>
    writeCheckpoint(out, { task: 'text', config, progress: { ...progress }, weights: tensors(model.weights) })
  await write({ step: 5, validation: null })
  await t.rejects(prepare('resume'), refused, 'earlier weights')
  await write({ step: 30, validation: null }, { ...model.config, data: { train: 1, valid: 1, fingerprint: 1 } })
  await t.rejects(prepare('resume'), refused, 'of other data')
  for (const bytes of [good.subarray(0, 100), Buffer.concat([good.subarray(0, -1), Buffer.from([1 + good.at(-1)!])])]) {
    writeFileSync(out, bytes)
    await t.rejects(prepare('resume'), refused, 'damaged')
    t.ok(readFileSync(out).equals(bytes), 'it stays')
  }
  // A process that was killed after it wrote the model, and before it wrote the state of the run.
  await write({ step: 1000, validation: null })
  const later = digest(out)
  const ready = await prepare('resume')
  t.notOk(ready.resumed!.remakes)
  ready.dispose()
  t.equal(digest(out), later)
  renameSync(out, join(last, '..', 'elsewhere'))
  t.ok((await fit('resume')).resumed!.remakes, 'after it was moved away')
})

t.test('a run can go on from its first moment, and without validation', async (t) => {
  const cwd = folder()
  const { out, last, fit, prepare } = runIn(cwd, { split: { valid: 0 } })
  const ready = await prepare('new')
  t.same(
    readdirSync(cwd).filter((name) => name.endsWith('tensors')),
    [],
    'nothing is written before fit'
  )
  let seen: string[] = []
  await ready.fit({ onReport: () => void (seen = seen.length ? seen : readdirSync(cwd)) })
  ready.dispose()
  t.ok(seen.includes('m.last.safetensors'))
  t.same(Object.keys(await groups(out)), ['weights'])
  const { weights } = await readCheckpoint(last)
  t.same((await readCheckpoint(out)).weights, weights)
  copyFileSync(out, join(cwd, 'copy'))
  rmSync(out)
  t.notOk((await fit('resume')).resumed!.remakes, 'the last weights are those of the model')
  t.equal(digest(out), digest(join(cwd, 'copy')))
})
