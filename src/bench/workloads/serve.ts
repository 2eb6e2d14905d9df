// serve: the engine that serves many sequences, compared with its own plans: symbols a second of 64 and 1,024 streams, the time to the
// first symbol, the gaps of streams next to a long prompt, and the memory of sessions. Both sides of a ratio take turns.

import { setImmediate } from 'node:timers/promises'
import { machineInfo } from '../../machine.js'
import type { Model } from '../../model.js'
import { createEngine } from '../../generate/engine/engine.js'
import type { Engine } from '../../generate/engine/types.js'
import { categoricalSampler } from '../../generate/samplers.js'
import { SessionCore } from '../../generate/session-core.js'
import { percentile, summarise } from '../report/stats.js'
import type { BenchRow, Workload } from '../workload.js'
import { VOCABULARY } from './amounts.js'
import { characterModel, servedStacks } from './networks.js'

const ROWS = 64
const TURNS = 5
const FIRSTS = 500
/** Generations before those that are timed: V8 compiles the functions of a generation meanwhile. */
export const FIRSTS_BEFORE = 300
const LONG_PROMPT = 10_000
const SESSIONS = 10_000
/** Seconds over which streams that take turns are compared. */
const FAIR_SECONDS = 5
const ENDLESS = { maxTokens: 2 ** 30 }

/** The workload serve. */
export const serve: Workload = {
  name: 'serve',
  summary: 'many streams in one engine: rates, fairness, first symbols, gaps, memory',
  async *run({ seconds }) {
    const { isaUsed: isa } = machineInfo()
    for (const stack of servedStacks) {
      const setting = { threads: 1, precision: 'f32', device: 'cpu' } as const
      using model = characterModel(stack, setting, false) as unknown as Model
      await model.ready()
      const row = (shape: Record<string, number>, figures: Record<string, number>): BenchRow => ({
        ...{ workload: 'serve', shape: { ...stack, ...shape }, threads: 1, precision: 'f32', isa },
        ...figures
      })
      for (const streams of [ROWS, 16 * ROWS]) yield row({ streams }, await rates(model, streams, seconds))
      for (const prompt of [1, 16]) yield row({ prompt }, await firstSymbols(model, prompt))
      yield row({ streams: 32, prompt: LONG_PROMPT }, await gapsBesidePrompt(model, seconds))
      if (stack.H === 512) yield row({ sessions: SESSIONS }, await memory(model))
    }
  }
}

/** Reads `streams` endless streams of an engine for some seconds. Returns the symbols that each made. */
export async function served(
  engine: Engine,
  streams: number,
  seconds: number
): Promise<{ counts: number[]; rate: number }> {
  const counts = Array<number>(streams).fill(0)
  const all = counts.map((_, i) => engine.generate([i % VOCABULARY], { ...ENDLESS, seed: i }))
  const readers = all.map(async (generation, i) => {
    for await (const { tokens } of generation) counts[i]! += tokens.length
  })
  // Until every stream has had a turn.
  while (counts.includes(0)) await new Promise((resolve) => setTimeout(resolve, 5))
  counts.fill(0)
  const begin = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
  const made = counts.slice()
  const elapsed = (performance.now() - begin) / 1000
  for (const one of all) one.abort()
  await Promise.allSettled(readers)
  return { counts: made, rate: made.reduce((sum, count) => sum + count, 0) / elapsed }
}

/** Runs one plan of `rows` rows in its native loop, which draws too. Returns symbols a second. */
async function planRate(model: Model, rows: number, seconds: number): Promise<number> {
  const samplers = { tokens: categoricalSampler() }
  const core = SessionCore.create(model, { samplers })
  const values = Array.from({ length: rows }, (_, seed) => ({ ...core.copy().value, seed }))
  const plan = core.pool.take(core.kind, rows, 'run')
  plan.load(values)
  const begin = performance.now()
  let steps = 0
  for (let block = 1; performance.now() - begin < 1000 * seconds;) {
    const start = performance.now()
    steps += await plan.run(block, -1)
    block = Math.max(1, Math.min(plan.mostSteps, Math.floor((4 * block) / Math.max(performance.now() - start, 1e-3))))
  }
  const rate = (1000 * rows * steps) / (performance.now() - begin)
  core.pool.give(core.kind, plan, 'run')
  return rate
}

/** Symbols a second of the engine and of one plan, and how equal the streams are. */
async function rates(model: Model, streams: number, seconds: number): Promise<Record<string, number>> {
  using engine = createEngine(model, { maxRows: ROWS, maxWaiting: streams })
  const own: number[] = []
  const plan: number[] = []
  let counts: number[] = []
  for (let turn = 0; turn <= TURNS; turn++) {
    const isWarm = turn > 0
    const duration = isWarm ? seconds : Math.min(0.2, seconds)
    const base = await planRate(model, ROWS, duration)
    const made = await served(engine, streams, duration)
    if (!isWarm) continue
    plan.push(base)
    own.push(made.rate)
    counts = made.counts
  }
  if (streams > ROWS && seconds < FAIR_SECONDS) counts = (await served(engine, streams, FAIR_SECONDS)).counts
  await engine.drain()
  const [rate, reference] = [summarise(own).median, summarise(plan).median]
  return {
    symbols_per_second: rate,
    plan_symbols_per_second: reference,
    share_of_plan: rate / reference,
    most_to_least: Math.max(...counts) / Math.max(1, Math.min(...counts))
  }
}

