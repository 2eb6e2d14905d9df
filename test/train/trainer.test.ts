// The training loop: learning, reports, limits, early stopping, aborts, refusals, NaN.
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import {
  createTrainer,
  defineModel,
  evaluate,
  f32,
  linear,
  meanSquare,
  type Batch,
  type BatchSource,
  type Report,
  type Snapshot,
  type TrainerOptions
} from '../../src/index.js'
import { alphabet, noise, textModel, trainingData, validationData, vocabulary } from '../text-model.js'

const data = trainingData(alphabet(20))
const fast = { kind: 'adam', learningRate: 2e-2 } as const

t.test('learns the alphabet and tells what it does', async (t) => {
  using model = textModel()
  const trainer = createTrainer(model, data, { steps: 150, optimizer: fast, reportEvery: 50 })
  const seen: Report[] = []
  const epochs: number[] = []
  const ends: unknown[] = []
  trainer.on('report', (report) => seen.push(report))
  trainer.on('epoch', (epoch) => epochs.push(epoch))
  trainer.on('end', (summary) => ends.push(summary))
  const summary = await trainer.fit()
  t.same(
    seen.map((report) => report.step),
    [50, 100, 150]
  )
  t.ok(seen[0]!.loss > seen[2]!.loss && seen[2]!.smoothedLoss < 0.5, 'the loss falls')
  t.match(seen[2], { fraction: 1, remaining: 0, validation: null })
  t.ok(
    seen.every(
      ({ gradNorm, tokensPerSecond, seconds, learningRate }) =>
        gradNorm > 0 && tokensPerSecond > 0 && seconds > 0 && learningRate === 2e-2
    )
  )
  t.same(
    epochs,
    Array.from({ length: epochs.length }, (_, i) => i + 1)
  )
  t.ok(epochs.length >= 8)
  t.match(summary, { step: 150, stopped: 'steps', validation: null, best: null })
  t.equal(summary.tokens, seen[2]!.tokens)
  t.same(ends, [summary])
  t.match(trainer.progress, { step: 150, optimizer: 'adam', seed: 0 })
})

t.test('reports as an iterator: training waits for its reader', async (t) => {
  using model = textModel()
  const trainer = createTrainer(model, data, { steps: 30, reportEvery: 10 })
  for await (const report of trainer.reports()) {
    await turn()
    t.equal(trainer.progress.step, report.step)
    if (report.step === 20) break
  }
  t.equal(trainer.progress.step, 20)
  t.match(await trainer.fit(), { step: 30 }, 'a later fit goes on')
})

t.test('limits', async (t) => {
  const run = async (source: BatchSource, options: TrainerOptions) => {
    using model = textModel()
    return await createTrainer(model, source, options).fit()
  }
  t.match(await run(data, { epochs: 2 }), { stopped: 'epochs', step: 2 * data.stepsPerEpoch })
  t.match(await run(validationData(alphabet(4)), {}), { stopped: 'data' })
  const timed = await run(data, { timeLimit: 0.2, schedule: { kind: 'cosine', warmup: 0.1 } })
  t.equal(timed.stopped, 'time')
  t.ok(timed.step > 0)
})

t.test('validation, best checkpoints and early stopping', async (t) => {
  using model = textModel({ hidden: 32 })
  const kinds: [string, number][] = []
  const trainer = createTrainer(model, trainingData(noise(300)), {
    optimizer: fast,
    steps: 2000,
    validation: validationData(noise(200, 2)),
    validateEvery: 10,
    patience: 3,
    checkpointEvery: 20,
    checkpoint: ({ progress }, kind) => void kinds.push([kind, progress['step'] as number])
  })
  const losses: number[] = []
  trainer.on('validation', ({ loss, best }) => {
    t.equal(
      best,
      losses.every((other) => loss < other)
    )
    losses.push(loss)
  })
  const { stopped, best, validation, step } = await trainer.fit()
  t.equal(stopped, 'patience', 'noise cannot be learnt')
  t.same(best, { loss: Math.min(...losses), step: 10 * (losses.indexOf(Math.min(...losses)) + 1) })
  t.equal(step, best!.step + 30)
  t.equal(validation!.count, 199)
  t.same(kinds.filter(([kind]) => kind === 'best').at(-1), ['best', best!.step])
  t.same(kinds.at(-1), ['last', step])
})

