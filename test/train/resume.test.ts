// A run of N steps equals k steps, a stop and N - k more: the same checkpoint bytes, whatever the number of threads.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createTrainer, type Optimizer, type Resumable, type Snapshot, type TrainerOptions } from '../../src/index.js'
import { readCheckpoint, writeCheckpoint } from '../../src/io/checkpoint.js'
import { noise, textModel, trainingData, validationData } from '../text-model.js'

const data = trainingData(noise(300), 8, 6)
const options: TrainerOptions = {
  optimizer: { kind: 'adamw', learningRate: 5e-3 },
  schedule: { kind: 'plateau', patience: 0, warmup: 5 },
  validation: validationData(noise(100, 2)),
  validateEvery: 6,
  seed: 11
}
const model = (threads: number) => textModel({ hidden: 48, layers: 2, dropout: 0.3 }, { seed: 9, threads })

/**
 * Runs to `steps`, writing a checkpoint every 5 steps; returns the bytes of the last one without its best validation, which
 * may be that of a stop on the way.
 */
async function run(folder: string, steps: number, threads: number, from?: string): Promise<Buffer> {
  using network = model(threads)
  const resume = from === undefined ? {} : { resume: (await readCheckpoint(from)) as Resumable }
  const checkpoint = (snapshot: Snapshot, kind: string) =>
    kind === 'last'
      ? writeCheckpoint(join(folder, `${snapshot.progress['step'] as number}.safetensors`), snapshot)
      : undefined
  const trainer = createTrainer(network, data, { ...options, ...resume, steps, checkpointEvery: 5, checkpoint })
  await trainer.fit()
  const path = join(folder, 'compared.safetensors')
  const end = trainer.snapshot()
  await writeCheckpoint(path, { ...end, progress: { ...end.progress, best: null } })
  return readFileSync(path)
}

t.test('the same bytes with 1, 2, 3 and 4 threads and from every stop', async (t) => {
  const folder = t.testdir()
  const whole = await run(folder, 12, 1)
  for (const threads of [2, 3, 4]) t.ok((await run(t.testdir(), 12, threads)).equals(whole), `${threads} threads`)
  for (const [k, threads] of [
    [5, 2],
    [10, 1]
  ] as const) {
    await t.test(`from step ${k}`, async (t) => {
      const partFolder = t.testdir()
      await run(partFolder, k, threads)
      const resumed = await run(partFolder, 12, 5 - threads, join(partFolder, `${k}.safetensors`))
      t.ok(resumed.equals(whole))
    })
  }
})

t.test('the end of a run is validated, and the run that goes on keeps the better model', async (t) => {
  const folder = t.testdir()
  /** Continues to `steps`; returns the checkpoints' steps by kind, the progress in the last one and the summary. */
  const goOn = async (steps: number, from?: string) => {
    using network = model(1)
    const resume = from === undefined ? {} : { resume: (await readCheckpoint(from)) as Resumable }
    const path = join(folder, `${steps}.safetensors`)
    const seen: [kind: string, step: number][] = []
    const checkpoint = async (snapshot: Snapshot, kind: string) => {
      seen.push([kind, snapshot.progress['step'] as number])
      if (kind === 'last') await writeCheckpoint(path, snapshot)
    }
    const summary = await createTrainer(network, data, { ...options, ...resume, steps, checkpoint }).fit()
    return { path, seen, summary, progress: (await readCheckpoint(path)).progress }
  }
  // Trained on noise: each validation is worse than the one before.
  const first = await goOn(4)
  t.match(first.summary, { validation: { step: 4, best: true }, best: { step: 4 } })
  t.same(first.progress['best'], first.summary.best, 'the last checkpoint holds the validation of the end')
  t.same(first.seen, [
    ['last', 4],
    ['best', 4],
    ['last', 4]
  ])
  const second = await goOn(10, first.path)
  t.same(
    second.seen.filter(([kind]) => kind === 'best'),
    [],
    'no worse model is called the best'
  )
  t.same(second.summary.best, first.summary.best)
  t.match(second.progress, { best: { step: 4 }, validation: { step: 10 }, lowest: Number, bad: 0 })
  const again = await goOn(10, second.path)
  t.same(again.progress, second.progress, 'a run with nothing left to do changes nothing')
})

