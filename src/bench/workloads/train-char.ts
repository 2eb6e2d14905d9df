// train-char: one training step of a character model, whole: embedding, LSTM layers, linear, cross-entropy, backward,
// clipping, Adam. Counted as if every product were made; if the embedding is folded into the first layer, the row also has
// the amount that is executed.

import { VOCABULARY, foldedTrainCharFlops, sequenceBytes, trainCharFlops, type Sizes } from './amounts.js'
import { onDevice } from '../machine/devices.js'
import { foldsEmbedding, trainingStep, type Setting } from './networks.js'
import type { Point } from '../point.js'
import type { Workload } from '../workload.js'
import { allThreads, orElse, trainingPrecisions } from './shapes.js'
import { asyncContestant } from '../turns.js'

/** The workload train-char. */
export const trainChar: Workload = {
  name: 'train-char',
  summary: `training step of a character model of ${VOCABULARY} symbols, two layers`,
  onGpu: true,
  points: (choice) =>
    trainingPrecisions(choice).flatMap((precision) =>
      allThreads(choice).flatMap((threads) =>
        orElse(choice.hidden, [128, 256, 512, 1024]).flatMap((H) =>
          orElse(choice.layers, [2]).flatMap((layers) =>
            orElse(choice.batch, [H < 1024 ? 64 : 32]).map((B) =>
              onDevice({ threads, precision, device: choice.device }, (setting) =>
                point({ B, T: choice.length ?? 64, H, layers }, setting)
              )
            )
          )
        )
      )
    )
}

function point(sizes: Sizes, setting: Setting): Point {
  const arithmetic = { kind: 'arithmetic', ...setting } as const
  const amount = trainCharFlops(sizes)
  return {
    workload: 'train-char',
    shape: { ...sizes },
    ...setting,
    counted: 'flops',
    amount,
    traffic: 3 * sequenceBytes(sizes, setting.precision),
    limits: [arithmetic],
    bound: (at) => amount / at(arithmetic),
    open() {
      const { model, plan } = trainingStep(sizes, setting)
      const step = async () => {
        await plan.run('train')
        plan.control.step += 1
      }
      const tokens = sizes.B * sizes.T
      return {
        contestant: asyncContestant(step, () => model.dispose()),
        plan,
        executed: foldsEmbedding(plan) ? foldedTrainCharFlops(sizes) : amount,
        figures: { tokens, plan_bytes: plan.bytes, parameters: model.parameterCount }
      }
    },
    task: { mode: 'train-char', sizes, ...setting }
  }
}
