// serve-http: models behind a server over HTTP, in a process of its own, with the client on the same cores: compared with the engine in this process,
// under open loops of rising rates, and next to ONNX Runtime behind the same framework.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine } from '../../generate/engine/engine.js'
import { machineInfo } from '../../machine.js'
import { loadAgent } from '../load/client.js'
import {
  measureFirst,
  measureHealth,
  measureLeaving,
  measureRates,
  measureSlow,
  type Contest,
  type Figures
} from '../load/measures.js'
import { openLoop } from '../load/open-loop.js'
import { servedModel, writeServedModel } from '../load/served-model.js'
import { serveWords, startServerProcess } from '../load/server-process.js'
import type { BenchRow, Workload } from '../workload.js'
import type { Stack } from './networks.js'

const stacks: Stack[] = [
  { H: 128, layers: 2 },
  { H: 512, layers: 2 }
]
const STREAMS = 64
const TURNS = 5
const SLOW = 4
const HEALTH_CLIENTS = 8
/** Symbols of a text of an open loop. */
const TEXT = 128
/** Requests a second of the open loops. Those after the first one that the server does not keep up with are left out. */
const RATES = [8, 16, 32, 64, 128, 256, 512, 1024, 2048]
/** Requests of a loop, at least: a 99th percentile of fewer is noise. */
const LEAST_REQUESTS = 64

/** The workload serve-http. */
export const serveHttp: Workload = {
  name: 'serve-http',
  summary: 'the same over HTTP: first symbols, rates, health, slow clients, latency by load',
  async *run({ seconds }) {
    const { isaUsed: isa } = machineInfo()
    const folder = await mkdtemp(join(tmpdir(), 'gatecell-bench-'))
    try {
      for (const stack of stacks) {
        const row = (shape: Record<string, number>, figures: Figures): BenchRow => ({
          ...{ workload: 'serve-http', shape: { ...stack, ...shape }, threads: 1, precision: 'f32', isa },
          ...figures
        })
        yield* serverRows(join(folder, `${stack.H}.safetensors`), stack, seconds, row)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  }
}

type RowOf = (shape: Record<string, number>, figures: Figures) => BenchRow

async function* serverRows(path: string, stack: Stack, seconds: number, row: RowOf): AsyncGenerator<BenchRow> {
  await writeServedModel(path, stack)
  using model = servedModel(stack)
  using engine = createEngine(model, { maxRows: STREAMS, cacheBytes: 0 })
  const server = await startServerProcess(serveWords(path))
  const agent = loadAgent()
  const contest: Contest = { server, engine, agent, url: server.url }
  try {
    yield row({ prompt: 16 }, await measureFirst(contest, 16, TURNS))
    yield row({ streams: STREAMS }, await measureRates(contest, STREAMS, seconds, TURNS))
    yield row({ streams: STREAMS, clients: HEALTH_CLIENTS }, await measureHealth(contest, STREAMS, HEALTH_CLIENTS, seconds))
    yield row({ leave: STREAMS }, await measureLeaving(contest, STREAMS))
    yield row({ streams: STREAMS, slow: SLOW }, await measureSlow(contest, STREAMS, SLOW, seconds))
    for (const rate of RATES) {
      const duration = Math.max(seconds, LEAST_REQUESTS / rate)
      const figures = await openLoop(contest, { rate, seconds: duration, tokens: TEXT, seed: rate })
      yield row({ rate }, { ...figures })
      if (figures.unfinished > 0) break
    }
  } finally {
    agent.destroy()
    await server.close()
    await engine.drain()
  }
}
