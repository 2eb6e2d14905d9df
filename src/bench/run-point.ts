// Measures a point turn by turn with its rivals: one row for the engine and one for each rival.

import { judgeChoice } from './machine/devices.js'
import type { Limits } from './machine/limits.js'
import { rates, type Own, type Point } from './point.js'
import type { BenchRow } from './workload.js'
import type { Rival, Task, Variant } from './rivals/types.js'
import { fastest, takeTurns, type Contestant } from './turns.js'
import type { Timing } from './report/stats.js'

/** The settings of a run that each point needs. */
export interface PointContext {
  readonly isa: string
  readonly limits: Limits
  readonly rivals: readonly Rival[]
  readonly seconds: number
  readonly signal?: AbortSignal | undefined
}

/** Share of a point's time that choosing among a rival's variants may take. */
const CHOICE_SHARE = 0.2

/** Measures a point and yields its rows: one for the engine and one for each rival. */
export async function* runPoint(point: Point, context: PointContext): AsyncGenerator<BenchRow> {
  const { seconds, signal } = context
  const base = {
    workload: point.workload,
    shape: point.shape,
    threads: point.threads,
    precision: point.precision,
    isa: point.device === 'cpu' ? context.isa : point.device
  }
  const limit = limitOf(point, context.limits)
  const open: Contestant[] = []
  try {
    const own = point.open()
    open.push(own.contestant)
    const { references = [] } = own
    for (const { contestant } of references) open.push(contestant)
    const rivals: { rival: Rival; variant: Variant }[] = []
    for (const rival of point.task ? context.rivals : []) {
      try {
        const variant = await enter(rival, point.task!, CHOICE_SHARE * seconds)
        if (!variant) continue
        rivals.push({ rival, variant })
        open.push(variant)
      } catch (error) {
        yield problemRow(base, rival, error)
      }
    }
    const { timings, foreign } = await takeTurns(open, { seconds, ...(signal && { signal }) })
    const [first, ...others] = timings
    const mine = required(first)
    const figures = figuresOf(point, own, mine, limit)
    for (const { name } of references) {
      const reference = required(others.shift())
      figures[`${name}_us`] = reference.median
      figures[`of_${name}`] = mine.median / reference.median
      if (references.length === 1) figures['added_us'] = mine.median - reference.median
    }
    if (point.device === 'auto') Object.assign(figures, judgeChoice(own, figures))
    yield { ...base, ...figures, ...(foreign !== null && { foreign_share: foreign }) }
    for (const [i, { rival, variant }] of rivals.entries()) {
      const timing = others[i]
      if (isTiming(timing)) yield rivalRow(base, mine, rival, variant, timing)
      else yield problemRow(base, rival, timing)
    }
  } finally {
    // A rival whose process is gone has nothing left to close.
    await Promise.allSettled(open.map(async (contestant) => contestant.close()))
  }
}

async function enter(rival: Rival, task: Task, seconds: number): Promise<Variant | null> {
  const variants = await rival.open(task)
  return variants.length === 0 ? null : await fastest(variants, seconds / variants.length)
}

/** In units of the rate's field; null where this machine has no such limit, and on a GPU. */
function limitOf(point: Point, limits: Limits): number | null {
  if (point.device !== 'cpu') return null // of a GPU nothing is measured that bounds our own kernels
  if (point.limits.some((key) => limits.get(key) === null)) return null
  return (point.amount / point.bound((key) => limits.get(key)!)) * 1e-9
}

type Figures = Record<string, number | string | null>

function figuresOf(point: Point, own: Own, timing: Timing, limit: number | null): Figures {
  const { field } = rates[point.counted]
  const rate = (amount: number) => amount / timing.median / 1000
  const figures: Figures = {
    median_us: timing.median,
    p10_us: timing.p10,
    p90_us: timing.p90,
    p99_us: own.coarse ? null : timing.p99,
    samples: timing.samples,
    [field]: rate(point.amount),
    limit,
    share_of_limit: limit === null ? null : rate(point.amount) / limit
  }
  if (own.executed !== undefined && own.executed !== point.amount) {
    figures[`executed_${field}`] = rate(own.executed)
    figures['executed_share'] = limit === null ? null : rate(own.executed) / limit
  }
  return { ...figures, amount: point.amount, traffic_bytes: point.traffic, ...own.figures }
}

type Base = Pick<BenchRow, 'workload' | 'shape' | 'threads' | 'precision' | 'isa'>

function isTiming(timing: Timing | Error | undefined): timing is Timing {
  return timing !== undefined && !(timing instanceof Error)
}

function required(timing: Timing | Error | undefined): Timing {
  if (isTiming(timing)) return timing
  throw timing ?? new Error('a contestant without a timing')
}

/** A rival that failed is a row with its error. */
function problemRow(base: Base, { name, version }: Rival, error: unknown): BenchRow {
  const problem = error instanceof Error ? error.message : String(error)
  return { ...base, rival: name, version, problem }
}

function rivalRow(base: Base, mine: Timing, rival: Rival, variant: Variant, timing: Timing): BenchRow {
  return {
    ...base,
    median_us: mine.median,
    rival: rival.name,
    version: rival.version,
    variant: variant.note,
    rival_us: timing.median,
    rival_p10_us: timing.p10,
    rival_p90_us: timing.p90,
    rival_p99_us: timing.p99,
    rival_samples: timing.samples,
    ratio: timing.median / mine.median
  }
}
