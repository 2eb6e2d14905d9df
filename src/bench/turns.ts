// Contestants measured turn by turn: a machine's clock and neighbours change by the minute, so a ratio means something
// only where both sides were measured alternately in one run.

import { setTimeout as sleep } from 'node:timers/promises'
import { throwIfAborted } from '../graph/abort.js'
import { foreignClock } from './machine/foreign.js'
import { summarise, type Timing } from './report/stats.js'

/** Something that can be run again and again and timed. */
export interface Contestant {
  /**
   * Runs for about `seconds`, at least once, and returns the microseconds of each run. `warm`: runs for a tenth of the
   * time before, which do not count.
   */
  burst(seconds: number, warm: boolean): Promise<ArrayLike<number>>
  close(): void | Promise<void>
}

/** The length of the measurement. */
export interface TurnOptions {
  /** Of each contestant, all bursts together. */
  seconds: number
  signal?: AbortSignal
}

const ROUNDS = 5
/** Spinning threads of the one before must have gone to sleep: those of ONNX Runtime spin for about 20 ms. */
const PAUSE_MS = 50
const MOST_SAMPLES = 1 << 17

/** The timings of all contestants. */
export interface Turns {
  /** An Error for a contestant that failed on the way; the first never is one. */
  timings: (Timing | Error)[]
  /** Share of the machine that other processes had while the first contestant ran; null where the system does not say. */
  foreign: number | null
}

/**
 * Measures contestants in turns and returns their timings in the order of `contestants`. The first one is the engine: its errors are
 * thrown.
 */
export async function takeTurns(contestants: readonly Contestant[], options: TurnOptions): Promise<Turns> {
  const { seconds, signal } = options
  const burst = seconds / ROUNDS
  const samples: (number[] | Error)[] = contestants.map(() => [])
  const others = foreignClock()
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, contestant] of contestants.entries()) {
      throwIfAborted(signal)
      const known = samples[i]!
      if (known instanceof Error) continue
      // A run that takes longer than a burst finds the caches as it leaves them: it needs no warming.
      const warm = known.length === 0 || known.at(-1)! < burst * 5e5
      try {
        if (i === 0) others.start()
        const times = await contestant.burst(burst, warm)
        if (i === 0) others.stop()
        for (let k = 0; k < times.length; k++) known.push(times[k]!)
      } catch (error) {
        if (i === 0 || !(error instanceof Error)) throw error
        samples[i] = error
      }
      if (contestants.length > 1) await sleep(PAUSE_MS)
    }
  }
  const timings = samples.map((list) => (list instanceof Error ? list : summarise(list)))
  return { timings, foreign: others.share() }
}

/** Returns the fastest of several variants of one contestant, by a short burst of each, and closes the others. */
export async function fastest<C extends Contestant>(variants: readonly C[], seconds: number): Promise<C> {
  if (variants.length === 1) return variants[0]!
  const medians: number[] = []
  for (const variant of variants) {
    medians.push(summarise(await variant.burst(seconds, true)).median)
    await sleep(PAUSE_MS)
  }
  const best = variants[medians.indexOf(Math.min(...medians))]!
  for (const variant of variants) if (variant !== best) await variant.close()
  return best
}

/** Returns a contestant that makes a call in this thread. `per` is the number of units that one call does; times are of one unit. */
export function syncContestant(call: () => void, close: () => void, per = 1): Contestant {
  const times = new Float64Array(MOST_SAMPLES)
  return {
    async burst(seconds, warm) {
      const begin = performance.now()
      if (warm)
        do call()
        while (performance.now() - begin < 100 * seconds)
      let before = performance.now()
      const stop = before + 1000 * seconds
      let count = 0
      while (count === 0 || (before < stop && count < MOST_SAMPLES)) {
        call()
        const after = performance.now()
        times[count++] = ((after - before) * 1000) / per
        before = after
      }
      return times.subarray(0, count)
    },
    close
  }
}

/** Returns a contestant that makes a call and awaits its promise. */
export function asyncContestant(call: () => Promise<unknown>, close: () => void | Promise<void>): Contestant {
  return {
    async burst(seconds, warm) {
      const begin = performance.now()
      if (warm)
        do await call()
        while (performance.now() - begin < 100 * seconds)
      const times: number[] = []
      let before = performance.now()
      const stop = before + 1000 * seconds
      while (times.length === 0 || (before < stop && times.length < MOST_SAMPLES)) {
        await call()
        const after = performance.now()
        times.push((after - before) * 1000)
        before = after
      }
      return times
    },
    close
  }
}
