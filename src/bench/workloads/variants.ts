// bidirectional, lengths, peephole, layer-norm: one layer with that variant, forward and backward with dX, dW, dU and db,
// turn by turn with the plain layer of the same shape.

import { layerFlops, sequenceBytes, type Sizes } from './amounts.js'
import { onDevice } from '../machine/devices.js'
import { layerPlan, type LayerVariant, type Setting } from './networks.js'
import type { Point } from '../point.js'
import type { Workload } from '../workload.js'
import { allThreads, orElse, trainingPrecisions, type Choice } from './shapes.js'
import { syncContestant } from '../turns.js'

interface VariantWorkload {
  name: string
  summary: string
  variant(sizes: Sizes): LayerVariant
  /** Rows of all steps that are computed. */
  tokens(sizes: Sizes): number
  directions?: number
  /** Only float32. */
  floatOnly?: true
}

/** Returns as many of each length from 1 to T, in no order; their mean is half of T. */
export function mixedLengths({ B, T }: Pick<Sizes, 'B' | 'T'>): number[] {
  return Array.from({ length: B }, (_, b) => 1 + Math.floor(((((7 * b) % B) + 0.5) / B) * T))
}

const every = ({ B, T }: Sizes) => B * T
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** The workloads of the variants of the LSTM layer. */
export const variants: readonly Workload[] = [
  {
    name: 'bidirectional',
    summary: 'one bidirectional LSTM layer, forward and backward',
    variant: () => ({ options: { bidirectional: true } }),
    tokens: every,
    directions: 2
  },
  {
    name: 'lengths',
    summary: 'one LSTM layer over rows of mean length T / 2, forward and backward',
    variant: (sizes: Sizes) => ({ lengths: mixedLengths(sizes) }),
    tokens: (sizes: Sizes) => sum(mixedLengths(sizes))
  },
  {
    name: 'peephole',
    summary: 'one LSTM layer with peepholes, forward and backward',
    variant: () => ({ options: { peepholes: true } }),
    tokens: every
  },
  {
    name: 'layer-norm',
    summary: 'one LSTM layer with layer normalisation, forward and backward',
    variant: () => ({ options: { layerNorm: true } }),
    tokens: every,
    floatOnly: true
  }
].map((made) => workload(made as VariantWorkload))

function workload(made: VariantWorkload): Workload {
  return {
    name: made.name,
    summary: made.summary,
    onGpu: true,
    points: (choice: Choice) =>
      (made.floatOnly ? floatOnly(choice) : trainingPrecisions(choice)).flatMap((precision) =>
        allThreads(choice).flatMap((threads) =>
          orElse(choice.hidden, [256, 512]).flatMap((H) =>
            orElse(choice.batch, [32]).map((B) =>
              onDevice({ threads, precision, device: choice.device }, (setting) =>
                variantPoint(made, { B, T: choice.length ?? 64, H, layers: 1 }, setting)
              )
            )
          )
        )
      )
  }
}

/** Returns f32 if the chosen precisions include it or none is chosen. */
const floatOnly = ({ precisions }: Choice) =>
  precisions.length === 0 || precisions.includes('f32') ? (['f32'] as const) : []

function variantPoint(made: VariantWorkload, sizes: Sizes, setting: Setting): Point {
  const arithmetic = { kind: 'arithmetic', ...setting } as const
  const { directions = 1 } = made
  const amount = 3 * directions * layerFlops(made.tokens(sizes), sizes.H, sizes.H)
  return {
    workload: made.name,
    shape: { ...sizes },
    ...setting,
    counted: 'flops',
    amount,
    traffic: 3 * directions * sequenceBytes(sizes, setting.precision),
    limits: [arithmetic],
    bound: (at) => amount / at(arithmetic),
    open() {
      const own = layerPlan(sizes, setting, made.variant(sizes))
      const plain = layerPlan(sizes, setting)
      return {
        contestant: syncContestant(() => own.plan.runSync('gradient'), own.close),
        plan: own.plan,
        references: [{ name: 'plain', contestant: syncContestant(() => plain.plan.runSync('gradient'), plain.close) }]
      }
    },
    task: null
  }
}
