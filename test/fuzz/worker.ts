// A thread of the fuzzer: reads changed files with a parser until one is a finding, and stores the number of each before it reads it.

import { parentPort, workerData } from 'node:worker_threads'
import { GatecellError } from '../../src/errors.js'
import { createRandom } from '../../src/random.js'
import { loadParser, type Parser } from './parsers.js'

/** The work of a thread. */
export interface Work {
  readonly parser: string
  readonly seed: number
  /** Numbers of the first run and of the one after the last. */
  readonly first: number
  readonly end: number
  /** Milliseconds after which it ends. */
  readonly most: number
  /** The number of the run that is under way, for the thread that watches. */
  readonly current: Float64Array
  /** A module with a function `loadParser` for tests of the fuzzer. */
  readonly module?: string
}

/** The end of a thread: runs, and the last one's fault. */
export interface Outcome {
  readonly runs: number
  /** Files that were read without an error. */
  readonly read: number
  readonly fault?: string
}

/** Most bytes by which one file of at most 64 KiB may raise the memory of the process. */
export const MOST_GROWTH = 2 ** 26

/** Returns the changed file of a run. */
export function fileOf(parser: Parser, seed: number, run: number): Uint8Array {
  return parser.change(createRandom(seed, `fuzz.${parser.name}.${run}`))
}

/** The result of one file: a fault is an error that is not one of gatecell's, or memory that grew. */
interface Tried {
  readonly fault: string | null
  readonly read: boolean
}

let peak = 0

/** Reads bytes. */
export async function tryFile(parser: Parser, bytes: Uint8Array): Promise<Tried> {
  peak ||= process.resourceUsage().maxRSS
  let read = true
  try {
    await parser.read(bytes)
  } catch (error) {
    read = false
    if (!(error instanceof GatecellError)) return { fault: error instanceof Error ? (error.stack ?? error.message) : String(error), read } // prettier-ignore
  }
  const before = peak
  peak = process.resourceUsage().maxRSS
  const grown = 1024 * (peak - before)
  return { fault: grown > MOST_GROWTH ? `${grown} bytes more memory for ${bytes.length} bytes` : null, read }
}

async function work({ parser: name, seed, first, end, most, current, module }: Work): Promise<Outcome> {
  const load = module === undefined ? loadParser : ((await import(module)) as { loadParser: typeof loadParser }).loadParser // prettier-ignore
  const parser = load(name)
  const until = performance.now() + most
  // Most files are refused, and to record the stack of each error would take longer than to read them.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  let [run, read] = [first, 0]
  for (; run < end && ((run & 63) !== 0 || performance.now() < until); run++) {
    current[0] = run
    const found = await tryFile(parser, fileOf(parser, seed, run))
    if (found.fault !== null) {
      Error.stackTraceLimit = stackTraceLimit
      const again = await tryFile(parser, fileOf(parser, seed, run))
      return { runs: run - first + 1, read, fault: again.fault ?? found.fault }
    }
    if (found.read) read++
  }
  return { runs: run - first, read }
}

if (parentPort) parentPort.postMessage(await work(workerData as Work))