t.test('an aborted run ends without a validation, which the next one makes', async (t) => {
  using network = model(1)
  const stopper = new AbortController()
  const seen: string[] = []
  const checkpoint = (snapshot: Snapshot, kind: string) =>
    void seen.push(`${kind} ${snapshot.progress['step'] as number}`)
  const trainer = createTrainer(network, data, { ...options, reportEvery: 1, steps: 14, checkpoint })
  trainer.on('report', ({ step }) => step === 4 && stopper.abort())
  const summary = await trainer.fit({ signal: stopper.signal, onAbort: 'return' })
  t.match(summary, { stopped: 'abort', step: 4, validation: null, best: null })
  t.same(seen, ['last 4'])
})

t.test('an abort at any step loses nothing', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'last.safetensors')
  await run(folder, 14, 1)
  const whole = readFileSync(join(folder, '14.safetensors'))
  let saved: string | undefined
  for (const stop of [1, 6, 11, Infinity]) {
    using network = model(1)
    const resume = saved === undefined ? {} : { resume: (await readCheckpoint(saved)) as Resumable }
    const checkpoint = (snapshot: Snapshot, kind: string) =>
      kind === 'last' ? writeCheckpoint(path, snapshot) : undefined
    const trainer = createTrainer(network, data, { ...options, ...resume, reportEvery: 1, steps: 14, checkpoint })
    const stopper = new AbortController()
    // At step 6, in the middle of a validation: the next run makes it.
    trainer.on('report', ({ step }) => step === stop && stopper.abort())
    if (stop === 6) trainer.on('validation', () => stopper.abort())
    await trainer.fit({ signal: stopper.signal, onAbort: 'return' })
    saved = path
  }
  t.ok(readFileSync(path).equals(whole))
})

t.test('every optimiser resumes', async (t) => {
  const optimizers: Optimizer[] = [
    { kind: 'sgd' },
    { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-3 },
    { kind: 'rmsprop' },
    { kind: 'adam' },
    { kind: 'adamw', amsgrad: true, beta2: 0.5 }
  ]
  for (const optimizer of optimizers) {
    const steps = async (count: number, resume?: Resumable) => {
      using network = model(1)
      const trainer = createTrainer(network, data, { optimizer, steps: count, ...(resume && { resume }) })
      await trainer.fit()
      return structuredClone(trainer.snapshot())
    }
    const half = await steps(4)
    const named = (list: Snapshot['weights'] = []) => new Map(list.map((tensor) => [tensor.name, tensor]))
    const { progress, weights, moment1, moment2, moment3, state } = half
    const resume = {
      progress,
      weights: named(weights),
      moment1: named(moment1),
      moment2: named(moment2),
      moment3: named(moment3),
      state: named(state)
    }
    t.same(await steps(8, resume), await steps(8), JSON.stringify(optimizer))
  }
})

