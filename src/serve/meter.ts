// Measurements of a server in the text format of Prometheus. Labels have values from fixed lists only, so that their number is bounded.

import type * as prometheus from 'prom-client'
import type { Registry } from 'prom-client'
import type { Finish } from '../generate/engine/types.js'
import type { Models } from './models.js'
import type { SessionStore } from './session-store.js'

/** Measures one request for texts. */
export interface RequestMeter {
  /** Notes that the texts have begun. */
  begun(): void
  /** Notes tokens that were drawn. */
  drew(tokens: number): void
  /** Notes the end of a text. */
  finished(finish: Finish): void
}

/** The measurements of a server. */
export interface ServerMetrics {
  readonly contentType: string
  /** Returns all measurements as text. */
  text(): Promise<string>
  /** Returns the measurements of one request for texts, which began at `begin` on the clock of `performance.now()`. */
  meter(model: string, begin: number): RequestMeter
  /** Notes a request that was answered. `route`: the pattern of its address. */
  answered(route: string, status: number, seconds: number): void
}

const TIMES = [50e-6, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30]

const COUNTS = {
  gatecell_requests_running: 'texts in rows of a step',
  gatecell_requests_waiting: 'texts that wait for a row',
  gatecell_sessions_paused: 'texts that wait for slow readers'
} as const
const TOTALS = {
  gatecell_prompt_tokens_total: 'tokens of prompts',
  gatecell_cached_prompt_tokens_total: 'tokens of prompts whose states were cached',
  gatecell_generation_tokens_total: 'tokens drawn',
  gatecell_steps_total: 'steps of the engine; drawn tokens in a step are its rows'
} as const

/** Makes the measurements of a server. `processWide`: those of the process, such as memory and the delay of the event loop, are among them. */
export async function createMetrics(
  models: Models,
  sessions: SessionStore,
  processWide: boolean
): Promise<ServerMetrics> {
  const client = await import('prom-client')
  const registry = new client.Registry()
  if (processWide) client.collectDefaultMetrics({ register: registry })
  addEngineCounts(client, registry, models)
  const live: InstanceType<Client['Gauge']> = new client.Gauge({
    name: 'gatecell_sessions_live',
    help: 'sessions that are kept',
    registers: [registry],
    // A store that cannot be reached has no number, and the other measurements come all the same.
    collect: async () => live.set(await countSessions(sessions))
  })
  const { first, gap, whole, http, requests, texts } = addMeasures(client, registry)
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    meter: (model, begin) => {
      let last = begin
      let drawn = false
      return {
        begun() {},
        drew(tokens) {
          if (tokens === 0) return
          const now = performance.now()
          if (drawn) gap.observe({ model }, (now - last) / 1000 / tokens)
          else first.observe({ model }, (now - begin) / 1000)
          drawn = true
          last = now
        },
        finished({ reason }) {
          texts.inc({ model, finish_reason: reason })
          whole.observe({ model }, (performance.now() - begin) / 1000)
        }
      }
    },
    answered(route, status, seconds) {
      requests.inc({ route, status: `${Math.floor(status / 100)}xx` })
      http.observe({ route }, seconds)
    }
  }
}

async function countSessions(sessions: SessionStore): Promise<number> {
  try {
    return await sessions.count()
  } catch {
    return NaN
  }
}

/** Makes the measurements that requests change. */
function addMeasures(client: Client, registry: Registry) {
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new client.Histogram({ name, help, labelNames: [...labelNames], buckets: TIMES, registers: [registry] })
  const first = histogram('gatecell_time_to_first_token_seconds', 'from the request to its first token', ['model'])
  const gap = histogram('gatecell_inter_token_latency_seconds', 'mean time of a token between two deliveries', [
    'model'
  ])
  const whole = histogram('gatecell_e2e_request_latency_seconds', 'from the request to the end of a text', ['model'])
  const http = histogram('gatecell_http_request_duration_seconds', 'from the request to the end of its answer', [
    'route'
  ])
  const requests = new client.Counter({
    name: 'gatecell_requests_total',
    help: 'requests that were answered',
    labelNames: ['route', 'status'],
    registers: [registry]
  })
  const texts = new client.Counter({
    name: 'gatecell_texts_total',
    help: 'texts that ended',
    labelNames: ['model', 'finish_reason'],
    registers: [registry]
  })
  return { first, gap, whole, http, requests, texts }
}

type Client = typeof prometheus

/** Adds the counts of the engines. A counter of a model that was replaced begins again, as after a start of the process. */
function addEngineCounts(client: Client, registry: Registry, models: Models): void {
  const read = (of: (counts: NonNullable<ReturnType<typeof countsOf>>) => number) => (metric: Settable) => {
    for (const version of models.all) {
      const counts = countsOf(version)
      if (counts) metric.setTo({ model: version.id }, of(counts))
    }
  }
  const gauges = [
    ['gatecell_requests_running', read(({ running }) => running)],
    ['gatecell_requests_waiting', read(({ waiting }) => waiting)],
    ['gatecell_sessions_paused', read(({ paused }) => paused)]
  ] as const
  for (const [name, fill] of gauges) {
    const options = { name, help: COUNTS[name], labelNames: ['model'], registers: [registry] }
    const gauge: InstanceType<Client['Gauge']> = new client.Gauge({
      ...options,
      collect: () => fill({ setTo: (labels, value) => gauge.set(labels, value) })
    })
  }
  const counters = [
    ['gatecell_prompt_tokens_total', read(({ promptTokens }) => promptTokens)],
    ['gatecell_cached_prompt_tokens_total', read(({ cachedTokens }) => cachedTokens)],
    ['gatecell_generation_tokens_total', read(({ tokens }) => tokens)],
    ['gatecell_steps_total', read(({ steps }) => steps)]
  ] as const
  for (const [name, fill] of counters) {
    const options = { name, help: TOTALS[name], labelNames: ['model'], registers: [registry] }
    const counter: InstanceType<Client['Counter']> = new client.Counter({
      ...options,
      collect: () => {
        counter.reset()
        fill({ setTo: (labels, value) => counter.inc(labels, value) })
      }
    })
  }
}

interface Settable {
  setTo(labels: { model: string }, value: number): void
}

function countsOf({ text }: Models['all'][number]) {
  return text?.engine.counts ?? null
}
