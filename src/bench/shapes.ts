// Which shapes a workload is measured at: the list that the project's figures are given for, or what the user asks for.

import type { CpuPrecision as Precision } from '../graph/plan.js'

/** What the command line asks for; an empty list or undefined: the workload's own. */
export interface Choice {
  readonly threads: readonly number[]
  readonly precisions: readonly Precision[]
  readonly hidden: readonly number[]
  readonly batch: readonly number[]
  readonly length: number | undefined
  readonly layers: readonly number[]
  /** The engine's threads. */
  readonly engineThreads: number
}

export const orElse = <T>(asked: readonly T[], own: readonly T[]): readonly T[] => (asked.length > 0 ? asked : own)

/** The threads of workloads that are given for all cores. */
export const allThreads = ({ threads, engineThreads }: Choice) => orElse(threads, [engineThreads])

/** The threads of workloads that are given for one thread and for all. */
export const oneAndAllThreads = ({ threads, engineThreads }: Choice) =>
  orElse(threads, [...new Set([1, engineThreads])])

/** Precisions of workloads that train: int8 is for inference. */
export const trainingPrecisions = (choice: Choice) => precisionsOf(choice).filter((name) => name !== 'int8')

export const precisionsOf = ({ precisions }: Choice) => orElse<Precision>(precisions, ['f32'])
