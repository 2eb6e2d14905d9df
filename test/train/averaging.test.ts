// Averaged weights: PyTorch's numbers, which weights are validated and saved, exact resumes, and what is refused.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  createTrainer,
  defineModel,
  evaluate,
  f32,
  meanSquare,
  zeros,
  type Batch,
  type Model,
  type Resumable,
  type Snapshot,
  type TrainerOptions
} from '../../src/index.js'
import { readCheckpoint, writeCheckpoint } from '../../src/io/checkpoint.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'
import { noise, textModel, trainingData, validationData } from '../text-model.js'

interface Golden {
  start: GoldenTensor
  inputs: GoldenTensor[]
  rows: { kind: 'sgd' | 'adam'; decay: number; lr: number; after: Record<'weights' | 'average', GoldenTensor>[] }[]
}

const golden = readGolden<Golden>('averaging')

t.test('the same averages as torch.optim.swa_utils', async (t) => {
  for (const { kind, decay, lr, after } of golden.rows) {
    using model = defineModel({
      name: 'average',
      config: {},
      inputs: { x: f32(3, 4) },
      forward({ x }) {
        x.graph.parameter('unread', [2], (data) => data.fill(3))
        return { w: x.graph.parameter('w', [3, 4], zeros) }
      },
      loss: ({ w }, _, { x }) => meanSquare(w, x)
    })
    model.parameters.set('w', golden.start.data)
    const batches = function* (): Generator<Batch> {
      for (const [i, x] of golden.inputs.entries())
        yield { inputs: { x: Float32Array.from(x.data) }, epoch: 0, cursor: i + 1 }
    }
    const trainer = createTrainer(
      model,
      { dims: {}, batches },
      { optimizer: { kind, learningRate: lr }, clip: 0, average: decay, reportEvery: 1 }
    )
    for await (const { step } of trainer.reports()) {
      const wanted = after[step - 1]!
      const { data, average } = model.parameters.get('w')
      t.ok(largestDifference(data, wanted.weights.data) < 1e-6, `${kind} ${decay}: weights after step ${step}`)
      t.ok(largestDifference(average!, wanted.average.data) < 1e-6, `${kind} ${decay}: average after step ${step}`)
    }
    t.same([...model.parameters.get('unread').average!], [3, 3], 'a parameter that is not trained is its own average')
  }
})

const data = trainingData(noise(300), 8, 6)
const validation = validationData(noise(100, 2))
const options: TrainerOptions = {
  optimizer: { kind: 'adamw', learningRate: 1e-2 },
  schedule: { kind: 'plateau', patience: 0 },
  average: 0.8,
  validation,
  validateEvery: 4,
  seed: 11
}
const network = (threads = 1) => textModel({ hidden: 48, layers: 2, dropout: 0.3 }, { seed: 9, threads })
const bytes = (list: { data: ArrayBufferView }[] = []) =>
  list.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')).join()

/** A model with these weights. */
function modelWith(weights: Snapshot['weights']): Model {
  const model = network()
  model.parameters.load(new Map(weights.map((tensor) => [tensor.name, tensor])))
  return model
}

t.test('validations measure the averaged weights, and snapshots have both', async (t) => {
  using model = network()
  const seen: [number, number][] = []
  const checkpoint = async ({ weights, average, progress }: Snapshot, kind: string) => {
    t.not(bytes(average), bytes(weights), `${kind} has both`)
    if (kind !== 'best') return
    using averaged = modelWith(average!)
    const { loss } = await evaluate(averaged, validation)
    seen.push([(progress['best'] as { loss: number }).loss, loss])
  }
  await createTrainer(model, data, { ...options, steps: 10, checkpoint }).fit()
  t.ok(seen.length > 0)
  for (const [told, found] of seen) t.equal(told, found)
  using copy = model.clone()
  t.equal(bytes(copy.parameters.list()), bytes(model.parameters.list()), 'a clone has the trained weights')
  copy.parameters.copyFrom(model.parameters, 'average')
  t.equal(bytes(copy.parameters.list()), bytes(model.parameters.copies('average')))
})

t.test('an average changes nothing for the weights that are trained', async (t) => {
  const weights = async (average?: number) => {
    using model = network()
    await createTrainer(model, data, { seed: 11, steps: 6, ...(average !== undefined && { average }) }).fit()
    return bytes(model.parameters.list())
  }
  t.equal(await weights(0.9), await weights())
})

/** Trains to `steps`; returns the bytes of the last checkpoint, which lies at `path`. */
async function run(path: string, steps: number, more: TrainerOptions, from?: string, threads = 1): Promise<Buffer> {
  using model = network(threads)
  const resume = from === undefined ? {} : { resume: (await readCheckpoint(from)) as Resumable }
  const checkpoint = (snapshot: Snapshot, kind: string) =>
    kind === 'last' ? writeCheckpoint(path, { ...snapshot, progress: { ...snapshot.progress, best: null } }) : undefined
  await createTrainer(model, data, { ...options, ...more, ...resume, steps, checkpoint }).fit()
  return readFileSync(path)
}

t.test('a run that stopped and was resumed is the run that never stopped, to the bit', async (t) => {
  const folder = t.testdir()
  const whole = await run(join(folder, 'whole'), 12, {})
  for (const [stop, threads] of [
    [1, 1],
    [4, 2],
    [9, 3]
  ] as const) {
    const half = join(folder, `${stop}`)
    await run(half, stop, {}, undefined, threads)
    t.ok((await run(join(folder, `${stop}-12`), 12, {}, half)).equals(whole), `from step ${stop}`)
  }
  const { progress, average } = await readCheckpoint(join(folder, 'whole'))
  t.equal(progress['averaged'], 12)
  t.equal(average.size, network().parameters.names.length)
})

t.test('a resumed run may begin to average, and stop it', async (t) => {
  const folder = t.testdir()
  const { average: _, ...plain } = options
  using model = network()
  const first = createTrainer(model, data, { ...plain, steps: 4 })
  await first.fit()
  await writeCheckpoint(join(folder, 'plain'), first.snapshot())
  await run(join(folder, 'begun'), 6, { average: 0.5 }, join(folder, 'plain'))
  const begun = await readCheckpoint(join(folder, 'begun'))
  t.equal(begun.progress['averaged'], 2)
  using other = network()
  const last = createTrainer(other, data, { ...plain, steps: 7, resume: begun })
  await last.fit()
  t.notOk('averaged' in last.snapshot().progress)
  t.notOk('average' in last.snapshot())
})

t.test('refusals', async (t) => {
  using model = network()
  for (const average of [0, 1, -0.5, NaN, '0.9' as unknown as number])
    t.throws(() => createTrainer(model, data, { average }), { code: 'ERR_INVALID_ARGUMENT' }, String(average))
  t.throws(() => model.clone().parameters.copyFrom(model.parameters, 'average'), { code: 'ERR_UNSUPPORTED' })
  t.throws(() => model.parameters.copies('average'), { code: 'ERR_UNSUPPORTED' })
  const plan = model.plan({ length: 6, batch: 8 })
  t.throws(() => (plan.control.average = 1.5), { code: 'ERR_INVALID_ARGUMENT' })
  plan.control.average = 1
  t.throws(() => plan.runSync('train'), { code: 'ERR_INVALID_ARGUMENT', message: /averaged weights/ })
  const folder = t.testdir()
  await run(join(folder, 'm'), 2, {})
  const { average: _, ...lacking } = await readCheckpoint(join(folder, 'm'))
  t.throws(() => createTrainer(model, data, { ...options, resume: lacking as unknown as Resumable }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /averaged weights/
  })
})
