// Measurements of a server over HTTP next to the engine in this process, in turns: rates, first tokens, health under load, clients that leave or
// are slow.

import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../generate/engine/types.js'
import { packageInfo } from '../../native.js'
import { percentile, summarise } from '../report/stats.js'
import { VOCABULARY } from '../workloads/amounts.js'
import { FIRSTS_BEFORE, served } from '../workloads/serve.js'
import { measureStream } from './client.js'
import { readStreams, type LoadTarget } from './open-loop.js'
import { promptOf } from './served-model.js'
import { loopDelayOf, startServerProcess, type ServerProcess } from './server-process.js'

/** The figures of a row. */
export type Figures = Record<string, number>

/** A server with a client, and the engine of the same model in this process. */
export interface Contest extends LoadTarget {
  readonly server: ServerProcess
  readonly engine: Engine
}

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort()

/**
 * Measures symbols a second of `streams` endless streams over HTTP and in this process, and the costs of the server, in `turns` turns after one
 * that does not count.
 */
export async function measureRates(
  contest: Contest,
  streams: number,
  seconds: number,
  turns: number
): Promise<Figures> {
  const { server, engine } = contest
  const own: number[] = []
  const http: number[] = []
  const costs: number[] = []
  const delays: number[] = []
  const gaps: number[] = []
  let counts: readonly number[] = []
  let [events, symbols] = [0, 0]
  for (let turn = 0; turn <= turns; turn++) {
    const { rate } = await served(engine, streams, seconds)
    const made = await readStreams(contest, streams, {
      async work() {
        await server.measurements()
        const before = server.mainThreadSeconds()
        await sleep(1000 * seconds)
        const after = server.mainThreadSeconds()
        const delay = loopDelayOf(await server.measurements())
        return { delay, cpu: before === null || after === null ? NaN : after - before }
      }
    })
    if (turn === 0) continue // V8 compiles the functions of the server meanwhile.
    own.push(rate)
    delays.push(made.result.delay)
    http.push(made.symbols / made.seconds)
    costs.push(made.result.cpu / made.events)
    for (const gap of made.gaps) gaps.push(gap)
    counts = made.counts
    events += made.events
    symbols += made.symbols
  }
  const [rate, reference] = [summarise(http).median, summarise(own).median]
  const cost = 1e6 * summarise(costs).median
  return {
    symbols_per_second: rate,
    engine_symbols_per_second: reference,
    share_of_engine: rate / reference,
    share_of_engine_bar: 0.6,
    symbols_per_event: symbols / events,
    ...(Number.isFinite(cost) && { main_thread_us_per_event: cost, main_thread_us_per_event_bar: 12 }),
    // A symbol of an event was drawn after the event before, so it has waited no longer than the gap between them.
    event_gap_p50_us: 1000 * percentile(sorted(gaps), 0.5),
    event_gap_p99_us: 1000 * percentile(sorted(gaps), 0.99),
    event_gap_p99_us_bar: 20_000,
    loop_delay_p99_us: 1000 * summarise(delays).median,
    loop_delay_p99_us_bar: 10_000,
    most_to_least: Math.max(...counts) / Math.max(1, Math.min(...counts))
  }
}

/** Measures the processor time of an event in a server of Node.js without an engine, which has the same clients and no other work. */
export async function measurePlain(
  agent: LoadTarget['agent'],
  streams: number,
  seconds: number,
  turns: number
): Promise<Figures> {
  const server = await startServerProcess([join(packageInfo().root, 'dist', 'esm', 'bench', 'load', 'plain-server.js')])
  try {
    const costs: number[] = []
    for (let turn = 0; turn <= turns; turn++) {
      const { result, events } = await readStreams({ agent, url: server.url }, streams, {
        async work() {
          const before = server.mainThreadSeconds() ?? NaN
          await sleep(1000 * seconds)
          return (server.mainThreadSeconds() ?? NaN) - before
        }
      })
      if (turn > 0) costs.push(result / events)
    }
    const cost = 1e6 * summarise(costs).median
    return Number.isFinite(cost) ? { plain_server_us_per_event: cost } : {}
  } finally {
    await server.close()
  }
}

const FIRST_TOKENS = 20

/** Measures the time to the first token of an idle server and of an idle engine, for `turns` times 20 prompts of `length` symbols. */
export async function measureFirst(contest: Contest, length: number, turns: number): Promise<Figures> {
  const { url, agent, engine } = contest
  const http: number[] = []
  const own: number[] = []
  const trips: number[] = []
  let seed = 0
  const ofEngine = () => firstOfEngine(engine, length, ++seed)
  const ofServer = async () => {
    const body = { prompt: promptOf(length, ++seed), max_tokens: 20, seed, stream: true }
    const { first, whole } = await measureStream(agent, { url: `${url}/v1/completions`, body })
    return 1000 * (first ?? whole)
  }
  for (let i = 0; i < FIRSTS_BEFORE; i++) {
    await ofEngine()
    await ofServer()
  }
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < FIRST_TOKENS; i++) own.push(await ofEngine())
    for (let i = 0; i < FIRST_TOKENS; i++) http.push(await ofServer())
    for (let i = 0; i < FIRST_TOKENS; i++) trips.push(await roundTrip(contest))
  }
  const [mine, reference] = [summarise(http), summarise(own)]
  return {
    median_us: mine.median,
    p99_us: mine.p99,
    engine_median_us: reference.median,
    engine_p99_us: reference.p99,
    // An answer without an engine, which no server can be faster than.
    round_trip_median_us: summarise(trips).median,
    added_median_us: mine.median - reference.median,
    added_median_us_bar: 1000,
    added_p99_us: mine.p99 - reference.p99,
    added_p99_us_bar: 5000,
    samples: http.length
  }
}