/** Milliseconds to the first symbol of an idle engine, compared with the steps that it needs. */
async function firstSymbols(model: Model, length: number): Promise<Record<string, number>> {
  using engine = createEngine(model, { cacheBytes: 0 })
  const times: number[] = []
  for (let i = 0; i < FIRSTS_BEFORE + FIRSTS; i++) {
    const prompt = Array.from({ length }, (_, j) => (7 * i + j) % VOCABULARY)
    const begin = performance.now()
    const generation = engine.generate(prompt, { maxTokens: 20, seed: i })
    for await (const { tokens } of generation)
      if (tokens.length > 0) {
        times.push(1000 * (performance.now() - begin))
        break
      }
    await generation.finished.catch(() => {})
    while (engine.counts.sinceStep > 0) await setImmediate()
  }
  await engine.drain()
  const { median, p90, samples } = summarise(times.slice(FIRSTS_BEFORE))
  const step = 1e6 / (await planRate(model, 1, 0.3))
  return { median_us: median, p90_us: p90, step_us: step, bound_us: 1.2 * (length + 1) * step + 100, samples }
}

/** Reads `count` endless streams. */
function watched(engine: Engine, count: number) {
  const seen = { gaps: [] as number[], tokens: 0 }
  const streams = Array.from({ length: count }, (_, seed) => engine.generate([seed], { ...ENDLESS, seed }))
  const readers = streams.map(async (stream) => {
    let last = performance.now()
    for await (const { tokens } of stream) {
      const now = performance.now()
      seen.gaps.push(now - last)
      seen.tokens += tokens.length
      last = now
    }
  })
  return {
    /** Returns the p99 gap in milliseconds and the symbols a second while `work` is under way. */
    async during(work: () => Promise<void>) {
      seen.gaps = []
      seen.tokens = 0
      const begin = performance.now()
      await work()
      const elapsed = performance.now() - begin
      return { p99: percentile(Float64Array.from(seen.gaps).sort(), 0.99), rate: (1000 * seen.tokens) / elapsed }
    },
    async end() {
      for (const one of streams) one.abort()
      await Promise.allSettled(readers)
    }
  }
}

/** Gaps between the chunks of 32 streams, by themselves and next to a long prompt that comes again and again, and the time of that prompt. */
async function gapsBesidePrompt(model: Model, seconds: number): Promise<Record<string, number>> {
  using engine = createEngine(model, { cacheBytes: 0 })
  const prompt = Array.from({ length: LONG_PROMPT }, (_, i) => (i * i) % VOCABULARY)
  const timed = async (times: number[]) => {
    const begin = performance.now()
    await engine.generate(prompt, { maxTokens: 1 }).finished
    times.push(performance.now() - begin)
  }
  const repeated = async (times: number[]) => {
    const begin = performance.now()
    do await timed(times)
    while (performance.now() - begin < 1000 * seconds)
  }
  const alone: number[] = []
  const beside: number[] = []
  // The first of each compiles plans.
  await timed([])
  await repeated(alone)
  const streams = watched(engine, 32)
  await timed([])
  const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 1000 * Math.max(0.3, seconds)))
  const before = await streams.during(wait)
  const next = await streams.during(() => repeated(beside))
  await streams.end()
  await engine.drain()
  const [own, shared] = [summarise(alone).median, summarise(beside).median]
  return {
    p99_gap_us: 1000 * before.p99,
    p99_gap_beside_us: 1000 * next.p99,
    times_gap: next.p99 / before.p99,
    share_of_rate: next.rate / before.rate,
    prompt_ms: own,
    prompt_beside_ms: shared,
    times_prompt: shared / own
  }
}

/** Bytes of sessions beyond their states. */
async function memory(model: Model): Promise<Record<string, number>> {
  using engine = createEngine(model, { maxSessions: SESSIONS, cacheBytes: 0 })
  const first = engine.createSession()
  await first.generate([1], { maxTokens: 4 }).finished
  const states = Object.values(first.save().states).reduce((sum, { byteLength }) => sum + byteLength, 0)
  const before = process.memoryUsage().rss
  const sessions = Array.from({ length: SESSIONS - 1 }, () => engine.createSession())
  for (let at = 0; at < sessions.length; at += 1000) {
    const some = sessions.slice(at, at + 1000)
    await Promise.all(some.map((session, i) => session.generate([i % VOCABULARY], { maxTokens: 4 }).finished))
  }
  const grown = process.memoryUsage().rss - before
  for (const session of sessions) session.dispose()
  await engine.drain()
  return {
    rss_mb: grown / 1e6,
    states_mb: (states * SESSIONS) / 1e6,
    beyond_states_mb: (grown - states * SESSIONS) / 1e6
  }
}
