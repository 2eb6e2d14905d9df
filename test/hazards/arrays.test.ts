// Hostile arrays: detached, resizable, shared and changing, wrong in type. Typed errors or right results, never a crash.
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createTrainer, type Batch, type BatchSource } from '../../src/index.js'
import { noise, textModel, trainingData, vocabulary } from '../text-model.js'

const data = trainingData(noise(500), 4, 8)

function detached<A extends Int32Array | Float32Array>(array: A): A {
  const buffer = array.buffer as ArrayBuffer
  structuredClone(buffer, { transfer: [buffer] })
  return array
}

/** A view that follows its resizable buffer. */
function shrinking(length: number): { view: Int32Array; shrink: () => void } {
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number }
  ) => ArrayBuffer & { resize(bytes: number): void }
  const buffer = new Resizable(4 * length, { maxByteLength: 8 * length })
  return { view: new Int32Array(buffer), shrink: () => buffer.resize(4) }
}

t.test('detached and shrunk arrays where arrays are taken', async (t) => {
  using model = textModel()
  const stream = model.stream()
  stream.feed([1])
  const { position } = stream
  t.throws(() => stream.feed(detached(Int32Array.from([1, 2, 3]))), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => model.parameters.set('head.bias', detached(new Float32Array(vocabulary))), {
    code: 'ERR_INVALID_ARGUMENT'
  })
  const name = 'head.bias'
  const others = model.parameters
    .list()
    .filter((tensor) => tensor.name !== name)
    .map((tensor) => [tensor.name, tensor] as const)
  const load = (bias: unknown) =>
    model.parameters.load(
      new Map<string, { shape: readonly number[]; data: unknown }>(others).set(name, {
        shape: [vocabulary],
        data: bias
      })
    )
  t.throws(() => load(detached(new Float32Array(vocabulary))), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => (stream.state = { 'lstm.h_l0': detached(new Float32Array(20)), 'lstm.c_l0': new Float32Array(20) }), {
    code: 'ERR_INVALID_ARGUMENT'
  })
  const { view, shrink } = shrinking(20)
  shrink()
  t.equal(stream.position, position, 'a refused prompt feeds nothing')
  stream.feed(view)
  t.equal(stream.position, position + 1, 'a prompt that follows its shrunk buffer is a short one')
})

t.test('a source that shrinks and detaches its arrays while steps run', async (t) => {
  using model = textModel()
  const source: BatchSource = {
    dims: data.dims,
    *batches() {
      for (const batch of data.batches() as Iterable<Batch>) {
        const { view: tokens, shrink } = shrinking(32)
        tokens.set(batch.inputs['tokens']!)
        const targets = Int32Array.from(batch.inputs['targets']!)
        yield { ...batch, inputs: { tokens, targets } }
        shrink() // the step that was given these arrays is running now
        detached(targets)
      }
    }
  }
  t.match(await createTrainer(model, source, { steps: 20 }).fit(), { step: 20 })
})

t.test('ids that change under a run', async (t) => {
  using model = textModel({ hidden: 64 })
  const plan = model.plan({ length: 64, batch: 8 }, { optimizer: 'adam' })
  const { tokens, targets } = plan.inputs
  const code = `
    const { tokens, targets } = require('node:worker_threads').workerData
    for (let i = 0; ; i++) {
      tokens[i % tokens.length] = Math.random() < 0.001 ? Math.random() * 2 ** 33 : 3
      targets[i % targets.length] = Math.random() < 0.001 ? Math.random() * 2 ** 33 : 3
    }`
  const worker = new Worker(code, { eval: true, workerData: { tokens, targets } })
  let refused = 0
  for (let run = 0; run < 100; run++) {
    try {
      await plan.run(run % 2 ? 'train' : 'forward')
    } catch (error) {
      t.equal((error as { code?: string }).code, 'ERR_OUT_OF_RANGE')
      refused++
    }
  }
  await worker.terminate()
  t.pass(`${refused} runs of 100 refused`)
})

t.test('values that are no numbers reach no memory', async (t) => {
  using model = textModel()
  const plan = model.plan(data.dims, { optimizer: 'adam' })
  const { control } = plan
  for (const value of [NaN, -1, Infinity, 2 ** 60]) {
    for (const field of ['seed', 'step', 'learningRate', 'clipNorm', 'beta1', 'epsilon'] as const) {
      const before = control[field]
      try {
        control[field] = value
        plan.runSync('train')
      } catch (error) {
        t.match(error, { code: 'ERR_INVALID_ARGUMENT' })
      }
      control[field] = before
    }
  }
  t.pass('no crash')
  t.throws(() => ((control as unknown as Record<string, number>)['loss'] = 1), TypeError, 'results cannot be written')
})
