// The workloads of `gatecell bench`, by name. A workload is added as a file and a line of the table.

import { GatecellError } from '../errors.js'
import type { Device } from '../graph/opcodes.js'
import { eventLoop } from './workloads/event-loop.js'
import { gates, gemm } from './workloads/kernels.js'
import { layer, sequence } from './workloads/layer.js'
import { ctc, mixture } from './workloads/losses.js'
import { pen } from './workloads/pen.js'
import type { Point } from './points.js'
import type { Choice } from './workloads/shapes.js'
import { streams } from './workloads/streams.js'
import { sample, step } from './workloads/step.js'
import { trainChar } from './workloads/train-char.js'
import { variants } from './workloads/variants.js'

/** One measured row; --json prints it as it is. Times in microseconds. */
export type BenchRow = {
  readonly workload: string
  /** Sizes under the names B, T, H, layers. */
  readonly shape: Readonly<Record<string, number>>
  readonly threads: number
  readonly precision: string
  readonly isa: string
} & Readonly<Record<string, number | string | null | Readonly<Record<string, number>>>>

export interface BenchOptions {
  /** 0: the engine's. */
  threads: number
  /** How long one measurement lasts. */
  seconds: number
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

export const workloads: readonly Workload[] = [
  trainChar,
  layer,
  ...variants,
  sequence,
  step,
  sample,
  gemm,
  gates,
  ctc,
  mixture,
  pen,
  eventLoop,
  streams
]

/** The named workloads, or all that the device has. ERR_INVALID_OPTION for an unknown name, and for one that has no GPU's side. */
export function findWorkloads(names: readonly string[], device: Device = 'cpu'): readonly Workload[] {
  const there = workloads.filter(({ onGpu }) => device === 'cpu' || onGpu)
  if (names.length === 0) return there
  return names.map((name) => {
    const found = there.find((workload) => workload.name === name)
    if (found) return found
    const known = there.map((workload) => workload.name).join(', ')
    throw new GatecellError(
      'ERR_INVALID_OPTION',
      `Expected a workload of ${known} but received "${name}": name one of these.`
    )
  })
}
