// First values of large models: the bits of the plain algorithm, computed without holding the event loop, and typed errors for
// callers that cannot wait.
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { orthogonal, type Initializer } from '../../src/graph/initializers.js'
import { operationsOf } from '../../src/graph/parameters.js'
import type { Shape } from '../../src/graph/shape.js'
import {
  createTrainer,
  defineModel,
  embedding,
  evaluate,
  i32,
  linear,
  lstm,
  normal,
  uniform,
  crossEntropy,
  type ModelOptions,
  type Snapshot
} from '../../src/index.js'
import { createRandom, type Random } from '../../src/random.js'
import { alphabet, trainingData, validationData, vocabulary } from '../text-model.js'

/** Gram-Schmidt on normal rows as the textbook has it, one block after the other. */
const plainOrthogonal = (gain: number) => (values: Float32Array, shape: Shape, random: Random) => {
  const [rows, columns] = shape.length === 2 ? [shape[0]!, shape[1]!] : [1, shape[0]!]
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, k) => sum + value * b[k]!, 0)
  for (let first = 0; first < rows; first += columns) {
    const block = Array.from({ length: Math.min(columns, rows - first) }, () => new Float64Array(columns))
    for (const row of block) for (let k = 0; k < columns; k++) row[k] = random.normal()
    for (const [r, row] of block.entries()) {
      for (let pass = 0; pass < 2; pass++) {
        for (const done of block.slice(0, r)) {
          const along = dot(row, done)
          for (let k = 0; k < columns; k++) row[k]! -= along * done[k]!
        }
      }
      const scale = 1 / Math.sqrt(dot(row, row))
      for (let k = 0; k < columns; k++) {
        row[k]! *= scale
        values[(first + r) * columns + k] = gain * row[k]!
      }
    }
  }
}

function bits(initialize: Initializer, shape: Shape): Buffer {
  const values = new Float32Array(shape.reduce((a, b) => a * b))
  initialize(values, shape, createRandom(3, 'a'))
  return Buffer.from(values.buffer)
}

t.test('orthogonal values have the bits of the plain algorithm', async (t) => {
  // Four blocks, three, one, more than four, a last one that is not whole, fewer rows than columns, a vector.
  for (const shape of [[96, 24], [72, 24], [24, 24], [9 * 7, 7], [10, 4], [4, 10], [1, 1], [5, 1], [9]])
    // prettier-ignore
    t.ok(bits(orthogonal(1.5), shape).equals(bits(plainOrthogonal(1.5), shape)), `[${shape.join(', ')}]`)
  t.ok(bits(orthogonal(), [4 * 150, 150]).equals(bits(plainOrthogonal(1), [4 * 150, 150])), '[600, 150]')
})