t.test('one fit of a model at a time', async (t) => {
  using model = textModel()
  const trainer = createTrainer(model, data, { steps: 5 })
  const other = createTrainer(model, data, { steps: 5 })
  const running = trainer.fit()
  await t.rejects(trainer.fit(), { code: 'ERR_BUSY' })
  await t.rejects(other.fit(), { code: 'ERR_BUSY' })
  t.match(await running, { step: 5 })
  t.match(await other.fit(), { step: 5 })
})

t.test('abort', async (t) => {
  using model = textModel()
  const last: Snapshot[] = []
  const options: TrainerOptions = { checkpoint: (snapshot) => void last.push(snapshot), reportEvery: 1 }
  const trainer = createTrainer(model, data, options)
  const stopper = new AbortController()
  trainer.on('report', ({ step }) => step === 7 && stopper.abort(new Error('enough')))
  await t.rejects(trainer.fit({ signal: stopper.signal }), {
    code: 'ERR_ABORTED',
    message: /after step 7/,
    cause: { message: 'enough' }
  })
  t.match(last, [{ progress: { step: 7 } }], 'the last checkpoint is written')
  t.match(await trainer.fit({ signal: AbortSignal.abort(), onAbort: 'return' }), { stopped: 'abort', step: 7 })

  const never: AsyncIterable<Batch> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
  const stuck: BatchSource = { dims: data.dims, batches: () => never }
  const impatient = new AbortController()
  setTimeout(() => impatient.abort(), 20)
  const waiting = createTrainer(model, stuck).fit({ signal: impatient.signal, onAbort: 'return' })
  t.match(await waiting, { stopped: 'abort', step: 0 }, 'also while the data keeps it waiting')
})

t.test('NaN in the data is named with its position', async (t) => {
  using model = defineModel({
    name: 'regression',
    config: {},
    inputs: { x: f32('length', 'batch', 2) },
    targets: { y: f32('length', 'batch', 2) },
    forward: ({ x }) => ({ y: linear(x, { name: 'head', size: 2 }) }),
    loss: ({ y }, targets) => meanSquare(y, targets.y)
  })
  const source = (input: 'x' | 'y', value: number): BatchSource => ({
    dims: { length: 3, batch: 2 },
    async *batches() {
      const inputs = { x: new Float32Array(12), y: new Float32Array(12) }
      inputs[input][9] = value // [2, 0, 1]
      yield { inputs, epoch: 0, cursor: 1 }
    }
  })
  for (const input of ['x', 'y'] as const) {
    for (const value of [NaN, -Infinity]) {
      const message = new RegExp(`${value} in the input "${input}" at \\[2, 0, 1\\]: remove or replace`)
      const fit = createTrainer(model, source(input, value), { steps: 1 }).fit()
      await t.rejects(fit, { code: 'ERR_NOT_FINITE', message })
      await t.rejects(evaluate(model, source(input, value)), { code: 'ERR_NOT_FINITE', message })
    }
  }
})

t.test('NaN stops with the step and keeps the last good weights', async (t) => {
  using model = textModel()
  let calls = 0
  const trainer = createTrainer(model, data, { steps: 20, reportEvery: 1, checkpoint: () => void calls++ })
  let good: Float32Array[] = []
  trainer.on('report', ({ step }) => {
    if (step < 5) return
    good = [...model.parameters].map((parameter) => parameter.data.slice())
    trainer.plan.states['lstm.c_l0']!.fill(NaN)
  })
  await t.rejects(trainer.fit(), { code: 'ERR_NOT_FINITE', message: /at step 6 .* after step 5/ })
  t.equal(calls, 0, 'no checkpoint')
  t.same(
    [...model.parameters].map((parameter) => parameter.data),
    good
  )
  t.equal(trainer.progress.step, 5)
})

