// A point of a workload: a shape at a thread count and precision, the work that it has to do, its limits, and the engine's way of doing it.

import type { Device } from '../graph/opcodes.js'
import type { Plan, Precision } from '../graph/plan.js'
import type { LimitKey } from './machine/limits.js'
import type { Task } from './rivals/types.js'
import type { Contestant } from './turns.js'

/** The engine's part of a point, opened. */
export interface Own {
  contestant: Contestant
  /** Its samples are summaries themselves: the row has no 99th percentile. */
  coarse?: true
  /** Work that is really executed, where it is less than the definition counts. */
  executed?: number
  /** More measurements of the engine that the first is compared with, and what they are called in the row. */
  references?: readonly { name: string; contestant: Contestant }[]
  /** The plan, whose explanation names its device; for points that can run on a GPU. */
  plan?: Pick<Plan, 'explain'>
  /** Figures of the row that are known beforehand. */
  figures?: Readonly<Record<string, number | string>>
}

/** How the amount of work is counted, and the fields and unit that carry its rate. */
export const rates = {
  flops: { field: 'gflops', unit: 'GFLOP/s' },
  bytes: { field: 'gbs', unit: 'GB/s' },
  cells: { field: 'gcells', unit: 'Gcell/s' }
} as const

/** A shape at a thread count, precision and device, with its work, its limits, and the way to measure it. */
export interface Point {
  readonly workload: string
  /** As rows print it: B, T, H, layers. */
  readonly shape: Readonly<Record<string, number>>
  readonly threads: number
  readonly precision: Precision
  readonly device: Device
  readonly counted: keyof typeof rates
  /** Work of one run by the workload's definition. */
  readonly amount: number
  /** Bytes that pass between memory or a cache and the cores in one run, for the roofline. */
  readonly traffic: number
  /** The limits that `bound` asks for. */
  readonly limits: readonly LimitKey[]
  /** Seconds a run would take at the limits; `at` gives units a second. */
  bound(at: (key: LimitKey) => number): number
  open(): Own
  /** null: nothing that rivals could be asked for. */
  readonly task: Task | null
}