async function firstOfEngine(engine: Engine, length: number, seed: number): Promise<number> {
  const prompt = Array.from({ length }, (_, i) => (7 * i + seed * (2 * i + 3)) % VOCABULARY)
  const begin = performance.now()
  const generation = engine.generate(prompt, { maxTokens: 20, seed })
  let first = 0
  for await (const { tokens } of generation) if (tokens.length > 0 && first === 0) first = performance.now() - begin
  return 1000 * first
}

/** Measures GET /healthz of a few clients, each one request after the other, while `streams` streams run. */
export async function measureHealth(
  target: LoadTarget,
  streams: number,
  clients: number,
  seconds: number
): Promise<Figures> {
  const times: number[] = []
  const ask = async (until: number) => {
    while (performance.now() < until) {
      times.push(await roundTrip(target))
    }
  }
  const work = () => {
    const until = performance.now() + 1000 * seconds
    return Promise.all(Array.from({ length: clients }, () => ask(until)))
  }
  const made = await readStreams(target, streams, { work })
  const { median, p90, p99, samples } = summarise(times)
  const rate = samples / made.seconds
  return {
    median_us: median,
    p90_us: p90,
    p99_us: p99,
    requests_per_second: rate,
    symbols_per_second: made.symbols / made.seconds
  }
}

/** Measures a request for /healthz, in microseconds. Throws unless its status is 200. */
async function roundTrip(target: LoadTarget): Promise<number> {
  const begin = performance.now()
  const status = await statusOf(target)
  if (status !== 200) throw new Error(`Expected the status 200 of /healthz, got ${status}.`)
  return 1000 * (performance.now() - begin)
}

/** Asks for /healthz. Returns the status after the whole answer. */
async function statusOf({ url, agent }: LoadTarget): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    const sent = get(`${url}/healthz`, { agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode))
    })
    sent.once('error', reject)
  })
}

const BUSY = ['gatecell_requests_running', 'gatecell_requests_waiting', 'gatecell_sessions_paused']

/** Returns the number of texts that a server holds: running, waiting and paused. */
export async function heldTexts(server: ServerProcess): Promise<number> {
  const found = await server.measurements()
  return BUSY.reduce((sum, name) => sum + (found.get(name) ?? 0), 0)
}

const MOST_WAIT_MS = 60_000

/** Waits until `isDone` returns true, which is asked every `pause` milliseconds. Throws after a minute. */
async function until(isDone: () => Promise<boolean>, pause: number): Promise<void> {
  const begin = performance.now()
  while (!(await isDone())) {
    if (performance.now() - begin > MOST_WAIT_MS)
      throw new Error('Expected the server to come to the state that is measured within a minute, but it has not.')
    await sleep(pause)
  }
}

/** Measures the time from the moment at which all of `streams` clients leave until the server holds no text. */
export async function measureLeaving({ server, ...target }: Contest, streams: number): Promise<Figures> {
  await readStreams(target, streams, { work: () => sleep(100) })
  const begin = performance.now()
  await until(async () => (await heldTexts(server)) === 0, 1)
  return { free_us: 1000 * (performance.now() - begin), free_us_bar: 50_000 }
}

/** Texts of a slow client. Their log probabilities make an answer large, so that the buffers of its connection are soon full. */
const SLOW_TEXTS = 50
const SLOW_BYTES = 1000

/** Measures `streams` streams by themselves and next to texts of `slow` clients that read 1 KB/s, once those texts pause. */
export async function measureSlow(
  { server, ...target }: Contest,
  streams: number,
  slow: number,
  seconds: number
): Promise<Figures> {
  const rate = async () => {
    const { symbols, seconds: time } = await readStreams(target, streams, { work: () => sleep(1000 * seconds) })
    return symbols / time
  }
  const before = await rate()
  const body = { n: SLOW_TEXTS, logprobs: 5 }
  const { result } = await readStreams(target, slow, {
    ...{ body, bytesPerSecond: SLOW_BYTES },
    async work() {
      const paused = async () => (await server.measurements()).get('gatecell_sessions_paused') ?? 0
      await until(async () => (await paused()) >= 0.95 * slow * SLOW_TEXTS, 50)
      return await rate()
    }
  })
  return {
    symbols_per_second: result,
    without_slow_symbols_per_second: before,
    share_kept: result / before,
    share_kept_bar: 0.9
  }
}
