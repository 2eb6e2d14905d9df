// gemm and gates: the engine's kernels without a plan around them, measured natively. Gates are compared with
// a plain cell of short polynomials and approximate reciprocals; the engine's exact one may be faster.

import { precisions } from '../../graph/opcodes.js'
import { recurrentBytes } from './amounts.js'
import { measure, type Probe } from '../machine/measure.js'
import type { Setting } from './networks.js'
import type { Point } from '../point.js'
import type { Workload } from '../workload.js'
import { allThreads, orElse, precisionsOf } from './shapes.js'
import type { Contestant } from '../turns.js'

/** The workload gemm: matrix products of the shapes of a layer. */
export const gemm: Workload = {
  name: 'gemm',
  summary: 'the matrix product C[B, 4H] = A[B, H] W^T on packed weights',
  points: (choice) =>
    precisionsOf(choice).flatMap((precision) =>
      allThreads(choice).flatMap((threads) =>
        orElse(choice.hidden, [256, 512, 1024]).flatMap((H) =>
          orElse(choice.batch, [1, 8, 32, 128, 2048]).map((B) => gemmPoint(B, H, { threads, precision, device: 'cpu' }))
        )
      )
    )
}

/** The workload gates: the element-wise part of a step. */
export const gates: Workload = {
  name: 'gates',
  summary: "the LSTM cell's gates: three sigmoids and two tanh each",
  points: (choice) =>
    allThreads(choice).map((threads) => {
      const cells = { kind: 'cells', threads } as const
      const B = choice.batch[0] ?? 64
      const amount = threads * B * 16
      return {
        workload: 'gates',
        shape: { B, T: 1, H: 16, layers: 1 },
        threads,
        precision: 'f32',
        device: 'cpu',
        counted: 'cells',
        amount,
        traffic: amount * 4 * 11, // four gates read and written, c read and written, h written
        limits: [cells],
        bound: (at) => amount / at(cells),
        open: () => ({ contestant: probeContestant({ kind: 'gates', threads, rows: B }, amount), coarse: true }),
        task: null
      } satisfies Point
    })
}

function gemmPoint(B: number, H: number, setting: Setting): Point {
  const { threads, precision } = setting
  const arithmetic = { kind: 'arithmetic', ...setting } as const
  const bytes = recurrentBytes({ H }, precision)
  const read = { kind: 'read', threads, bytes } as const
  const amount = 2 * B * 4 * H * H
  const probe: Probe = { kind: 'gemm', threads, precision: precisions[precision], rows: B, columns: 4 * H, inner: H }
  return {
    workload: 'gemm',
    shape: { B, T: 1, H, layers: 1 },
    ...setting,
    counted: 'flops',
    amount,
    traffic: bytes + 4 * B * 5 * H,
    // One row uses each weight once: reading them is the limit.
    limits: B === 1 ? [read] : [arithmetic],
    bound: (at) => (B === 1 ? bytes / at(read) : amount / at(arithmetic)),
    open: () => ({ contestant: probeContestant(probe, amount), coarse: true }),
    task: { mode: 'gemm', sizes: { B, T: 1, H, layers: 1 }, ...setting }
  }
}

/** A native measurement as a contestant: each burst gives the times at its tenth, middle and ninetieth percentile. */
function probeContestant(probe: Probe, amount: number): Contestant {
  return {
    async burst(seconds) {
      const { p10, median, p90 } = measure(probe, seconds)
      return [p90, median, p10].map((rate) => (amount / rate) * 1e6)
    },
    close() {}
  }
}
