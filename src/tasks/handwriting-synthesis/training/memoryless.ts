// The check of the baselines without a memory that a model file stores next to its network.

import { list, number, open } from '../../../check/index.js'
import {
  LEAST_SHARE,
  LEAST_VARIANCE,
  MOST_CORRELATION,
  type Component,
  type Memoryless
} from '../../../metrics/gaussian-mixture.js'

const checkNumbers = list(number(), 6, 6)
const coordinate = number(-1e12, 1e12)
const variance = number(LEAST_VARIANCE, 1e12)
const weight = number(Number.MIN_VALUE, 1 + 1e-9)
const share = number(LEAST_SHARE, 1 - LEAST_SHARE)

/** Checks a component: positive variances, and a correlation between -1 and 1. */
function checkComponent(value: unknown, name: string): Component {
  const [w, x, y, xx, xy, yy] = checkNumbers(value, name) as [number, number, number, number, number, number]
  const most = MOST_CORRELATION * Math.sqrt(variance(xx, name) * variance(yy, name))
  return [weight(w, name), coordinate(x, name), coordinate(y, name), xx, number(-most, most)(xy, name), yy]
}

/** Checks densities without a memory, of `gaussians` components (default: 1 to 1000). Throws ERR_INVALID_ARGUMENT. */
export function checkMemoryless(value: unknown, name: string, gaussians?: number): Memoryless {
  return open<Memoryless>({
    ends: share,
    finishes: share,
    gaussian: checkComponent,
    mixture: list(checkComponent, gaussians ?? 1, gaussians ?? 1000)
  })(value, name)
}
