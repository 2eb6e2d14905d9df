// The op of a GRU layer over a whole sequence. index.ts exports it; sizes and orders are those of recurrent.ts.

import { boolean, object, optional } from '../../check/index.js'
import { expectRate, expectShape } from '../check.js'
import type { Tensor } from '../graph.js'
import { activation, type Activation } from './activations.js'
import { cellAttributes, clip, sequenceFields, trimmed } from './sequence.js'

/** Inputs of `ops.gru`. */
export interface GruInputs {
  /** [T, B, I] */
  x: Tensor
  /** [3H, I], gate order r, z, n */
  weightIh: Tensor
  /** [3H, H] */
  weightHh: Tensor
  /** [3H] */
  biasIh?: Tensor | null
  /** [3H] */
  biasHh?: Tensor | null
  /** Initial state [B, H], or a parameter [H] for all rows. Default: zeros. */
  h0?: Tensor | null
  /** Like reverse, dropout, stream and clip, that of `LstmInputs`. */
  lengths?: Tensor | null
  reverse?: boolean
  dropout?: number
  stream?: number
  clip?: number
  /**
   * Whether the reset gate scales the product W_hn h + b_hn (PyTorch; ONNX's linear_before_reset = 1; Keras's reset_after) or h itself before
   * the product. Default true.
   */
  resetAfter?: boolean
  /** The functions of the gates r and z, and of n. Default: sigmoid, tanh. */
  activations?: { gates?: Activation; candidate?: Activation }
}

const readGru = object<GruInputs>({
  ...sequenceFields,
  clip: optional(clip),
  resetAfter: optional(boolean),
  activations: optional(
    object<NonNullable<GruInputs['activations']>>({ gates: optional(activation), candidate: optional(activation) })
  )
})

/** The tensors of `ops.gru`. Gates are for outputs of a plan, as those of `LstmTensors`. */
export interface GruTensors {
  /** `[T, B, H]`: h after each step. */
  y: Tensor
  /** `[B, H]`: h after the last step of each row. */
  h: Tensor
  /** `[T, B, H]` each, with the activations: the reset, update and new gates r, z, n of the equations. */
  gates: { reset: Tensor; update: Tensor; new: Tensor }
}

/**
 * Records one GRU layer over a whole sequence (Cho et al. 2014; the equations are those of the layer `gru`). Throws
 * ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an input does not fit.
 */
export function gruOp(gruInputs: GruInputs): GruTensors {
  const inputs = readGru(gruInputs, 'the inputs of gru')
  const { x, weightIh, weightHh, biasIh = null, biasHh = null, h0 = null, lengths = null, reverse = false } = inputs
  const { dropout: p = 0, stream = 0, clip: limit = 0, resetAfter = true, activations } = inputs
  expectShape('gru', 'x', x, 'f32', [-1, -1, -1])
  expectShape('gru', 'weightHh', weightHh, 'f32', [-1, -1])
  const [steps, batch, size] = x.shape as [number, number, number]
  const hidden = weightHh.shape[1]!
  expectShape('gru', 'weightHh', weightHh, 'f32', [3 * hidden, hidden])
  expectShape('gru', 'weightIh', weightIh, 'f32', [3 * hidden, size])
  if (biasIh) expectShape('gru', 'biasIh', biasIh, 'f32', [3 * hidden])
  if (biasHh) expectShape('gru', 'biasHh', biasHh, 'f32', [3 * hidden])
  if (h0) expectShape('gru', 'h0', h0, 'f32', h0.shape.length === 1 ? [hidden] : [batch, hidden])
  if (lengths) expectShape('gru', 'lengths', lengths, 'i32', [batch])
  expectRate('gru', 'dropout', p)
  const ofSteps = { dtype: 'f32', shape: [steps, batch, hidden], optional: true } as const
  const absent = { dtype: 'f32', shape: [1], optional: true } as const // c after the last step, and c of each step
  const [y, h, , , reset, update, fresh] = x.graph.record(
    'gru',
    [x, weightIh, weightHh, biasIh, biasHh, h0, ...trimmed([null, lengths])],
    [
      { dtype: 'f32', shape: [steps, batch, hidden] },
      { dtype: 'f32', shape: [batch, hidden], optional: true },
      ...[absent, absent, ofSteps, ofSteps, ofSteps]
    ],
    cellAttributes('gru', {
      reverse,
      noise: p > 0 ? [p, 0, 0, stream] : null,
      clip: limit,
      second: !resetAfter,
      functions: activations ? [activations.gates, activations.candidate] : []
    })
  )
  return { y: y!, h: h!, gates: { reset: reset!, update: update!, new: fresh! } }
}
