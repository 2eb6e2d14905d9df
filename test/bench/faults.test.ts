// The judgement of a fault run about memory: a leak is found, noise is not taken for one, and a short series has a wide interval.

import t from 'tap'
// @ts-expect-error The script has no types.
import { trendOf } from '../../bench/faults/trend.mjs'
import { createRandom } from '../../src/random.js'

type Trend = { mean: number; slope: number; margin: number }

/** Returns the trend of memory that grows by `growth` MB an hour, with the noise of collections of garbage. */
function trend(hours: number, growth: number, seed = 1): Trend {
  const random = createRandom(seed, 'test')
  const points = Array.from({ length: 600 }, (_, i) => {
    const time = (hours * i) / 600
    return [time, 150 + growth * time + 8 * ((i % 25) / 25) + random.normal()]
  })
  return trendOf(points)
}

t.test('slopes with their intervals', async (t) => {
  const seeds = Array.from({ length: 40 }, (_, seed) => seed)
  const covered = (growth: number) =>
    seeds.filter((seed) => {
      const { slope, margin } = trend(0.5, growth, seed)
      return Math.abs(slope - growth) <= margin
    }).length
  for (const growth of [0, 20]) t.ok(covered(growth) >= 34, 'the interval holds the true slope nearly always')
  const leak = trend(0.5, 20)
  t.ok(leak.slope - leak.margin > 1.5, 'a leak of 20 MB an hour is found in half an hour')
  t.ok(trend(0.02, 0).margin > 10 * trend(0.5, 0).margin, 'a short run shows little')
  t.ok(Math.abs(leak.mean - 159) < 1)
})
