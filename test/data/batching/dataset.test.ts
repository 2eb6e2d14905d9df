// Data sets: every sample once an epoch, padding that nothing counts, batches ahead of the reader, and the same batches from any cursor.
import fc from 'fast-check'
import t from 'tap'
import {
  createDataset,
  createTextDataset,
  createTrainer,
  crossEntropy,
  defineModel,
  evaluate,
  f32,
  i32,
  linear,
  lstm,
  paddedLength,
  tokensOf,
  vocabularyFromText,
  type Batch,
  type BatchSource,
  type DatasetOptions,
  type JsonValue,
  type ModelDefinition,
  type Resumable,
  type Sample
} from '../../../src/index.js'
import { snapshotOf } from '../../train/snapshots.js'
import { alphabet, textModel, trainingData, validationData } from '../../text-model.js'

/** A model that tags each step of a sequence of pairs. */
const tagger = defineModel({
  name: 'tagger',
  config: {},
  inputs: { x: f32('length', 'batch', 2), lengths: i32('batch') },
  targets: { tags: i32('length', 'batch'), weights: f32('length', 'batch') },
  forward: ({ x, lengths }) => {
    const { output } = lstm(x, { name: 'lstm', hidden: 8, layers: 1, lengths })
    return { logits: linear(output, { name: 'head', size: 3 }) }
  },
  loss: ({ logits }, { tags }) => crossEntropy(logits, tags)
})

const samples = Array.from({ length: 11 }, (_, n) => ({
  x: Array.from({ length: 1 + ((5 * n) % 7) }, (_, i) => [n, i]),
  tags: Array.from({ length: 1 + ((5 * n) % 7) }, (_, i) => (n + i) % 3)
}))
const options = { batch: 4, lengths: { length: 'lengths' }, weights: 'weights', seed: 3 } as const

async function take(source: BatchSource, count: number, cursor?: JsonValue): Promise<Batch[]> {
  const batches: Batch[] = []
  if (count === 0) return batches
  for await (const batch of source.batches(cursor)) if (batches.push(batch) === count) break
  return batches
}

/** Returns the number of the sample in each row of a batch: the first element of its first step. */
function numbersIn({ inputs, dims }: Batch): number[] {
  const rows = Array.from({ length: dims!['batch']! }, (_, b) =>
    inputs['lengths']![b]! > 0 ? inputs['x']![2 * b]! : -1
  )
  return rows.filter((n) => n >= 0)
}

t.test('values, padding, lengths and weights are where the model expects them', async (t) => {
  const two: Sample[] = [
    { x: [[1, 2]], tags: [2], weights: 0.5 },
    { x: Float32Array.from([3, 4, 5, 6]), tags: Int32Array.from([0, 1]), weights: [1, 0.25] }
  ]
  const data = createDataset(tagger, two, { ...options, batch: 2, shuffle: false, bucket: false })
  t.same([data.dims, data.stepsPerEpoch], [{ length: 2, batch: 2 }, 1])
  const [batch] = await take(data, 1)
  const { inputs, dims, count, cursor } = batch!
  t.same([dims, count, cursor], [{ length: 2, batch: 2 }, 3, { epoch: 1, begin: 0, step: 0 }])
  t.same([...inputs['x']!], [1, 2, 3, 4, 0, 0, 5, 6])
  t.same([...inputs['tags']!], [2, 0, -1, 1])
  t.same([...inputs['lengths']!], [1, 2])
  t.same([...inputs['weights']!], [0.5, 1, 0, 0.25])
})

t.test('a dim may be before or after the batch', async (t) => {
  const model = { definition: { inputs: { a: f32('batch', 'labels', 2), b: f32(3, 'batch'), c: i32('batch') } } }
  const data = createDataset(
    model,
    [
      { a: [1, 2], b: [3, 4, 5], c: 6 },
      { a: [7, 8, 9, 10], b: [11, 12, 13], c: 14 }
    ],
    { batch: 2, shuffle: false, padding: { a: -5 } }
  )
  const [batch] = await take(data, 1)
  t.same([...batch!.inputs['a']!], [1, 2, -5, -5, 7, 8, 9, 10])
  t.same([...batch!.inputs['b']!], [3, 11, 4, 12, 5, 13])
  t.same([...batch!.inputs['c']!], [6, 14])
})

