// One parser fuzzed in a thread that is watched: a file that is not read within some seconds of processor time, or that ends the thread, is a
// finding, too.

import { Worker } from 'node:worker_threads'
import type { Outcome, Work } from './worker.js'

/** Processor time in milliseconds that one file of at most 64 KiB may take; most take less than one. */
const MOST_CPU = 10_000
/** Milliseconds that a file may take if it takes no processor time, as a promise that nothing settles. */
const MOST_WAIT = 60_000
/** The heap of a thread in MiB. */
const MOST_HEAP = 256

/** How a parser is fuzzed. */
export interface FuzzOptions {
  readonly seed: number
  /** Number of the first run. Default 0. */
  readonly first?: number
  /** Most runs. Default: as many as there is time for. */
  readonly runs?: number
  /** Most milliseconds. Default: as long as the runs take. */
  readonly milliseconds?: number
  /** For tests of the fuzzer: a module with another `loadParser`, and shorter limits. */
  readonly module?: string
  readonly mostCpu?: number
  readonly mostWait?: number
}

/** The result: a fault is the last run's. */
export interface FuzzResult extends Outcome {
  readonly parser: string
  readonly seconds: number
  /** The number of the run with the fault. */
  readonly run?: number
}

/** Fuzzes a parser. */
export async function fuzz(parser: string, options: FuzzOptions): Promise<FuzzResult> {
  const { seed, first = 0, runs = Infinity, milliseconds = Infinity, module } = options
  const current = new Float64Array(new SharedArrayBuffer(8)).fill(-1)
  const work: Work = { parser, seed, first, end: first + runs, most: milliseconds, current, ...(module && { module }) }
  const begin = performance.now()
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP }
  })
  const outcome = await Promise.race([outcomeOf(worker), hangOf(worker, current, options)])
  const end = { parser, seconds: (performance.now() - begin) / 1000 }
  if (typeof outcome !== 'string')
    return { ...end, ...outcome, ...(outcome.fault && { run: first + outcome.runs - 1 }) }
  const run = Math.max(first, current[0]!)
  return { ...end, runs: run - first + 1, read: 0, run, fault: outcome }
}

/** Returns the outcome of a thread, or the error that ended it. */
async function outcomeOf(worker: Worker): Promise<Outcome | string> {
  return await new Promise((resolve) => {
    worker.once('message', resolve)
    worker.once('error', (error: Error) => resolve(error.stack ?? error.message))
    worker.once('exit', (code) => resolve(`the thread ended with ${code}`))
  })
}

/** Ends a thread that hangs, and returns the fault. */
async function hangOf(
  worker: Worker,
  current: Float64Array,
  { mostCpu = MOST_CPU, mostWait = MOST_WAIT }: FuzzOptions
): Promise<string> {
  const processor = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  let [before, cpu, since] = [-2, processor(), performance.now()]
  let over = false
  worker.once('exit', () => (over = true))
  while (!over) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(200, mostCpu / 4)))
    const [now, used] = [performance.now(), processor()]
    if (current[0] !== before) [before, cpu, since] = [current[0]!, used, now]
    // The thread takes its time until the first file.
    if (current[0] === -1 || (used - cpu < mostCpu && now - since < mostWait)) continue
    worker.removeAllListeners('exit')
    await worker.terminate()
    return `not read in ${Math.round(now - since)} ms`
  }
  return await new Promise(() => {})
}
