// Normalisation, resampling, features, augmentation and batches of ink.

import fc from 'fast-check'
import t from 'tap'
import { createBuckets, paddedLength } from '../../../src/data/batching/buckets.js'
import { augmentStrokes, inkAugmentations, scaledAugmentation } from '../../../src/data/ink/augment.js'
import { createInkReader, INK_FEATURES, inkFeatures, prepareStrokes } from '../../../src/data/ink/features.js'
import { resampleStrokes } from '../../../src/data/ink/resample.js'
import { measureInk, normaliseShape, slantOf, type InkNormalisation } from '../../../src/data/ink/normalise.js'
import { countPoints, createInk, inkPoints, type Ink } from '../../../src/data/ink/strokes.js'
import { createRandom } from '../../../src/random.js'

const settings: InkNormalisation = {
  scale: 'sample',
  unit: 10,
  deslant: true,
  level: false,
  smooth: 0,
  resample: 'length',
  step: 1 / 16
}
const coordinate = fc.double({ min: -500, max: 500, noNaN: true })
const strokes = fc.array(fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 4
})
const inks = strokes.filter((list) => list.flat().length > 1).map((list) => createInk(list))

t.test('a sample of another size, at another place, looks the same', async (t) => {
  const zigzag = createInk([[[0, 0], [3, 40], [10, 5], [14, 38]], [[30, 20], [40, 20]]]) // prettier-ignore
  const moved = createInk(
    inkPoints(zigzag.strokes).map((stroke) => stroke.map(([x, y]) => [7 * x! - 900, 7 * y! + 33]))
  )
  const features = (ink: Ink) => inkFeatures(prepareStrokes(ink, settings), settings)
  const [a, b] = [features(zigzag), features(moved)]
  t.equal(a.length, b.length)
  t.ok(a.every((value, i) => Math.abs(value - b[i]!) < 1e-4))
})

t.test('slant is taken out', async (t) => {
  const upright = createInk([[[0, 0], [0, 10], [1, 0], [1, 10]]]) // prettier-ignore
  const leaning = createInk(inkPoints(upright.strokes).map((stroke) => stroke.map(([x, y]) => [x! + 0.4 * y!, y!])))
  t.ok(Math.abs(slantOf(leaning.strokes) - slantOf(upright.strokes) - 0.4) < 1e-9)
  t.ok(Math.abs(slantOf(normaliseShape(leaning.strokes, settings))) < 1e-9)
  t.equal(slantOf(createInk([[[0, 0], [5, 0]]]).strokes), 0, 'a dash has none') // prettier-ignore
})

t.test('any ink has a size, and finite features', async () => {
  fc.assert(
    fc.property(inks, (ink) => {
      const { size } = measureInk(ink.strokes)
      return size > 0 && inkFeatures(prepareStrokes(ink, settings), settings).every(Number.isFinite)
    })
  )
})

t.test('resampled points lie on the path, a step apart', async (t) => {
  const line = createInk([[[0, 0], [10, 0], [10, 7]]]) // prettier-ignore
  const [stroke] = resampleStrokes(line.strokes, { resample: 'length', step: 2 })
  t.same([...stroke!.x], [0, 2, 4, 6, 8, 10, 10, 10, 10, 10])
  t.same([...stroke!.y], [0, 0, 0, 0, 0, 0, 2, 4, 6, 7], 'the end belongs to it where it is half a step away')
  const timed = createInk([[[0, 0, 0], [8, 0, 4]]]) // prettier-ignore
  const [slow] = resampleStrokes(timed.strokes, { resample: 'time', step: 1 })
  t.same([...slow!.x], [0, 2, 4, 6, 8])
  t.same([...slow!.t!], [0, 1, 2, 3, 4])
  t.throws(() => resampleStrokes(line.strokes, { resample: 'length', step: 1e-5 }), { code: 'ERR_INVALID_INK' })
})

