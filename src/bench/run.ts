// A whole run of `gatecell bench`: machine, rivals, limits, then the points of each workload, as events in order.

import { expected } from '../errors.js'
import { backends, machineInfo } from '../machine.js'
import type { Device } from '../graph/opcodes.js'
import { packageInfo, type MachineInfo } from '../native.js'
import { createLimits, measureGpu, type LimitRow } from './machine/limits.js'
import { runPoint } from './run-point.js'
import type { BenchRow, Workload } from './workload.js'
import { findRivals } from './rivals/index.js'
import type { MissingRival, Rival } from './rivals/types.js'
import type { Choice } from './workloads/shapes.js'

/** The options of a run. */
export interface BenchRunOptions {
  workloads: readonly Workload[]
  choice: Omit<Choice, 'engineThreads'>
  /** How long one thing is measured at one point. */
  seconds: number
  rivals: boolean
  signal?: AbortSignal | undefined
}

/** The machine and the versions that a run's figures were measured with. */
export type MachineRow = {
  readonly machine: string
  readonly isa: string
  readonly features: string
  readonly cpus: number
  readonly threads: number
  readonly node: string
  readonly gatecell: string
  readonly system: string
  /** The GPU of a run on one. */
  readonly gpu?: string
}

/** An event of a run, in the order of the run. */
export type BenchEvent =
  | { kind: 'machine'; row: MachineRow }
  | { kind: 'rival'; rival: Pick<Rival, 'name' | 'version' | 'settings'> | MissingRival }
  | { kind: 'limit'; row: LimitRow }
  | { kind: 'row'; row: BenchRow }
  /** The f32 peak at the end over the one at the beginning. */
  | { kind: 'drift'; threads: number; ratio: number }

/** Limits need less time than a point: nothing in them varies with memory or neighbours but the clock. */
const LIMIT_SHARE = 0.15

/** Runs workloads and yields the events. Throws ERR_INVALID_OPTION for options that do not fit each other. */
export async function* runBench(options: BenchRunOptions): AsyncGenerator<BenchEvent> {
  const { workloads, seconds, signal } = options
  const machine = machineInfo()
  const choice: Choice = { ...options.choice, engineThreads: machine.threads }
  const points = new Map(workloads.map((workload) => [workload, workload.points?.(choice) ?? []]))
  const all = [...points.values()].flat()
  const idle = workloads.find((workload) => !workload.run && points.get(workload)!.length === 0)
  if (idle) {
    throw expected(
      'ERR_INVALID_OPTION',
      `a precision that ${idle.name} has`,
      `${choice.precisions.join(', ')}`,
      'int8 is for inference on the processor, tf32 for a GPU'
    )
  }
  if (all.length > 0) yield { kind: 'machine', row: machineRow(machine, choice.device) }
  const { device } = choice
  const { rivals, missing } = options.rivals ? await findRivals(machine, device) : { rivals: [], missing: [] }
  try {
    for (const { name, version, settings } of rivals) yield { kind: 'rival', rival: { name, version, settings } }
    for (const rival of missing) yield { kind: 'rival', rival }
    const limits = createLimits(machine.isaUsed, LIMIT_SHARE * seconds)
    const here = all.filter((point) => point.device === 'cpu')
    const threads = [...new Set(here.map((point) => point.threads))].sort((a, b) => a - b)
    if (here.length > 0) limits.measureMachine(threads)
    for (const point of here) for (const key of point.limits) limits.get(key)
    const precisions = new Set(all.filter((point) => point.device !== 'cpu').map(({ precision }) => precision))
    const ofGpu = [...precisions].flatMap((precision) => (precision === 'int8' ? [] : measureGpu(precision)))
    for (const row of [...limits.rows, ...ofGpu]) yield { kind: 'limit', row }

    for (const workload of workloads) {
      const rows = workload.run?.({ threads: options.choice.threads[0] ?? 0, seconds, rivals }) ?? []
      for await (const row of rows) yield { kind: 'row', row }
      for (const point of points.get(workload)!) {
        const context = { isa: machine.isaUsed, limits, rivals, seconds, signal }
        for await (const row of runPoint(point, context)) yield { kind: 'row', row }
      }
    }
    for (const count of threads) {
      const ratio = limits.drift(count)
      if (ratio !== null) yield { kind: 'drift', threads: count, ratio }
    }
  } finally {
    for (const rival of rivals) await rival.close()
  }
}

/** Makes the engine use `isa`, before its first use in this process. Throws ERR_INVALID_OPTION if the machine does not have it. */
export function forceIsa(isa: string): void {
  process.env['GATECELL_ISA'] = isa
  const { isaUsed, isaFound } = machineInfo()
  if (isaUsed !== isa) {
    throw expected(
      'ERR_INVALID_OPTION',
      `an instruction set up to ${isaFound}`,
      `"${isa}"`,
      'choose one that this machine has'
    )
  }
}

/** Returns the machine and the versions of its software as a row. */
export function machineRow(machine: MachineInfo, device: Device): MachineRow {
  return {
    machine: machine.cpuModel,
    isa: machine.isaUsed,
    features: machine.features.join(' '),
    cpus: machine.cpusAffinity,
    threads: machine.threads,
    node: process.versions.node,
    gatecell: packageInfo().version,
    system: `${process.platform} ${process.arch}`,
    ...(device !== 'cpu' && { gpu: backends().cuda.reason })
  }
}
