// Times at which requests of an open loop are sent. They are planned before the first request, and latencies are counted from them: a client that
// waits for an answer before it sends the next request hides each stall of the server.

import { createRandom } from '../../random.js'

/**
 * Returns the times of a Poisson process of `rate` events a second, in seconds from 0 to `seconds`, in ascending order. The same seed gives the same
 * times.
 */
export function poissonTimes(rate: number, seconds: number, seed: number): Float64Array {
  const random = createRandom(seed, 'bench.arrivals')
  const times: number[] = []
  for (let at = gap(); at < seconds; at += gap()) times.push(at)
  return Float64Array.from(times)

  function gap(): number {
    return -Math.log(1 - random.uniform()) / rate
  }
}

/**
 * Returns `count` lengths of texts that differ as those of real requests do: exponential with the mean `mean`, from 1 to 8 times the mean. The same
 * seed gives the same lengths.
 */
export function textLengths(count: number, mean: number, seed: number): Int32Array {
  const random = createRandom(seed, 'bench.lengths')
  const length = () => Math.ceil(-Math.log(1 - random.uniform()) * mean)
  return Int32Array.from({ length: count }, () => Math.min(8 * mean, Math.max(1, length())))
}

/**
 * Calls `send` with the index of each of `times`, at that time in seconds after the call, and with the planned time on the clock of
 * `performance.now()`. Resolves after the last call; those that are late are made at once, in their order.
 */
export async function sendAt(times: ArrayLike<number>, send: (index: number, planned: number) => void): Promise<void> {
  const begin = performance.now()
  for (let i = 0; i < times.length;) {
    const planned = begin + 1000 * times[i]!
    const wait = planned - performance.now()
    if (wait <= 0) send(i++, planned)
    else await new Promise((resolve) => setTimeout(resolve, wait))
  }
}
