// Which shapes a workload is measured at: the list that the project's figures are given for, or what the user asks for.

import type { Device } from '../../graph/opcodes.js'
import type { Precision } from '../../graph/plan.js'

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
  /** Where it runs. On a GPU threads mean nothing: there is one point for all. */
  readonly device: Device
}

export const orElse = <T>(asked: readonly T[], own: readonly T[]): readonly T[] => (asked.length > 0 ? asked : own)

/** The threads of workloads that are given for all cores. */
export const allThreads = ({ threads, engineThreads, device }: Choice) =>
  device === 'cuda' ? [1] : orElse(threads, [engineThreads])

/** The threads of workloads that are given for one thread and for all. */
export const oneAndAllThreads = ({ threads, engineThreads, device }: Choice) =>
  device === 'cuda' ? [1] : orElse(threads, [...new Set([1, engineThreads])])

/** Precisions of workloads that train: int8 is for inference. */
export const trainingPrecisions = (choice: Choice) => precisionsOf(choice).filter((name) => name !== 'int8')

const offered: Record<Device, readonly Precision[]> = {
  cpu: ['f32', 'bf16', 'int8'],
  cuda: ['bf16', 'tf32', 'f32'],
  auto: ['f32', 'bf16']
}

/** What is asked for of what the device has; where nothing is asked, what it is usually run with. */
export const precisionsOf = ({ precisions, device }: Choice) =>
  orElse<Precision>(precisions, [offered[device][0]!]).filter((name) => offered[device].includes(name))
