// The shapes at which a workload is measured: those of the project's figures, or those that the user chooses.

import type { Device } from '../../graph/opcodes.js'
import type { Precision } from '../../graph/opcodes.js'

/** The values that the user chooses on the command line. An empty list or undefined means those of the workload. */
export interface Choice {
  readonly threads: readonly number[]
  readonly precisions: readonly Precision[]
  readonly hidden: readonly number[]
  readonly batch: readonly number[]
  readonly length: number | undefined
  readonly layers: readonly number[]
  /** The engine's threads. */
  readonly engineThreads: number
  /** The device. On a GPU the number of threads has no effect, so there is one point for all. */
  readonly device: Device
}

/** Returns the values that the user chose, or those of the workload if there are none. */
export const orElse = <T>(asked: readonly T[], own: readonly T[]): readonly T[] => (asked.length > 0 ? asked : own)

/** Returns the numbers of threads of workloads whose figures are given for all cores. */
export const allThreads = ({ threads, engineThreads, device }: Choice) =>
  device === 'cuda' ? [1] : orElse(threads, [engineThreads])

/** Returns the numbers of threads of workloads whose figures are given for one thread and for all. */
export const oneAndAllThreads = ({ threads, engineThreads, device }: Choice) =>
  device === 'cuda' ? [1] : orElse(threads, [...new Set([1, engineThreads])])

/** Returns the precisions of workloads that train: int8 is only for inference. */
export const trainingPrecisions = (choice: Choice) => precisionsOf(choice).filter((name) => name !== 'int8')

const offered: Record<Device, readonly Precision[]> = {
  cpu: ['f32', 'bf16', 'int8'],
  cuda: ['bf16', 'tf32', 'f32'],
  auto: ['f32', 'bf16']
}

/** Returns the requested precisions that the device has, or its usual one if none is requested. */
export const precisionsOf = ({ precisions, device }: Choice) =>
  orElse<Precision>(precisions, [offered[device][0]!]).filter((name) => offered[device].includes(name))
