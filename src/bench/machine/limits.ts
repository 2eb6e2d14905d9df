// The limits from which shares are computed, measured on this machine before the workloads of a run, each once.

import { GatecellError } from '../../errors.js'
import { cudaRates } from '../../machine.js'
import type { Precision } from '../../graph/opcodes.js'
import { emptyCall, measure, type ProbeResult, type Probe } from './measure.js'

/** A limit with which a measurement is compared. */
export type LimitKey =
  | { readonly kind: 'arithmetic'; readonly threads: number; readonly precision: Precision }
  | { readonly kind: 'read'; readonly threads: number; readonly bytes: number }
  | { readonly kind: 'cells'; readonly threads: number }

/** A limit as --json prints it and a machine file keeps it; value, p10 and p90 in `unit`. */
export type LimitRow = {
  readonly limit: string
  readonly isa: string
  readonly threads: number
  readonly bytes: number | null
  readonly value: number
  readonly p10: number
  readonly p90: number
  readonly unit: string
}

/** The limits of this machine, each measured once. */
export interface Limits {
  /** Returns a rate in flops, bytes or cells a second, null if this machine lacks the instructions. Measures it the first time. */
  get(key: LimitKey): number | null
  /** Everything measured so far, in order. */
  readonly rows: readonly LimitRow[]
  /** Measures the limits that do not depend on a workload: clock, peaks, cells, forks, calls, memory. */
  measureMachine(threads: readonly number[]): void
  /** Returns the f32 peak measured again, divided by the first measurement: the change of the clock or of the load by others. */
  drift(threads: number): number | null
}

const MEMORY_BYTES = 256 * 2 ** 20
const isaBelow: Record<string, 'avx2' | 'scalar'> = { avx512: 'avx2' }

/** Returns the limits of this machine. `isa` is the instruction set in use; each limit is measured for about `seconds`. */
export function createLimits(isa: string, seconds: number): Limits {
  const table = limitTable(isa, seconds)
  const peaks = peaksOf(table)
  return {
    rows: table.rows,
    measureMachine(threads) {
      table.add('clock', { kind: 'clock', threads: 1 }, 1e-9, 'GHz')
      for (const count of threads) {
        peaks.fma(count)
        const below = isaBelow[isa]
        if (below) table.add('f32 multiply-add', { kind: 'fma', threads: count, isa: below }, 1e-9, 'GFLOP/s')
        peaks.dot('bf16', count)
        peaks.dot('int8', count)
        peaks.cells(count)
        peaks.read(MEMORY_BYTES, count)
        if (count > 1) table.add('fork and join', { kind: 'fork', threads: count }, 1e6, 'us', true)
      }
      const call = emptyCall() * 1e9
      table.rows.push({
        limit: 'empty call',
        isa,
        threads: 1,
        bytes: null,
        value: call,
        p10: call,
        p90: call,
        unit: 'ns'
      })
    },
    get(key) {
      if (key.kind === 'read') return peaks.read(key.bytes, key.threads)
      if (key.kind === 'cells') return peaks.cells(key.threads)
      if (key.precision === 'tf32') return null // only a GPU has it
      if (key.precision === 'f32') return peaks.fma(key.threads)
      // Without the dot product the operands are widened, and the multiply-adds are the limit; int8 has no such path.
      return peaks.dot(key.precision, key.threads) ?? (key.precision === 'bf16' ? peaks.fma(key.threads) : null)
    },
    drift(threads) {
      const first = table.known(`fma ${threads}`)
      const again = attempt({ kind: 'fma', threads }, seconds)
      return first && again ? again.p90 / first : null
    }
  }
}

/** The measured limits as rows, and their rates by key. */
interface LimitTable {
  readonly rows: LimitRow[]
  /** Measures a limit and adds its row; returns its rate, null if the CPU lacks the instructions. `invert`: the row has the time of a unit. */
  add(limit: string, probe: Probe, scale: number, unit: string, invert?: boolean): number | null
  /** Returns the rate of `id`, which `make` measures the first time. */
  once(id: string, make: () => number | null): number | null
  known(id: string): number | null | undefined
}

function limitTable(isa: string, seconds: number): LimitTable {
  const rows: LimitRow[] = []
  const values = new Map<string, number | null>()
  return {
    rows,
    add(limit, probe, scale, unit, invert = false) {
      const found = attempt(probe, seconds)
      if (!found) return null
      const convert = (rate: number) => (invert ? scale / rate : rate * scale)
      const [p10, p90] = invert ? [convert(found.p90), convert(found.p10)] : [convert(found.p10), convert(found.p90)]
      const used = probe.isa === undefined ? isa : probe.isa
      const { threads, bytes = null } = probe
      // A limit is the speed of the undisturbed machine: the ninetieth percentile of rates, the median of times.
      const rate = invert ? found.median : found.p90
      rows.push({ limit, isa: used, threads, bytes, value: convert(rate), p10, p90, unit })
      return rate
    },
    once(id, make) {
      const before = values.get(id)
      if (before !== undefined) return before
      const value = make()
      values.set(id, value)
      return value
    },
    known: (id) => values.get(id)
  }
}

/** Returns functions that measure a peak the first time and return its rate, in flops, bytes or cells a second. */
function peaksOf({ add, once }: LimitTable) {
  return {
    fma: (threads: number) =>
      once(`fma ${threads}`, () => add('f32 multiply-add', { kind: 'fma', threads }, 1e-9, 'GFLOP/s')),
    dot: (precision: 'bf16' | 'int8', threads: number) =>
      once(`${precision} ${threads}`, () => {
        const kind = precision === 'bf16' ? 'dotBf16' : 'dotInt8'
        return add(`${precision} dot product`, { kind, threads }, 1e-9, precision === 'bf16' ? 'GFLOP/s' : 'GOP/s')
      }),
    read: (bytes: number, threads: number) =>
      once(`read ${bytes} ${threads}`, () => add('read', { kind: 'read', threads, bytes }, 1e-9, 'GB/s')),
    cells: (threads: number) =>
      once(`cells ${threads}`, () => add('LSTM cell, plain', { kind: 'cell', threads }, 1e-9, 'Gcell/s'))
  }
}

/**
 * Measures the engine's own kernels on the GPU: a large product, a copy (bytes read and written), a dependent launch in a graph, and an
 * empty run. These rows are not limits of the device, and no shares are computed from them.
 */
export function measureGpu(precision: Exclude<Precision, 'int8'>): LimitRow[] {
  const { flops, copyBytes, launchSeconds, runSeconds } = cudaRates(precision)
  const row = (limit: string, value: number, unit: string): LimitRow => {
    return { limit, isa: 'cuda', threads: 1, bytes: null, value, p10: value, p90: value, unit }
  }
  return [
    row(`own product, ${precision}`, flops * 1e-9, 'GFLOP/s'),
    row('copy', copyBytes * 1e-9, 'GB/s'),
    row('launch in a graph', launchSeconds * 1e6, 'us'),
    row('shortest run', runSeconds * 1e6, 'us')
  ]
}

/** Measures a probe; returns null if the CPU lacks the instructions. */
function attempt(probe: Probe, seconds: number): ProbeResult | null {
  try {
    return measure(probe, seconds)
  } catch (error) {
    if (error instanceof GatecellError && error.code === 'ERR_UNSUPPORTED') return null
    throw error
  }
}