function model(hidden: number, options: ModelOptions = {}, size = 4) {
  return defineModel(
    {
      name: 'large',
      config: {},
      inputs: { tokens: i32('length', 'batch') },
      targets: { targets: i32('length', 'batch') },
      forward: ({ tokens }) => {
        const x = embedding(tokens, { name: 'embedding', vocabulary, size, weight: normal(0.5), paddingIdx: 3 })
        const { output } = lstm(x, { name: 'lstm', hidden, recurrentWeight: orthogonal(), forgetBias: 1, carry: true })
        return { logits: linear(output, { name: 'head', size: vocabulary, weight: uniform(0.1) }) }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
      stream: { token: 'tokens', logits: 'logits' }
    },
    { seed: 5, threads: 1, ...options }
  )
}

type Made = ReturnType<typeof model>
const weightsOf = (made: Made) => Buffer.concat(made.parameters.copies().map(({ data }) => Buffer.from(data.slice().buffer))) // prettier-ignore

/** Returns the number of turns of the event loop while `work` runs. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let on = true
  const ended = work.finally(() => (on = false))
  let turns = 0
  while (on) {
    await setImmediate()
    turns++
  }
  await ended
  return turns
}

t.test('the event loop turns while they are computed, and the bits are those of one go', async (t) => {
  using one = model(200, {}, 2000)
  using other = model(200, {}, 2000)
  t.notOk(one.parameters.isReady)
  // 1.8 million random values and Gram-Schmidt of 200 units: dozens of turns of 4 ms on any machine.
  t.ok((await turnsDuring(Promise.all([one.ready(), one.ready()]))) > 8)
  t.ok(one.parameters.isReady)
  t.equal(await turnsDuring(one.ready()), 1, 'nothing is left to do')
  t.ok(weightsOf(one).equals(weightsOf(other)))
})

t.test('whoever needs them sooner computes them at once; the turns that go on do not write over that', async (t) => {
  using one = model(100)
  using other = model(100)
  const coming = one.ready()
  await setImmediate()
  const { data } = one.parameters.get('lstm.weight_hh_l0')
  t.same(data, other.parameters.get('lstm.weight_hh_l0').data)
  data[7] = 42
  one.parameters.set('head.bias', new Float32Array(vocabulary).fill(9))
  await coming
  t.equal(data[7], 42)
  t.equal(one.parameters.get('head.bias').data[0], 9)
  one.parameters.get('lstm.weight_hh_l0').data[7] = other.parameters.get('lstm.weight_hh_l0').data[7]!
  one.parameters.set('head.bias', other.parameters.get('head.bias').data)
  t.ok(weightsOf(one).equals(weightsOf(other)))
})

t.test('another seed, loaded weights and an end while they are computed', async (t) => {
  using one = model(100)
  using other = model(100, { seed: 6 })
  let coming = one.ready()
  await setImmediate()
  one.parameters.initialize(6)
  await coming
  t.ok(weightsOf(one).equals(weightsOf(other)))

  one.parameters.initialize(5)
  coming = one.ready()
  await setImmediate()
  one.parameters.load(new Map(other.parameters.copies().map((tensor) => [tensor.name, tensor])))
  t.ok(one.parameters.isReady)
  await coming
  t.ok(weightsOf(one).equals(weightsOf(other)))

  const gone = model(300)
  coming = gone.ready()
  await setImmediate()
  gone.dispose()
  await t.rejects(coming, { code: 'ERR_DISPOSED' })
})

t.test('a clone of a model without first values gets the same', async (t) => {
  using one = model(60)
  one.parameters.set('head.bias', new Float32Array(vocabulary).fill(9))
  using copy = one.clone()
  t.notOk(copy.parameters.isReady)
  t.ok(weightsOf(copy).equals(weightsOf(one)))
})

/** 1,024 units take seconds: nothing here waits for them. */
t.test('a large model: an abort comes through, and synchronous access is refused', async (t) => {
  using large = model(1024)
  const { parameters } = large
  const late = { code: 'ERR_NOT_READY', message: /await model\.ready\(\)/ }
  const plan = large.plan({ length: 2, batch: 1 }, { purpose: 'evaluate' })
  t.throws(() => parameters.get('lstm.weight_hh_l0').data, late)
  for (const access of [() => parameters.list(), () => parameters.copies(), () => plan.runSync()])
    t.throws(access, late)
  t.throws(() => large.stream().feed([1]), late)
  t.equal(parameters.get('head.bias').data.length, vocabulary, 'a small parameter alone')

  const data = validationData(alphabet(8))
  const operations: ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => large.ready({ signal }),
    (signal) => plan.run('forward', { signal }),
    (signal) => evaluate(large, data, { signal }),
    (signal) => large.stream().prime([1, 2], { signal }),
    (signal) => large.stream().generate({ length: 1, signal }).next()
  ]
  for (const operation of operations) {
    const controller = new AbortController()
    const ended = t.rejects(operation(controller.signal), { code: 'ERR_ABORTED' }, String(operation))
    await setImmediate()
    controller.abort()
    await ended
    t.notOk(parameters.isReady)
  }
  await t.rejects(large.ready({ signal: 5 as never }), { code: 'ERR_INVALID_ARGUMENT' })

  const saved: Snapshot[] = []
  const checkpoint = async (snapshot: Snapshot) => void saved.push(snapshot)
  const trainer = createTrainer(large, trainingData(alphabet(8)), { steps: 1, checkpoint })
  const controller = new AbortController()
  const fit = trainer.fit({ signal: controller.signal, onAbort: 'return' })
  await setImmediate()
  controller.abort()
  t.match(await fit, { stopped: 'abort', step: 0 })
  t.same(saved, [], 'there is nothing to keep')

  operationsOf(parameters).checkIdle('the end of the test')
  parameters.load(new Map(parameters.specs.map(({ name, shape }) => [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) }]))) // prettier-ignore
  plan.runSync()
})

t.test('functions of the caller run when the model is defined', async (t) => {
  let calls = 0
  const own: Initializer = (values) => (calls++, void values.fill(2))
  using made = defineModel({
    name: 'own',
    config: {},
    inputs: { tokens: i32('length', 'batch') },
    forward: ({ tokens }) => ({
      x: embedding(tokens, { name: 'e', vocabulary: 3, size: 2, weight: own, paddingIdx: 1 })
    })
  })
  t.equal(calls, 1)
  t.same([...made.parameters.get('e.weight').data], [2, 2, 0, 0, 2, 2])
})
