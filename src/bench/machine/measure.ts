// The native measurements (gc_measure): the peaks of this machine, and the kernels without a plan around them.

import { callNative } from '../../native-call.js'
import { native } from '../../native.js'

/** gc_probe_kind of gatecell.h; a test compares both. */
export const probeKinds = {
  clock: 1,
  fma: 2,
  dotBf16: 3,
  dotInt8: 4,
  read: 5,
  cell: 6,
  fork: 7,
  gemm: 8,
  gates: 9
} as const

/** A kind of native measurement. */
export type ProbeKind = keyof typeof probeKinds

/** Instruction sets a probe can be asked for, as places in the list of the processor; 'used': the engine's. */
export const probeIsas = { used: 0, scalar: 1, avx2: 2, avx512: 3, neon: 2 } as const

/** A native measurement and its sizes. */
export interface Probe {
  kind: ProbeKind
  threads: number
  isa?: keyof typeof probeIsas
  /** gc_precision, for gemm. */
  precision?: number
  bytes?: number
  rows?: number
  columns?: number
  inner?: number
}

/** The rates of a probe in units per second, all threads together, and the number of samples. */
export interface ProbeResult {
  median: number
  p10: number
  p90: number
  samples: number
}

/** Measures for about `seconds`, blocking this thread. Throws ERR_UNSUPPORTED if the CPU lacks the instructions. */
export function measure(probe: Probe, seconds: number): ProbeResult {
  const { kind, threads, isa = 'used', precision = 0, bytes = 0, rows = 0, columns = 0, inner = 0 } = probe
  const what = [probeKinds[kind], probeIsas[isa], precision, threads, bytes, rows, columns, inner, seconds]
  const out = new Float64Array(4)
  callNative(() => native().measure(Float64Array.from(what), out))
  return { median: out[0]!, p10: out[1]!, p90: out[2]!, samples: out[3]! }
}

/** Measures a call into the addon that does nothing, in seconds. */
export function emptyCall(): number {
  const { nothing } = native()
  const calls = 200_000
  const times: number[] = []
  for (let round = 0; round < 9; round++) {
    const begin = performance.now()
    for (let i = 0; i < calls; i++) nothing()
    times.push((performance.now() - begin) / 1000 / calls)
  }
  return times.sort((a, b) => a - b)[4]!
}
