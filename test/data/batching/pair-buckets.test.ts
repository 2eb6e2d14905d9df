// Batches of pairs of sequences: each pair once an epoch, few shapes, the same number of batches in every epoch, any step again from its cursor.
import fc from 'fast-check'
import t from 'tap'
import type { BucketCursor } from '../../../src/data/batching/buckets.js'
import { createPairBuckets, pairShapes, shapeOfPairs } from '../../../src/data/batching/pair-buckets.js'
import { sampleSource } from '../../../src/data/batching/sources.js'
import { createRandom } from '../../../src/random.js'
import { rounds } from '../../amounts.js'

/** Lengths like those of sentences and their translations. */
function drawLengths(count: number, seed: number) {
  const random = createRandom(seed, 'lengths')
  const source = Int32Array.from({ length: count }, () => 1 + Math.floor(12 * -Math.log(1 - random.uniform())))
  const target = source.map((length) => Math.max(1, Math.round(length * (0.7 + random.uniform()))))
  return { source, target }
}

t.test('shapes are a chain', async (t) => {
  const lengths = drawLengths(5000, 1)
  const shapes = pairShapes(lengths, 1024)
  t.ok(shapes.length <= 14, `${shapes.length} shapes`)
  for (const [i, { source, target, batch }] of shapes.entries()) {
    t.ok(i === 0 || (source >= shapes[i - 1]!.source && target > shapes[i - 1]!.target))
    t.ok(batch * Math.max(source, target) <= 1024)
  }
  t.ok(shapes.at(-1)!.source >= Math.max(...lengths.source) && shapes.at(-1)!.target >= Math.max(...lengths.target))
  t.same(pairShapes({ source: [3000], target: [2] }, 1000), [{ source: 3470, target: 8, batch: 1 }], 'one long pair')
})

t.test('each pair once in every epoch', async () => {
  const property = fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(1000), fc.boolean(), (count, seed, shuffle) => {
    const lengths = drawLengths(count, seed)
    const shapes = pairShapes(lengths, 256)
    const buckets = createPairBuckets(shapes, lengths, { seed, shuffle })
    const epochs: number[][] = [[], []]
    let partial = 0
    for (let at: BucketCursor = { epoch: 0, step: 0 }; at.epoch < 2; at = buckets.next(at)) {
      const batch = buckets.samples(at)
      if (batch.length < shapeOfPairs(shapes, lengths, batch).batch) partial++
      epochs[at.epoch]!.push(...batch)
    }
    const wanted = lengths.source.map((_, i) => i).join()
    const whole = epochs.every((order) => order.toSorted((a, b) => a - b).join() === wanted)
    // A batch of a larger shape may fit into a smaller one with more rows, so it may look partial.
    const same = epochs[0]!.join() === epochs[1]!.join()
    return whole && partial <= 2 * shapes.length && (!shuffle ? same : count < 20 || !same)
  })
  fc.assert(property, { numRuns: rounds(50, 500) })
})

t.test('a source continues from any cursor', async (t) => {
  const lengths = drawLengths(200, 3)
  const shapes = pairShapes(lengths, 200)
  const buckets = createPairBuckets(shapes, lengths, { seed: 5, shuffle: true })
  const source = sampleSource(buckets, { dims: { ...shapes.at(-1)! }, train: true }, (indices) => ({
    inputs: { pairs: Int32Array.from(indices) },
    dims: { ...shapeOfPairs(shapes, lengths, indices) }
  }))
  const first = [...take(source.batches() as Iterable<unknown>, 2 * source.stepsPerEpoch)] as { cursor: BucketCursor }[]
  for (const at of [0, 3, source.stepsPerEpoch - 1, source.stepsPerEpoch]) {
    const cursor = { ...first[at]!.cursor }
    t.same(
      [...take(source.batches(cursor) as Iterable<unknown>, 2)],
      first.slice(at + 1, at + 3),
      `from step ${at + 1}`
    )
  }
})

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  for (const item of items) {
    if (count-- <= 0) return
    yield item
  }
}

t.test('refusals', async (t) => {
  const none = { source: [], target: [] }
  const order = { seed: 0, shuffle: false }
  t.throws(() => pairShapes(none, 10), { code: 'ERR_CORPUS_EMPTY' })
  t.throws(() => createPairBuckets([], none, order), { code: 'ERR_CORPUS_EMPTY' })
  const shapes = pairShapes({ source: [4], target: [4] }, 100)
  t.throws(() => createPairBuckets(shapes, { source: [4, 9], target: [4, 3] }, order), {
    code: 'ERR_OUT_OF_RANGE',
    message: /at most 8 and 8 tokens but received 9 and 3/
  })
})
