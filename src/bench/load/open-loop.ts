// Loads: requests at planned times whatever the server does, and endless streams, with summaries of the measurements.

import type { Agent } from 'node:http'
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../report/stats.js'
import { poissonTimes, sendAt, textLengths } from './arrivals.js'
import { measureStream, type LoadResult } from './client.js'
import { promptOf } from './served-model.js'

/** A server, and the connections of a client to it. */
export interface LoadTarget {
  readonly url: string
  readonly agent: Agent
}

/** An open loop: `rate` requests a second for `seconds`, for texts of `tokens` symbols on average, of exponential lengths. */
export interface OpenLoad {
  readonly rate: number
  readonly seconds: number
  readonly tokens: number
  readonly seed: number
}

/** The measurements of an open loop; times are in microseconds, from the planned times of the requests. */
export interface LoadSummary {
  /** The number of requests. */
  readonly requests: number
  /** Requests without a whole text. */
  readonly unfinished: number
  readonly first_p50_us: number
  readonly first_p99_us: number
  readonly gap_p50_us: number
  readonly gap_p99_us: number
  readonly whole_p99_us: number
  readonly symbols_per_second: number
  /** How late the client itself was. */
  readonly late_p99_us: number
}

/** Seconds after the last request in which texts may end. */
const GRACE = 2
/** Characters of the shortest prompt; the longest has one less than three times as many. */
const SHORTEST_PROMPT = 8

/** Runs an open loop. Requests that have no token when it ends count with the time that they have waited. */
export async function openLoop({ url, agent }: LoadTarget, load: OpenLoad): Promise<LoadSummary> {
  const { rate, seconds, tokens, seed } = load
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  const results: Promise<LoadResult>[] = []
  const begin = performance.now()
  let made = 0
  const times = poissonTimes(rate, seconds, seed)
  const lengths = textLengths(times.length, tokens, seed)
  await sendAt(times, (i, planned) => {
    const prompt = promptOf(SHORTEST_PROMPT + ((7 * i) % (2 * SHORTEST_PROMPT)), seed + i)
    const body = { prompt, max_tokens: lengths[i]!, seed: i, stream: true }
    const onTokens = (count: number) => (made += count)
    results.push(
      measureStream(agent, { url: `${url}/v1/completions`, body, planned, onTokens, signal: controller.signal })
    )
  })
  const all = Promise.all(results)
  await Promise.race([all, sleep(1000 * GRACE)])
  const elapsed = performance.now() - begin
  const symbols = made
  controller.abort()
  return summaryOf(await all, (1000 * symbols) / elapsed)
}

function summaryOf(results: readonly LoadResult[], rate: number): LoadSummary {
  const at = (values: readonly number[], share: number) =>
    values.length === 0 ? 0 : 1000 * percentile(Float64Array.from(values).sort(), share)
  const firsts = results.map(({ first, whole }) => first ?? whole)
  const gaps = results.flatMap((result) => result.gaps)
  const wholes = results.map(({ whole }) => whole)
  return {
    requests: results.length,
    unfinished: results.filter(({ end }) => end !== 'done').length,
    first_p50_us: at(firsts, 0.5),
    first_p99_us: at(firsts, 0.99),
    gap_p50_us: at(gaps, 0.5),
    gap_p99_us: at(gaps, 0.99),
    whole_p99_us: at(wholes, 0.99),
    symbols_per_second: rate,
    late_p99_us: at(results.map(({ late }) => late), 0.99) // prettier-ignore
  }
}

/** The measurements of endless streams. Gaps are in milliseconds, those of all streams together. */
export interface StreamsSummary {
  readonly symbols: number
  readonly events: number
  readonly seconds: number
  readonly gaps: readonly number[]
  /** Symbols of each stream. */
  readonly counts: readonly number[]
}

/** The work that is done while streams run. */
export interface StreamsWork<T> {
  /** Further fields of each body. */
  readonly body?: object
  readonly bytesPerSecond?: number
  /** Called after every stream has had tokens; the streams are measured until it resolves. */
  work(): Promise<T>
}

/** Reads `count` endless streams while `work` runs. Throws what `work` throws. */
export async function readStreams<T>(
  { url, agent }: LoadTarget,
  count: number,
  { body = {}, bytesPerSecond, work }: StreamsWork<T>
): Promise<StreamsSummary & { result: T }> {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  const counts = Array<number>(count).fill(0)
  let events = 0
  const gaps: number[] = []
  const last = Array<number>(count).fill(0)
  const streams = counts.map((_, i) =>
    measureStream(agent, {
      url: `${url}/v1/completions`,
      body: { prompt: promptOf(4, i), max_tokens: 2 ** 30, seed: i, stream: true, ...body },
      signal: controller.signal,
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
      onTokens(tokens) {
        counts[i]! += tokens
        events++
        const now = performance.now()
        if (last[i]! > 0) gaps.push(now - last[i]!)
        last[i] = now
      }
    })
  )
  const ended = Promise.all(streams)
  try {
    while (counts.includes(0)) await Promise.race([sleep(5), ended.then(refuseEnd)])
    counts.fill(0)
    last.fill(0)
    gaps.length = events = 0
    const begin = performance.now()
    const result = await work()
    const seconds = (performance.now() - begin) / 1000
    const made = counts.slice()
    const symbols = made.reduce((sum, one) => sum + one, 0)
    return { symbols, events, seconds, gaps: gaps.slice(), counts: made, result }
  } finally {
    controller.abort()
    await ended
  }
}

function refuseEnd(results: readonly LoadResult[]): void {
  const { end, status } = results[0]!
  throw new Error(`Expected an endless stream, got its end (${end}, status ${status}).`)
}