t.test('read while the pen moves, the features are those of the whole', async () => {
  const fixed: InkNormalisation = { ...settings, scale: 'fixed', deslant: false, unit: 40 }
  fc.assert(
    fc.property(inks, (ink) => {
      const whole = inkFeatures(prepareStrokes(ink, fixed), fixed)
      const reader = createInkReader(fixed)
      const rows: number[] = []
      for (const { x, y } of ink.strokes) {
        for (let i = 0; i < x.length; i++) rows.push(...reader.down(x[i]!, y[i]!))
        rows.push(...reader.up())
      }
      return rows.length === whole.length && rows.length % INK_FEATURES === 0 && rows.every((v, i) => v === whole[i])
    })
  )
})

t.test('variations are a function of the random sequence alone', async (t) => {
  const ink = createInk([[[0, 0], [1, 2], [2, 0], [3, 3]], [[4, 0], [4, 1]]]) // prettier-ignore
  const vary = (seed: number) => inkPoints(augmentStrokes(ink.strokes, scaledAugmentation(2), createRandom(seed, 'a')))
  t.same(vary(1), vary(1))
  t.notSame(vary(1), vary(2))
  t.same(inkPoints(augmentStrokes(ink.strokes, inkAugmentations.none, createRandom(1, 'a'))), inkPoints(ink.strokes))
  const turned = augmentStrokes(ink.strokes, { ...inkAugmentations.none, reverse: 0.999 }, createRandom(1, 'a'))
  t.same(
    inkPoints(turned),
    inkPoints(ink.strokes).map((stroke) => stroke.reverse())
  )
  const line = createInk([Array.from({ length: 100 }, (_, i) => [i, i % 7])])
  const apart = { ...inkAugmentations.none, lift: 0.999 }
  const [head, tail] = inkPoints(augmentStrokes(line.strokes, apart, createRandom(1, 'a')))
  t.same([...head!, ...tail!.slice(1)], inkPoints(line.strokes)[0])
  t.same(tail![0], head!.at(-1))
  const short = inkPoints(
    augmentStrokes(line.strokes, { ...inkAugmentations.none, trim: 0.3 }, createRandom(1, 'a'))
  )[0]!
  const [from, to] = [short[0]![0]!, short.at(-1)![0]!]
  t.ok(from > 0 && from < 30 && to < 99 && to > 69 && short.length === to - from + 1)
  fc.assert(
    fc.property(inks, fc.nat(1000), (some, seed) => {
      const varied = augmentStrokes(some.strokes, scaledAugmentation(3, 3), createRandom(seed, 'b'))
      return (
        countPoints(varied) >= 2 && varied.every(({ x, y }) => x.every(Number.isFinite) && y.every(Number.isFinite))
      )
    })
  )
})

t.test('buckets: every sample once an epoch, the same batches for the same cursor', async (t) => {
  const lengths = Array.from({ length: 103 }, (_, i) => 5 + ((i * 37) % 211))
  const buckets = createBuckets(lengths, { batch: 8, seed: 3 })
  for (let epoch = 0; epoch < 3; epoch++) {
    const batches = Array.from({ length: buckets.stepsPerEpoch }, (_, step) => buckets.samples({ epoch, step }))
    t.same(
      batches.flat().sort((a, b) => a - b),
      Array.from(lengths.keys())
    )
    t.ok(batches.every((batch) => batch.length <= 8))
    t.equal(batches.filter((batch) => batch.length < 8).length, 1)
  }
  const again = createBuckets(lengths, { batch: 8, seed: 3 })
  t.same(again.samples({ epoch: 2, step: 5 }), buckets.samples({ epoch: 2, step: 5 }))
  t.notSame(buckets.samples({ epoch: 0, step: 0 }), buckets.samples({ epoch: 1, step: 0 }))
  t.same(buckets.next({ epoch: 0, step: buckets.stepsPerEpoch - 1 }), { epoch: 1, step: 0 })
  t.throws(() => buckets.samples({ epoch: 0, step: 999 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => createBuckets([], { batch: 8 }), { code: 'ERR_CORPUS_EMPTY' })
  t.ok([1, 16, 17, 500, 9999].every((length) => paddedLength(length) >= length))
})
