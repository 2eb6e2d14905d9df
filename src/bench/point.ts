// A point of a workload: a shape at a thread count and precision, the work that it has to do, its limits, and the engine's way of doing it.

import type { Device, Precision } from '../graph/opcodes.js'
import type { Plan } from '../graph/plan.js'
import type { LimitKey } from './machine/limits.js'
import type { Task } from './rivals/types.js'
import type { Contestant } from './turns.js'

/** The engine's part of a point, opened. */
export interface Own {
  contestant: Contestant
  /** Whether its samples are summaries, so that the row has no 99th percentile. */
  coarse?: true
  /** Work that is executed, if it is less than the definition counts. */
  executed?: number
  /** Further measurements of the engine, with which the first one is compared, and their names in the row. */
  references?: readonly { name: string; contestant: Contestant }[]
  /** The plan, whose explanation names its device; for points that can run on a GPU. */
  plan?: Pick<Plan, 'explain'>
  /** Figures of the row that are known beforehand. */
  figures?: Readonly<Record<string, number | string>>
}

/** The units in which work is counted, and the field and unit of their rates. */
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
  /** The limits that `bound` uses. */
  readonly limits: readonly LimitKey[]
  /** Returns the seconds of a run at the limits; `at` returns the units per second of a limit. */
  bound(at: (key: LimitKey) => number): number
  open(): Own
  /** The task for rivals; null if rivals have no comparable task. */
  readonly task: Task | null
}