t.test('the last batch is kept, dropped or padded', async (t) => {
  const shapes = async (last: 'keep' | 'drop' | 'pad') => {
    const data = createDataset(tagger, samples, { ...options, last, repeat: false })
    const batches = await take(data, 9)
    t.equal(batches.length, data.stepsPerEpoch)
    return batches.map((batch) => [batch.dims!['batch'], numbersIn(batch).length].join()).sort()
  }
  t.same(await shapes('keep'), ['3,3', '4,4', '4,4'])
  t.same(await shapes('drop'), ['4,4', '4,4'])
  t.same(await shapes('pad'), ['4,3', '4,4', '4,4'])
  const [padded] = await take(createDataset(tagger, samples.slice(0, 1), { ...options, last: 'pad' }), 1)
  t.same([...padded!.inputs['lengths']!], [1, 0, 0, 0])
  t.same([...padded!.inputs['weights']!.subarray(0, 4)], [1, 0, 0, 0])
  t.same([...padded!.inputs['tags']!.subarray(0, 4)], [0, -1, -1, -1])
})

/** The same samples as an array, and as functions of an epoch that return iterables and promises of them. */
const forms = {
  array: samples,
  iterable: new Set(samples),
  function: () => samples.values(),
  async: async () => {
    await Promise.resolve()
    return (async function* () {
      for (const sample of samples) yield await Promise.resolve(sample)
    })()
  }
}

t.test('every sample is in one batch of an epoch, and any cursor continues with the same batches', async (t) => {
  const choices = fc.record({
    form: fc.constantFrom(...(Object.keys(forms) as (keyof typeof forms)[])),
    batch: fc.integer({ min: 1, max: 12 }),
    buffer: fc.integer({ min: 1, max: 20 }),
    shuffle: fc.boolean(),
    bucket: fc.constantFrom<'length' | false>('length', false),
    last: fc.constantFrom<'keep' | 'pad'>('keep', 'pad'),
    prefetch: fc.integer({ min: 0, max: 3 }),
    shortFirst: fc.nat(1)
  })
  await fc.assert(
    fc.asyncProperty(choices, fc.nat(20), async ({ form, ...choice }, stop) => {
      const data = createDataset(tagger, forms[form], { ...options, ...choice, dims: { length: 7 } })
      const batches = await take(data, 24)
      for (const epoch of [0, 1]) {
        const seen = batches.filter((batch) => batch.epoch === epoch).flatMap(numbersIn)
        t.same(seen.sort((a, b) => a - b), samples.map((_, n) => n)) // prettier-ignore
      }
      t.same(await take(data, 23 - stop, batches[stop]!.cursor), batches.slice(stop + 1))
    }),
    { numRuns: 30 }
  )
})

t.test('epochs are shuffled by the seed, and buckets have samples of about one length', async (t) => {
  const orderOf = async (seed: number, epoch: number) => {
    const batches = await take(createDataset(tagger, samples, { ...options, seed, bucket: false }), 6)
    return batches.filter((batch) => batch.epoch === epoch).flatMap(numbersIn).join() // prettier-ignore
  }
  t.equal(await orderOf(1, 0), await orderOf(1, 0))
  t.not(await orderOf(1, 0), await orderOf(2, 0))
  t.not(await orderOf(1, 0), await orderOf(1, 1))
  const ordered = await take(createDataset(tagger, samples, { ...options, shuffle: false, bucket: false }), 3)
  t.same(ordered.flatMap(numbersIn), samples.map((_, n) => n)) // prettier-ignore

  const long = [20, 100, 21, 99, 22, 98, 23, 97].map((n) => ({ x: new Float32Array(2 * n), tags: new Int32Array(n) }))
  const data = createDataset(tagger, long, { ...options, repeat: false })
  t.same(data.dims, { length: 100, batch: 4 })
  const lengths = (await take(data, 9)).map(({ dims }) => dims!['length'])
  t.same(lengths.sort(), [100, paddedLength(23)])
  const [first] = await take(createDataset(tagger, long, { ...options, shortFirst: 1 }), 1)
  t.equal(first!.dims!['length'], paddedLength(23))
})

