// The limits that shares are taken of, measured on this machine before anything else of a run, each once.

import { GatecellError } from '../../errors.js'
import { cudaRates } from '../../machine.js'
import type { Precision } from '../../graph/plan.js'
import { emptyCall, measure, type Measurement, type Probe } from './measure.js'

/** A limit some measurement is held against. */
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

export interface Limits {
  /** Units a second: flops, bytes or cells; null where this machine cannot do it. Measures what was not measured yet. */
  get(key: LimitKey): number | null
  /** Everything measured so far, in order. */
  readonly rows: readonly LimitRow[]
  /** What of the general table does not depend on a workload: clock, peaks, cells, forks, calls, memory. */
  measureMachine(threads: readonly number[]): void
  /** The f32 peak measured again, over the one measured first: how much the clock or the neighbours changed. */
  drift(threads: number): number | null
}

const MEMORY_BYTES = 256 * 2 ** 20
const isaBelow: Record<string, 'avx2' | 'scalar'> = { avx512: 'avx2' }

/** `isa`: the one in use; `seconds`: how long each limit is measured. */
export function createLimits(isa: string, seconds: number): Limits {
  const rows: LimitRow[] = []
  const values = new Map<string, number | null>()

  function add(limit: string, probe: Probe, scale: number, unit: string, invert = false): number | null {
    const found = attempt(probe, seconds)
    if (!found) return null
    const convert = (rate: number) => (invert ? scale / rate : rate * scale)
    const [p10, p90] = invert ? [convert(found.p90), convert(found.p10)] : [convert(found.p10), convert(found.p90)]
    const used = probe.isa === undefined ? isa : probe.isa
    const { threads, bytes = null } = probe
    // A limit is what the machine does when nothing is in its way: the ninetieth percentile, where a higher rate is better.
    const rate = invert ? found.median : found.p90
    rows.push({ limit, isa: used, threads, bytes, value: convert(rate), p10, p90, unit })
    return rate
  }

  function once(id: string, make: () => number | null): number | null {
    const known = values.get(id)
    if (known !== undefined) return known
    const value = make()
    values.set(id, value)
    return value
  }

  const fma = (threads: number) =>
    once(`fma ${threads}`, () => add('f32 multiply-add', { kind: 'fma', threads }, 1e-9, 'GFLOP/s'))
  const dot = (precision: 'bf16' | 'int8', threads: number) =>
    once(`${precision} ${threads}`, () => {
      const kind = precision === 'bf16' ? 'dotBf16' : 'dotInt8'
      return add(`${precision} dot product`, { kind, threads }, 1e-9, precision === 'bf16' ? 'GFLOP/s' : 'GOP/s')
    })
  const read = (bytes: number, threads: number) =>
    once(`read ${bytes} ${threads}`, () => add('read', { kind: 'read', threads, bytes }, 1e-9, 'GB/s'))
  const cells = (threads: number) =>
    once(`cells ${threads}`, () => add('LSTM cell, plain', { kind: 'cell', threads }, 1e-9, 'Gcell/s'))

  function measureMachine(threads: readonly number[]): void {
    add('clock', { kind: 'clock', threads: 1 }, 1e-9, 'GHz')
    for (const count of threads) {
      fma(count)
      const below = isaBelow[isa]
      if (below) add('f32 multiply-add', { kind: 'fma', threads: count, isa: below }, 1e-9, 'GFLOP/s')
      dot('bf16', count)
      dot('int8', count)
      cells(count)
      read(MEMORY_BYTES, count)
      if (count > 1) add('fork and join', { kind: 'fork', threads: count }, 1e6, 'us', true)
    }
    const call = emptyCall() * 1e9
    rows.push({ limit: 'empty call', isa, threads: 1, bytes: null, value: call, p10: call, p90: call, unit: 'ns' })
  }

  return {
    rows,
    measureMachine,
    get(key) {
      if (key.kind === 'read') return read(key.bytes, key.threads)
      if (key.kind === 'cells') return cells(key.threads)
      if (key.precision === 'tf32') return null // the GPU's
      if (key.precision === 'f32') return fma(key.threads)
      // Without the dot product the operands are widened, and the multiply-adds are the limit; int8 has no such path.
      return dot(key.precision, key.threads) ?? (key.precision === 'bf16' ? fma(key.threads) : null)
    },
    drift(threads) {
      const first = values.get(`fma ${threads}`)
      const again = attempt({ kind: 'fma', threads }, seconds)
      return first && again ? again.p90 / first : null
    }
  }
}

/**
 * What the engine's own kernels reach on the GPU, measured: a large product, a copy (bytes read and written), a dependent launch in
 * a graph, and a run of nothing. They are no limits of the device: shares are not taken of them.
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

/** null where the CPU lacks the instructions. */
function attempt(probe: Probe, seconds: number): Measurement | null {
  try {
    return measure(probe, seconds)
  } catch (error) {
    if (error instanceof GatecellError && error.code === 'ERR_UNSUPPORTED') return null
    throw error
  }
}
