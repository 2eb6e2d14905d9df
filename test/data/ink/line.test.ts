// Noise and skew of ink, variations along the line, and short samples first.

import fc from 'fast-check'
import t from 'tap'
import { createBuckets } from '../../../src/data/batching/buckets.js'
import { augmentationFromJson, augmentStrokes, inkAugmentations } from '../../../src/data/ink/augment.js'
import { baselineSlope } from '../../../src/data/ink/baseline.js'
import { prepareStrokes } from '../../../src/data/ink/features.js'
import { mapPoints, measureInk, normalisationFromJson, type InkNormalisation } from '../../../src/data/ink/normalise.js'
import { smoothStrokes } from '../../../src/data/ink/smooth.js'
import { countPoints, createInk, inkPoints, type Ink, type Stroke } from '../../../src/data/ink/strokes.js'
import { crc32c } from '../../../src/io/crc32c.js'
import { createRandom } from '../../../src/random.js'
import { syntheticInk } from '../../../src/data/ink/synthetic.js'

const plain: InkNormalisation = {
  scale: 'sample',
  unit: 1,
  deslant: false,
  level: false,
  smooth: 0,
  resample: 'length',
  step: 1 / 12
}
const words = syntheticInk(40, { seed: 5, least: 5, most: 8 })

/** Straight stretches between the points in `pieces`, as a faster tablet would have them. */
function denser({ x, y }: Stroke, pieces: number): Stroke {
  const between = (values: Float64Array) =>
    Float64Array.from({ length: (values.length - 1) * pieces + 1 }, (_, i) => {
      const [k, share] = [Math.floor(i / pieces), (i % pieces) / pieces]
      return values[k]! + share * ((values[k + 1] ?? values[k]!) - values[k]!)
    })
  return { x: between(x), y: between(y), t: null }
}

function noisy(ink: Ink, share: number, seed: number): Ink {
  const random = createRandom(seed, 'noise')
  const { size } = measureInk(ink.strokes)
  const moved = (values: Float64Array) => values.map((value) => value + share * size * random.normal())
  return {
    ...ink,
    strokes: ink.strokes.map((one) => denser(one, 24)).map(({ x, y }) => ({ x: moved(x), y: moved(y), t: null }))
  }
}

const rotate = (strokes: readonly Stroke[], degrees: number) => {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  return mapPoints(strokes, (x, y) => [cos * x - sin * y, sin * x + cos * y])
}

t.test('clean ink is not smoothed, dense or not', async (t) => {
  for (const { strokes } of words) {
    const distance = (1.5 * measureInk(strokes).size) / 12
    t.equal(smoothStrokes(strokes, distance), strokes)
    const dense = strokes.map((one) => denser(one, 24))
    t.equal(smoothStrokes(dense, distance), dense)
    t.equal(smoothStrokes(strokes, 0), strokes)
  }
})

t.test('noise of 1 and 2 % of the size on dense points adds nearly no length', async (t) => {
  for (const share of [0.01, 0.02]) {
    const points = (smooth: number, list: readonly Ink[]) =>
      list.reduce((sum, ink) => sum + countPoints(prepareStrokes(ink, { ...plain, smooth })), 0)
    const shaken = words.map((ink, i) => noisy(ink, share, i))
    const clean = points(1.5, words)
    t.equal(clean, points(0, words))
    t.ok(points(0, shaken) > 2 * clean, 'without smoothing the path is more than twice as long')
    t.ok(Math.abs(points(1.5, shaken) / clean - 1) < 0.1)
  }
})

t.test('a triangle of weights, whatever lies far from 0 and however dense it is', async (t) => {
  const random = createRandom(1, 'dense')
  const place = 1e9
  const x = Float64Array.from({ length: 4000 }, (_, i) => place + i / 1000 + 0.05 * random.normal())
  const stroke: Stroke = { x, y: x.map(() => place + 0.05 * random.normal()), t: null }
  const [smoothed] = smoothStrokes([stroke], 0.5)
  t.not(smoothed, stroke)
  t.equal(smoothed!.x[0], x[0], 'the ends stay')
  t.equal(smoothed!.x.at(-1), x.at(-1))
  // Of a point whose window is cut by the end: half a window of 20 points.
  const weights = Array.from({ length: 41 }, (_, k) => 21 - Math.abs(k - 20))
  const expected = weights.reduce((sum, weight, k) => sum + weight * (x[k]! - place), 0) / 441
  t.ok(Math.abs(smoothed!.x[20]! - place - expected) < 1e-5)
  // 131,072 points within one window: a sum for each of them over all others would take minutes.
  const ball = Float64Array.from({ length: 2 ** 17 }, () => random.normal())
  t.equal(smoothStrokes([{ x: ball, y: ball.slice(), t: null }], 3)[0]!.x.length, 2 ** 17)
})

t.test('the skew of a line is found, that of a letter is left alone', async (t) => {
  for (const degrees of [-20, -10, 0, 10, 20]) {
    const left = words.map(({ strokes }) => {
      const skewed = rotate(strokes, degrees)
      return degrees - (Math.atan(baselineSlope(skewed)) * 180) / Math.PI
    })
    const mean = left.reduce((sum, value) => sum + value, 0) / left.length
    t.ok(Math.abs(mean) <= Math.max(1, Math.abs(degrees) / 3), `${degrees} degrees: ${mean} left`)
  }
  const letters = syntheticInk(40, { seed: 2, least: 1, most: 1 })
  for (const { strokes, text } of letters) {
    const angle = (Math.atan(baselineSlope(rotate(strokes, 15))) * 180) / Math.PI
    t.ok(Math.abs(angle) < 8, `${text}: ${angle}`)
  }
  t.equal(baselineSlope(createInk([[[0, 0], [5, 3]]]).strokes), 0) // prettier-ignore
  t.equal(baselineSlope(createInk([[[1, 1]], [[1, 1]]]).strokes), 0) // prettier-ignore
})