t.test('samples are prepared a bounded number of batches ahead', async (t) => {
  const places: string[] = []
  const prepare: DatasetOptions<number>['prepare'] = async (n, { epoch, index, random }) => {
    places.push(`${epoch}:${index}`)
    await Promise.resolve()
    return { ...samples[n]!, weights: random.uniform() }
  }
  const numbers = samples.map((_, n) => n)
  const rest = { ...options, prepare, dims: { length: 7 }, shuffle: false, prefetch: 2, batch: 2 }
  const data = createDataset(tagger, numbers, rest)
  const iterator = (data.batches() as AsyncIterable<Batch>)[Symbol.asyncIterator]()
  const { value } = (await iterator.next()) as { value: Batch }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  while (places.length < 6) await turn()
  for (let i = 0; i < 100; i++) await turn() // in which more would come
  t.same(places, ['0:0', '0:1', '0:2', '0:3', '0:4', '0:5'])
  await iterator.return!()
  const [again] = await take(createDataset(tagger, numbers, { ...rest, prefetch: 0 }), 1)
  t.same(again, value)
  const lengthOf = (n: number) => samples[n]!.tags.length
  const sorted = await take(createDataset(tagger, numbers, { ...rest, lengthOf }), 6)
  const lengths = sorted.flatMap(({ inputs }) => [...inputs['lengths']!])
  t.same(
    lengths,
    [...lengths].sort((a, b) => a - b)
  )
})

t.test('a training from a checkpoint ends with the same weights', async (t) => {
  const run = async (...stops: number[]) => {
    using model = defineModel({ ...(tagger.definition as ModelDefinition), targets: { tags: i32('length', 'batch') } })
    const data = createDataset(model, () => samples.values(), {
      batch: 4,
      lengths: { length: 'lengths' },
      dims: { length: 7 },
      buffer: 4
    })
    let resume: Resumable | undefined
    for (const steps of stops) {
      const trainer = createTrainer(model, data, { steps, ...(resume && { resume }) })
      await trainer.fit()
      resume = snapshotOf(trainer)
    }
    const { loss } = await evaluate(model, data)
    return [loss, ...model.parameters.list().map(({ data }) => data.slice())]
  }
  t.same(await run(3, 4, 11), await run(11))
})

t.test('a text is one call', async (t) => {
  const text = Array.from(alphabet(20), (id) => String.fromCharCode(97 + id)).join('')
  const vocabulary = vocabularyFromText(text)
  t.same(vocabulary.encode(text), alphabet(20))
  const data = createTextDataset(text, vocabulary, { batch: 4, length: 8, seed: 3 })
  t.same(await takeCopies(data, 40), await takeCopies(trainingData(alphabet(20)), 40))
  const held = createTextDataset(text, vocabulary, { batch: 2, length: 16, repeat: false })
  using model = textModel()
  t.equal((await evaluate(model, held)).loss, (await evaluate(model, validationData(alphabet(20), 2))).loss)
  t.throws(() => createTextDataset(text, vocabulary, { batch: 2, length: 4, warmup: 1 }), { message: /no warmup/ })
  const useless = { batch: 2, length: 4, repeat: false, seed: 1 }
  t.throws(() => createTextDataset(text, vocabulary, useless), { message: /no seed .* without repeat/ })
  t.throws(() => createTextDataset('a', vocabulary, { batch: 2, length: 4 }), { code: 'ERR_CORPUS_EMPTY' })
  const ids = createTextDataset(tokensOf(vocabulary.encode(text)), null, { batch: 4, length: 8, seed: 3 })
  t.same(await takeCopies(ids, 40), await takeCopies(data, 40), 'tokens need no vocabulary')
  t.throws(() => createTextDataset(text as never, null, { batch: 2, length: 4 }), { code: 'ERR_INVALID_ARGUMENT' })
})