t.test('what does not fit is refused', async (t) => {
  const folder = t.testdir()
  await run(folder, 5, 1)
  const resume = (await readCheckpoint(join(folder, '5.safetensors'))) as Resumable
  using network = model(1)
  const refused: [string, TrainerOptions, string][] = [
    ['another seed', { ...options, resume, seed: 12 }, 'ERR_INVALID_ARGUMENT'],
    ['another optimiser', { resume, optimizer: { kind: 'sgd' } }, 'ERR_INVALID_ARGUMENT'],
    ['AMSGrad from AdamW', { resume, optimizer: { kind: 'adamw', amsgrad: true } }, 'ERR_INVALID_ARGUMENT'],
    ['weights alone', { ...options, resume: { ...resume, moment1: new Map() } }, 'ERR_INVALID_ARGUMENT'],
    ['no progress', { ...options, resume: { ...resume, progress: {} } }, 'ERR_INVALID_ARGUMENT'],
    ['missing weights', { ...options, resume: { ...resume, weights: new Map() } }, 'ERR_INVALID_SHAPE'],
    ['missing states', { ...options, resume: { ...resume, state: new Map() } }, 'ERR_INVALID_SHAPE']
  ]
  for (const [name, row, code] of refused) t.throws(() => createTrainer(network, data, row), { code }, name)
  for (const group of ['weights', 'moment1', 'moment2', 'state'] as const) {
    const [name, tensor] = [...resume[group]!][0]!
    const spoilt = Float32Array.from(tensor.data as Float32Array)
    spoilt[spoilt.length - 1] = NaN
    const tensors = new Map(resume[group]).set(name, { ...tensor, data: spoilt })
    const before = network.parameters.copies().map(({ data }) => [...data])
    t.throws(
      () => createTrainer(network, data, { ...options, resume: { ...resume, [group]: tensors } }),
      {
        code: 'ERR_NOT_FINITE',
        message: new RegExp(`the ${group} of the checkpoint but received NaN in the tensor "${name}"`)
      },
      group
    )
    t.same(
      network.parameters.copies().map(({ data }) => [...data]),
      before,
      'nothing is written'
    )
  }
  using wider = textModel({ hidden: 50, layers: 2 })
  t.throws(() => createTrainer(wider, data, { ...options, resume }), {
    code: 'ERR_INVALID_SHAPE',
    message: /lstm\.weight_ih_l0/
  })
  const smaller = trainingData(noise(300), 4, 6)
  t.throws(() => createTrainer(network, smaller, { ...options, resume }), {
    code: 'ERR_INVALID_SHAPE',
    message: /batch size/
  })
})

t.test(
  'means of squares that are negative, and tensors of other formats that are not finite, are refused',
  async (t) => {
    const kinds: [Optimizer, squares: string[]][] = [
      [{ kind: 'sgd', momentum: 0.9 }, []],
      [{ kind: 'rmsprop' }, ['moment1']],
      [{ kind: 'adam' }, ['moment2']],
      [{ kind: 'adamw', amsgrad: true }, ['moment2', 'moment3']]
    ]
    for (const [optimizer, squares] of kinds) {
      using network = model(1)
      const { progress, weights, ...groups } = structuredClone(
        createTrainer(network, data, { optimizer, steps: 1 }).snapshot()
      )
      const named = (list: Snapshot['weights']) => new Map(list.map((tensor) => [tensor.name, tensor]))
      const resume: Resumable = { progress, weights: named(weights), state: named(groups.state!) }
      const moments = (['moment1', 'moment2', 'moment3'] as const).filter((group) => groups[group])
      for (const group of moments) resume[group] = named(groups[group]!)
      for (const group of moments) {
        const begin = (value: number, dtype = 'F32') => {
          const [first, ...others] = groups[group]!
          const values = dtype === 'F32' ? first!.data.slice() : Float64Array.from(first!.data)
          values[values.length - 1] = value
          const spoilt = new Map<string, unknown>([[first!.name, { ...first!, data: values, dtype }], ...named(others)])
          createTrainer(network, data, { optimizer, steps: 1, resume: { ...resume, [group]: spoilt } })
        }
        const place = `the tensor "${groups[group]![0]!.name}" at`
        const message = new RegExp(`the ${group} of the checkpoint but received -0.5 in ${place} \\[`)
        if (squares.includes(group)) t.throws(() => begin(-0.5), { code: 'ERR_INVALID_ARGUMENT', message }, group)
        else t.doesNotThrow(() => begin(-0.5), `${optimizer.kind} ${group}`)
        t.doesNotThrow(() => begin(-0))
        for (const dtype of ['F32', 'F64'])
          t.throws(
            () => begin(Infinity, dtype),
            { code: 'ERR_NOT_FINITE', message: new RegExp(`Infinity in ${place}`) },
            dtype
          )
      }
    }
  }
)