t.test('levelled, skewed ink is that of straight ink, whatever its size and place', async (t) => {
  const level = { ...plain, level: true }
  for (const ink of words.slice(0, 10)) {
    const [a, b] = [0, 12].map((degrees) =>
      prepareStrokes(
        { ...ink, strokes: mapPoints(rotate(ink.strokes, degrees), (x, y) => [30 * x - 7, 30 * y + 900]) },
        level
      )
    )
    const height = (strokes: readonly Stroke[]) => Math.max(...strokes.flatMap(({ y }) => [...y]))
    t.ok(Math.abs(height(a!) - height(b!)) < 0.25)
  }
  fc.assert(
    fc.property(
      fc.array(
        fc.array(fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.double({ min: -9, max: 9, noNaN: true })), {
          minLength: 1,
          maxLength: 9
        }),
        { minLength: 1, maxLength: 4 }
      ),
      (list) => {
        if (list.flat().length < 2) return true
        return prepareStrokes(createInk(list), { ...level, deslant: true, smooth: 1.5 }).every(
          ({ x, y }) => x.every(Number.isFinite) && y.every(Number.isFinite)
        )
      }
    )
  )
})

t.test('settings of version 0.1 give its variations bit for bit', async (t) => {
  const old = {
    shear: 0.3,
    scale: 0.24,
    rotate: 0.12,
    warp: 0.1,
    dropout: 0.2,
    reverse: 0.2,
    trim: 0.1,
    lift: 0.1,
    speed: 0.2
  }
  const ink = createInk(
    [0, 1, 2].map((s) => Array.from({ length: 40 }, (_, i) => [s + i / 20, ((i * (s + 3)) % 11) / 10, i]))
  )
  const settings = augmentationFromJson(old, 'a file')
  let crc = 0
  for (let k = 0; k < 20; k++) {
    const varied = inkPoints(augmentStrokes(ink.strokes, settings, createRandom(k, 'variation')))
    crc = crc32c(new TextEncoder().encode(JSON.stringify(varied)), crc)
  }
  t.equal(crc, 1688654992)
  const { level: _, smooth: __, ...before } = plain
  t.same(normalisationFromJson(before, 'a file'), plain)
  t.throws(() => normalisationFromJson({ ...plain, smooth: -1 }, 'a file'), { code: 'ERR_FILE_FORMAT' })
  t.throws(() => normalisationFromJson({ ...plain, level: 1 }, 'a file'), { code: 'ERR_FILE_FORMAT' })
  t.throws(() => augmentationFromJson({ ...old, join: 2 }, 'a file'), { code: 'ERR_FILE_FORMAT' })
})

t.test('each variation along the line', async (t) => {
  const { strokes } = createInk(
    [0, 1, 2, 3].map((s) => Array.from({ length: 21 }, (_, i) => [s / 2 + i / 60, (i % 5) / 5]))
  )
  const vary = (settings: object, seed = 1) =>
    augmentStrokes(strokes, { ...inkAugmentations.none, ...settings }, createRandom(seed, 'v'))
  t.same(inkPoints(vary({ plain: 0.999, warp: 1 })), inkPoints(strokes))
  t.equal(vary({ join: 0.999 }).length, 1, 'near strokes are joined')
  t.equal(countPoints(vary({ join: 0.999 })), countPoints(strokes), 'without a point more or less')
  t.same(
    inkPoints(vary({ swap: 0.999 })),
    [1, 0, 3, 2].map((i) => inkPoints(strokes)[i])
  )
  for (let seed = 0; seed < 50; seed++) {
    const wide = vary({ width: 0.5 }, seed)
    const row = createInk([Array.from({ length: 200 }, (_, i) => [i / 20, 0])]).strokes
    const [{ x }] = augmentStrokes(row, { ...inkAugmentations.none, width: 0.5 }, createRandom(seed, 'v')) as [Stroke]
    t.ok(x.every((value, i) => i === 0 || value > x[i - 1]!) || seed < 0, 'the pen does not run backwards')
    t.same(
      wide.map(({ y }) => [...y]),
      strokes.map(({ y }) => [...y]),
      'heights stay'
    )
  }
  t.same(
    vary({ drift: 0.1 }).map(({ x }) => [...x]),
    strokes.map(({ x }) => [...x])
  )
  t.notSame(inkPoints(vary({ bend: 0.02 })), inkPoints(strokes))
  t.notSame(inkPoints(vary({ lean: 0.1 })), inkPoints(strokes))
})

t.test('short samples first, in the epochs that are asked for', async (t) => {
  const lengths = Array.from({ length: 103 }, (_, i) => 5 + ((i * 37) % 211))
  const [sorted, mixed] = [1, 0].map((shortFirst) => createBuckets(lengths, { batch: 8, seed: 3, shortFirst }))
  const longest = (epoch: number) =>
    Array.from({ length: sorted!.stepsPerEpoch }, (_, step) =>
      Math.max(...sorted!.samples({ epoch, step }).map((i) => lengths[i]!))
    )
  t.same(
    longest(0),
    longest(0).sort((a, b) => a - b)
  )
  t.notSame(
    longest(1),
    longest(1).sort((a, b) => a - b)
  )
  const all = Array.from({ length: sorted!.stepsPerEpoch }, (_, step) => sorted!.samples({ epoch: 0, step })).flat()
  t.same(
    all.sort((a, b) => a - b),
    Array.from(lengths.keys())
  )
  t.same(sorted!.samples({ epoch: 2, step: 4 }), mixed!.samples({ epoch: 2, step: 4 }), 'later epochs stay')
})