/** Takes batches whose arrays are used again. */
async function takeCopies(source: BatchSource, count: number) {
  const copies = []
  for await (const { inputs, ...rest } of source.batches()) {
    copies.push({ ...rest, inputs: Object.values(inputs).map((array) => array.slice()) })
    if (copies.length === count) break
  }
  return copies
}

t.test('refused', async (t) => {
  const refuse = (change: object, error: { code?: string; message?: RegExp }, given: readonly object[] = samples) =>
    t.throws(() => createDataset(tagger, given as Sample[], { ...options, ...change }), error as never)
  refuse({}, { code: 'ERR_CORPUS_EMPTY' }, [])
  refuse({ batch: 12, last: 'drop' }, { code: 'ERR_CORPUS_EMPTY', message: /at least 12 samples/ })
  refuse({ bucket: 'time' }, { message: /one of the named dims of the model \(length\)/ })
  refuse({ lengths: { length: 'tags' } }, { message: /int32 of shape \[batch\] \(lengths\) but received "tags"/ })
  refuse({ weights: 'tags' }, { message: /float32 \(x, weights\)/ })
  refuse({ padding: { y: 1 } }, { message: /"y"/ })
  refuse({ dims: { length: 3 } }, { code: 'ERR_INVALID_SHAPE', message: /at most 3 as "length" but received 7/ })
  refuse({ prepare: (sample: Sample) => sample }, { message: /largest size of the dim "length"/ })
  refuse({}, { code: 'ERR_INVALID_SHAPE', message: /length 1 of tags in sample 0, as in the other/ }, [
    { x: [[1, 2]], tags: [1, 2] }
  ])
  refuse({}, { code: 'ERR_INVALID_ARGUMENT', message: /as tags in sample 0/ }, [{ x: [[1, 2]] }])
  t.throws(() => createDataset({ definition: { inputs: { x: f32('length', 3) } } }, [], { batch: 1 }), {
    code: 'ERR_INVALID_SHAPE'
  })
  t.throws(() => createDataset(tagger, new Float32Array(3) as never, options), { code: 'ERR_INVALID_ARGUMENT' })

  const reading = async (given: Parameters<typeof createDataset>[1], change: object, count: number, cursor?: JsonValue) =>
    take(createDataset(tagger, given as () => Iterable<Sample>, { ...options, dims: { length: 7 }, ...change }), count, cursor) // prettier-ignore
  await t.rejects(reading(samples.values(), {}, 9), { code: 'ERR_CORPUS_EMPTY', message: /for each epoch/ })
  await t.rejects(
    reading(() => samples.values(), {}, 1, { epoch: 0, begin: 12, step: 0 }),
    { message: /at least 12/ }
  )
  await t.rejects(reading(samples, {}, 1, { epoch: 0, begin: 0, step: 3 }), { message: /a step from 0 to 2/ })
  await t.rejects(
    reading(() => [{ x: [[1, 2, 3]], tags: [0] }], {}, 1),
    { message: /a multiple of 2 numbers as x in sample 0/ }
  )
  await t.rejects(
    reading(() => [{ x: new Float32Array(16), tags: new Int32Array(8) }], {}, 1),
    { message: /at most 7/ }
  )
  await t.rejects(
    reading(() => 3 as never, {}, 1),
    { code: 'ERR_INVALID_ARGUMENT' }
  )
  const model = { definition: { inputs: {}, targets: { y: f32('length', 'batch') } } }
  await t.rejects(take(createDataset(model, [{ y: [1, 2, 3] }, { y: [1] }], { batch: 2 }), 1), {
    message: /weights, or/
  })
})
