// layer: one LSTM layer, forward and backward with dX, dW, dU and db. sequence: inference of one layer.

import type { Precision } from '../../graph/opcodes.js'
import { layersFlops, recurrentBytes, sequenceBytes, type Sizes } from './amounts.js'
import { onDevice } from '../machine/devices.js'
import { layerPlan, sequencePlan, type Setting } from './networks.js'
import type { Point } from '../point.js'
import type { Workload } from '../workload.js'
import { allThreads, orElse, precisionsOf, trainingPrecisions, type Choice } from './shapes.js'
import { syncContestant } from '../turns.js'

/** The workload layer: one layer, forward and backward. */
export const layer: Workload = {
  name: 'layer',
  summary: 'one LSTM layer, forward and backward',
  onGpu: true,
  points: (choice) => pointsOf(choice, trainingPrecisions(choice), [32], layerPoint)
}

/** The workload sequence: inference of one layer. */
export const sequence: Workload = {
  name: 'sequence',
  summary: 'inference of a sequence by one LSTM layer',
  onGpu: true,
  points: (choice) => pointsOf(choice, precisionsOf(choice), [1, 8, 32, 128], sequencePoint)
}

function pointsOf(
  choice: Choice,
  precisions: readonly Precision[],
  batches: readonly number[],
  make: (sizes: Sizes, setting: Setting) => Point
) {
  return precisions.flatMap((precision) =>
    allThreads(choice).flatMap((threads) =>
      orElse(choice.hidden, [256, 512, 1024]).flatMap((H) =>
        orElse(choice.batch, batches).map((B) =>
          onDevice({ threads, precision, device: choice.device }, (setting) =>
            make({ B, T: choice.length ?? 64, H, layers: 1 }, setting)
          )
        )
      )
    )
  )
}

function layerPoint(sizes: Sizes, setting: Setting): Point {
  const arithmetic = { kind: 'arithmetic', ...setting } as const
  const amount = 3 * layersFlops(sizes)
  return {
    workload: 'layer',
    shape: { ...sizes },
    ...setting,
    counted: 'flops',
    amount,
    traffic: 3 * sequenceBytes(sizes, setting.precision),
    limits: [arithmetic],
    bound: (at) => amount / at(arithmetic),
    open() {
      const { plan, close } = layerPlan(sizes, setting)
      return { contestant: syncContestant(() => plan.runSync('gradient'), close), plan }
    },
    task: { mode: 'layer', sizes, ...setting }
  }
}

/** At batch 1 the bound is not the peak: the recurrent weights are streamed once a step, the input product is made at peak. */
function sequencePoint(sizes: Sizes, setting: Setting): Point {
  const { B, T, H } = sizes
  const arithmetic = { kind: 'arithmetic', ...setting } as const
  const bytes = recurrentBytes(sizes, setting.precision)
  const read = { kind: 'read', threads: setting.threads, bytes } as const
  const amount = layersFlops(sizes)
  const streams = B === 1
  return {
    workload: 'sequence',
    shape: { ...sizes },
    ...setting,
    counted: 'flops',
    amount,
    traffic: sequenceBytes(sizes, setting.precision),
    limits: streams ? [arithmetic, read] : [arithmetic],
    bound: (at) => (streams ? (T * bytes) / at(read) + (T * 2 * 4 * H * H) / at(arithmetic) : amount / at(arithmetic)),
    open() {
      const { plan, close } = sequencePlan(sizes, setting)
      return { contestant: syncContestant(() => plan.runSync('forward'), close), plan }
    },
    task: { mode: 'sequence', sizes, ...setting }
  }
}
