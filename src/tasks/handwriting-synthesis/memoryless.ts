// Reads the memoryless baselines that a model file keeps beside its network.

import {
  LEAST_SHARE,
  LEAST_VARIANCE,
  MOST_CORRELATION,
  type Component,
  type Memoryless
} from '../../metrics/gaussian-mixture.js'
import type { ConfigReader, Fields } from '../runs/config-reader.js'

/** Reads the memoryless densities of a model file: `gaussians` components, each with a positive variance. Throws ERR_FILE_FORMAT for others. */
export function readMemoryless(read: ConfigReader, from: Fields, gaussians: number): Memoryless {
  const component = (value: unknown, name: string): Component => {
    const [weight, x, y, xx, xy, yy] = read.list(value, name, 6)
    const fields = { weight, x, y, xx, xy, yy }
    const [sx, sy] = [read.number(fields, 'xx', LEAST_VARIANCE, 1e12), read.number(fields, 'yy', LEAST_VARIANCE, 1e12)]
    return [
      read.number(fields, 'weight', Number.MIN_VALUE, 1 + 1e-9),
      read.number(fields, 'x', -1e12, 1e12),
      read.number(fields, 'y', -1e12, 1e12),
      sx,
      read.number(fields, 'xy', -MOST_CORRELATION * Math.sqrt(sx * sy), MOST_CORRELATION * Math.sqrt(sx * sy)),
      sy
    ]
  }
  return {
    ends: read.number(from, 'ends', LEAST_SHARE, 1 - LEAST_SHARE),
    finishes: read.number(from, 'finishes', LEAST_SHARE, 1 - LEAST_SHARE),
    gaussian: component(from['gaussian'], 'gaussian'),
    mixture: read.list(from['mixture'], 'mixture', gaussians).map((one) => component(one, 'mixture'))
  }
}
