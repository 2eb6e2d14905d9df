// Interfaces of a workload and of the rows that its measurement gives.

import type { Point } from './point.js'
import type { Rival } from './rivals/types.js'
import type { Choice } from './workloads/shapes.js'

/** One measured row; --json prints it as it is. Times in microseconds. */
export type BenchRow = {
  readonly workload: string
  /** Sizes under the names B, T, H, layers. */
  readonly shape: Readonly<Record<string, number>>
  readonly threads: number
  readonly precision: string
  readonly isa: string
} & Readonly<Record<string, number | string | null | Readonly<Record<string, number>>>>

/** The settings of a run that workloads read. */
export interface BenchOptions {
  /** 0: the engine's. */
  threads: number
  /** How long one measurement lasts. */
  seconds: number
  /** The rivals of the run; none unless they were asked for. */
  rivals: readonly Rival[]
}

/** Either a list of points, which are measured alike, or a measurement of its own kind. */
export interface Workload {
  readonly name: string
  readonly summary: string
  /** Its points can run on a GPU, too. */
  readonly onGpu?: true
  points?(choice: Choice): readonly Point[]
  run?(options: BenchOptions): AsyncIterable<BenchRow>
}
