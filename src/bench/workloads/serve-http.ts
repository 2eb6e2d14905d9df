// serve-http: a server over HTTP in a process of its own, with the client on the same cores: compared with the engine in this process,
// under open loops of rising rates, and next to ONNX Runtime in the same framework.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine } from '../../generate/engine/engine.js'
import { machineInfo } from '../../machine.js'
import type { Model } from '../../model.js'
import { capacityOf, FIRST_BOUND_US, GAP_BOUND_US, LOWEST_RATE, type MeasuredLoad } from '../load/capacity.js'
import { loadAgent } from '../load/client.js'
import {
  measureFirst,
  measureHealth,
  measureLeaving,
  measurePlain,
  measureRates,
  measureSlow,
  type Contest
} from '../load/measures.js'
import { servedModel, writeServedModel } from '../load/served-model.js'
import { serveWords, startServerProcess, type ServerProcess } from '../load/server-process.js'
import { rivalWays, startRivalServer, writeServedOnnx } from '../rivals/onnx-server.js'
import { ONNX_RUNTIME } from '../rivals/onnxruntime.js'
import type { Rival } from '../rivals/types.js'
import type { BenchRow, Workload } from '../workload.js'
import { servedStacks, type Stack } from './networks.js'

const STREAMS = 64
const TURNS = 5
const SLOW = 4
const HEALTH_CLIENTS = 8
/** Mean number of symbols of the texts of an open loop. */
const TEXT = 128
const LEAST_TIMES_RIVAL = 5

/** The workload serve-http. */
export const serveHttp: Workload = {
  name: 'serve-http',
  summary: 'the same over HTTP: first symbols, rates, health, slow clients, latency by load',
  async *run({ seconds, rivals }) {
    const { isaUsed: isa } = machineInfo()
    const folder = await mkdtemp(join(tmpdir(), 'gatecell-bench-'))
    try {
      for (const stack of servedStacks) {
        const row: RowOf = (shape, figures) => ({
          ...{ workload: 'serve-http', shape: { ...stack, ...shape }, threads: 1, precision: 'f32', isa },
          ...figures
        })
        using model = servedModel(stack)
        const path = join(folder, `${stack.H}.safetensors`)
        await writeServedModel(path, stack)
        const own = yield* serverRows(path, model, { seconds, row })
        const rival = rivals.find(({ name }) => name === ONNX_RUNTIME)
        if (rival) yield* rivalRows(join(folder, `${stack.H}.onnx`), { stack, model, rival }, { seconds, row, own })
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  }
}

type RowOf = (shape: Record<string, number>, figures: Record<string, number | string>) => BenchRow

interface Way {
  readonly seconds: number
  readonly row: RowOf
}

/** Yields the rows of our server, and returns the largest rate that it bears. */
async function* serverRows(path: string, model: Model, { seconds, row }: Way): AsyncGenerator<BenchRow, number> {
  using engine = createEngine(model, { maxRows: STREAMS, cacheBytes: 0 })
  const server = await startServerProcess(serveWords(path))
  const agent = loadAgent()
  const contest: Contest = { server, engine, agent, url: server.url }
  const clients = HEALTH_CLIENTS
  try {
    yield row({ prompt: 16 }, await measureFirst(contest, 16, TURNS))
    const rates = await measureRates(contest, STREAMS, seconds, TURNS)
    yield row({ streams: STREAMS }, { ...rates, ...(await measurePlain(agent, STREAMS, seconds, TURNS)) })
    yield row({ streams: STREAMS, clients }, await measureHealth(contest, STREAMS, clients, seconds))
    yield row({ leave: STREAMS }, await measureLeaving(contest, STREAMS))
    yield row({ streams: STREAMS, slow: SLOW }, await measureSlow(contest, STREAMS, SLOW, seconds))
    const { loads, rate } = await capacityOf(contest, { seconds, tokens: TEXT })
    yield* loadRows(loads, row, {})
    yield row({ texts: TEXT }, capacityFigures(rate))
    return rate
  } finally {
    agent.destroy()
    await server.close()
    await engine.drain()
  }
}

function* loadRows(loads: readonly MeasuredLoad[], row: RowOf, more: Record<string, string>): Generator<BenchRow> {
  for (const { rate, summary } of loads) yield row({ rate }, { ...more, ...summary })
}

/** Streams a second at which nearly all first symbols and gaps keep their bounds. */
function capacityFigures(rate: number) {
  return { streams_per_second: rate, first_p99_us_bound: FIRST_BOUND_US, gap_p99_us_bound: GAP_BOUND_US }
}

/** Yields the rows of the rival's ways, and of the best of them next to ours. */
async function* rivalRows(
  path: string,
  { stack, model, rival }: { stack: Stack; model: Model; rival: Rival },
  { seconds, row, own }: Way & { own: number }
): AsyncGenerator<BenchRow> {
  const { name, version } = rival
  await writeServedOnnx(path, stack, model)
  const rates: number[] = []
  for (const way of rivalWays) {
    const more = { rival: name, version, variant: way.note }
    let server: ServerProcess
    try {
      server = await startRivalServer(path, stack, way)
    } catch (error) {
      yield row({ texts: TEXT }, { ...more, problem: error instanceof Error ? error.message : String(error) })
      continue
    }
    const agent = loadAgent()
    try {
      const { loads, rate } = await capacityOf({ url: server.url, agent }, { seconds, tokens: TEXT })
      rates.push(rate)
      yield* loadRows(loads, row, more)
      yield row({ texts: TEXT }, { ...more, ...capacityFigures(rate) })
    } finally {
      agent.destroy()
      await server.close()
    }
  }
  // A rival that does not bear the lowest rate counts as if it did.
  const best = Math.max(LOWEST_RATE, ...rates)
  if (rates.length > 0)
    yield row(
      { texts: TEXT, rivals: rates.length },
      { times_best_rival: own / best, times_best_rival_bar: LEAST_TIMES_RIVAL }
    )
}
