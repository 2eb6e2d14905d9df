// Measurements of a server in the text format of Prometheus. Labels have values from fixed lists only, so that their number is bounded.

import type * as prometheus from 'prom-client'
import type { Registry } from 'prom-client'
import { TIME_BOUNDS } from '../generate/engine/measures.js'
import type { EngineCounts, EngineHistogram, EngineMeasures, Finish } from '../generate/engine/types.js'
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

/** Names and meanings of the counts of engines. Those that end with `_total` only grow. */
const COUNTS = {
  gatecell_requests_running: ['texts in rows of a step', ({ running }) => running],
  gatecell_requests_waiting: ['texts that wait for a row', ({ waiting }) => waiting],
  gatecell_sessions_paused: ['texts that wait for slow readers', ({ paused }) => paused],
  gatecell_prompt_tokens_total: ['tokens of prompts', ({ promptTokens }) => promptTokens],
  gatecell_cached_prompt_tokens_total: [
    'tokens of prompts whose states were cached',
    ({ cachedTokens }) => cachedTokens
  ],
  gatecell_generation_tokens_total: ['tokens drawn', ({ tokens }) => tokens],
  gatecell_steps_total: ['steps of the engine; drawn tokens in a step are its rows', ({ steps }) => steps]
} satisfies Record<string, readonly [help: string, of: (counts: EngineCounts) => number]>

/** Names and meanings of the histograms of engines. */
const HISTOGRAMS = {
  gatecell_tick_seconds: ['time of a step of all rows', ({ tickSeconds }) => tickSeconds],
  gatecell_batch_rows: ['rows of a step in which a text was', ({ tickRows }) => tickRows],
  gatecell_request_queue_time_seconds: [
    'from the beginning of a text to its first row or the first slice of its prompt',
    ({ queueSeconds }) => queueSeconds
  ]
} satisfies Record<string, readonly [help: string, of: (measures: EngineMeasures) => EngineHistogram]>

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
  addEngineHistograms(registry, models)
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
    new client.Histogram({ name, help, labelNames: [...labelNames], buckets: [...TIME_BOUNDS], registers: [registry] })
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
  for (const [name, [help, of]] of Object.entries(COUNTS)) {
    const isTotal = name.endsWith('_total')
    const options = { name, help, labelNames: ['model'], registers: [registry], collect }
    const metric = isTotal ? new client.Counter(options) : new client.Gauge(options)
    function collect() {
      metric.reset()
      for (const { id, engine } of enginesOf(models)) metric.inc({ model: id }, of(engine.counts))
    }
  }
}

/** Adds the histograms of the engines, which engines fill, because prom-client takes values one by one. */
function addEngineHistograms(registry: Registry, models: Models): void {
  for (const [name, [help, of]] of Object.entries(HISTOGRAMS)) {
    const get = () => {
      const values = enginesOf(models).flatMap(({ id, engine }) => samplesOf(name, id, of(engine.measures)))
      return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values })
    }
    registry.registerMetric({ name, help, get, reset() {} } as unknown as prometheus.Metric)
  }
}

/** Returns the lines of a histogram of one model: the number of values up to each bound, their sum and their number. */
function samplesOf(name: string, model: string, { bounds, counts, sum }: EngineHistogram) {
  let total = 0
  const buckets = counts.map((count, i) => {
    total += count
    return { metricName: `${name}_bucket`, labels: { le: bounds[i] ?? '+Inf', model }, value: total }
  })
  const whole = [
    { metricName: `${name}_sum`, labels: { model }, value: sum },
    { metricName: `${name}_count`, labels: { model }, value: total }
  ]
  return [...buckets, ...whole]
}

function enginesOf({ all }: Models) {
  return all.flatMap(({ id, text }) => (text ? [{ id, engine: text.engine }] : []))
}
