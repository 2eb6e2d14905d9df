// Batches of data sets whose shapes do not follow from the samples: samples that grow, tensors of a whole batch, rows without a sample.
import t from 'tap'
import { createDataset, f32, i32, paddedLength, type Batch, type BatchSource } from '../../../src/index.js'

async function take(source: BatchSource): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of source.batches()) batches.push(batch)
  return batches
}

t.test('samples that grow, tensors of a whole batch, sizes of rows without a sample, numbers of samples', async (t) => {
  const definition = {
    inputs: { x: f32('length', 'batch'), sizes: i32('batch') },
    targets: { y: f32('length', 'batch'), scale: f32(2) }
  }
  const long = Array.from({ length: 3 }, (_, n) => ({ x: new Float32Array(20 + n).fill(n) }))
  const how = {
    batch: 2,
    shuffle: false,
    repeat: false,
    last: 'pad',
    dims: { length: 16 },
    lengths: { length: 'sizes' },
    padding: { sizes: 5, y: 0 },
    whole: { scale: ({ count }: { count: number }) => Float32Array.of(1 / count, count) },
    lengthOf: ({ x }: { x: Float32Array }) => x.length - 8,
    prepare: ({ x }: { x: Float32Array }) => ({ x, y: x })
  } as const
  const batches = await take(createDataset({ definition }, long, { ...how, growing: true }))
  t.same(batches.map(({ samples: numbers }) => numbers), [[0, 1], [2]]) // prettier-ignore
  t.same(batches.map(({ dims }) => dims), [{ length: paddedLength(21), batch: 2 }, { length: paddedLength(22), batch: 2 }]) // prettier-ignore
  t.same(batches.map(({ inputs }) => [...inputs['sizes']!]), [[20, 21], [22, 5]]) // prettier-ignore
  t.same(batches.map(({ inputs }) => [...inputs['scale']!]), [[Math.fround(1 / 41), 41], [Math.fround(1 / 22), 22]]) // prettier-ignore
  await t.rejects(take(createDataset({ definition }, long, how)), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => createDataset({ definition }, long, { ...how, whole: { scales: () => new Float32Array(2) } }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /one of x, sizes, y, scale in whole/
  })
  t.throws(() => createDataset({ definition }, long, { ...how, whole: {} }), { code: 'ERR_INVALID_SHAPE' })
})