t.test('a validation that is not finite stops too', async (t) => {
  using model = textModel()
  const bad: BatchSource = {
    dims: { batch: 1, length: 4 },
    *batches() {
      const [tokens, targets] = [new Int32Array(4), new Int32Array(4)]
      model.parameters.get('head.bias').data.fill(NaN) // the view: set() is refused during a fit
      yield { inputs: { tokens, targets }, epoch: 0, cursor: 1 }
    }
  }
  const kinds: string[] = []
  const checkpoint = (_: Snapshot, kind: string) => void kinds.push(kind)
  const trainer = createTrainer(model, data, {
    steps: 4,
    validation: bad,
    validateEvery: 2,
    checkpointEvery: 2,
    checkpoint
  })
  await t.rejects(trainer.fit(), { code: 'ERR_NOT_FINITE', message: /after step 2/ })
  t.same(kinds, [])
})

t.test('what data and callbacks throw comes through, and the model is free again', async (t) => {
  using model = textModel()
  const broken = (fault: (batch: Batch) => Batch): BatchSource => ({
    dims: data.dims,
    *batches() {
      for (const batch of data.batches() as Iterable<Batch>) yield fault(batch)
    }
  })
  const fails = (source: BatchSource, code: string) =>
    t.rejects(createTrainer(model, source, { steps: 3 }).fit(), { code }, code)
  const change = (tokens: Int32Array | Float32Array) =>
    broken((batch) => ({ ...batch, inputs: { ...batch.inputs, tokens } }))
  await fails(change(new Float32Array(32)), 'ERR_INVALID_ARGUMENT')
  await fails(change(new Int32Array(31)), 'ERR_INVALID_SHAPE')
  await fails(change(new Int32Array(32).fill(vocabulary)), 'ERR_OUT_OF_RANGE')
  await fails(change(new Int32Array(32).fill(-1)), 'ERR_OUT_OF_RANGE')
  const detached = new Int32Array(32)
  structuredClone(detached, { transfer: [detached.buffer] })
  await fails(change(detached), 'ERR_INVALID_SHAPE')
  await t.rejects(
    createTrainer(
      model,
      broken(() => {
        throw new Error('disk')
      }),
      {}
    ).fit(),
    { message: 'disk' }
  )
  const unwritable = () => Promise.reject(new Error('full'))
  await t.rejects(createTrainer(model, data, { steps: 1, checkpoint: unwritable }).fit(), { message: 'full' })
  t.match(await createTrainer(model, data, { steps: 3 }).fit(), { step: 3 })
})

t.test('refused options', async (t) => {
  using model = textModel()
  const refused: TrainerOptions[] = [
    { steps: 0 },
    { epochs: 1.5 },
    { timeLimit: 0 },
    { clip: -1 },
    { seed: -1 },
    { patience: 2 },
    { schedule: { kind: 'plateau' } },
    { schedule: { kind: 'cosine' } },
    { schedule: null as never },
    { validateEvery: NaN, validation: validationData(alphabet(2)) }
  ]
  for (const options of refused) {
    t.throws(() => createTrainer(model, data, options), { code: 'ERR_INVALID_ARGUMENT' }, JSON.stringify(options))
  }
  using reader = textModel({}, { training: false })
  t.throws(() => createTrainer(reader, data, {}), { code: 'ERR_UNSUPPORTED' })
  t.throws(() => createTrainer(model, { ...data, dims: { batch: 4 } }, {}), {
    code: 'ERR_INVALID_SHAPE',
    message: /"length"/
  })
})
