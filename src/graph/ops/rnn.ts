// The op of a plain recurrent layer over a whole sequence. index.ts exports it; sizes and orders are those of recurrent.ts.

import { object, optional } from '../../check/index.js'
import { expectRate, expectShape } from '../check.js'
import type { Tensor } from '../graph.js'
import { activation, type Activation } from './activations.js'
import { cellAttributes, clip, sequenceFields, trimmed } from './sequence.js'

/** Inputs of `ops.rnn`. */
export interface RnnInputs {
  /** [T, B, I] */
  x: Tensor
  /** [H, I] */
  weightIh: Tensor
  /** [H, H] */
  weightHh: Tensor
  /** [H] */
  biasIh?: Tensor | null
  /** [H] */
  biasHh?: Tensor | null
  /** Initial state [B, H], or a parameter [H] for all rows. Default: zeros. */
  h0?: Tensor | null
  /** Like reverse, dropout, stream and clip, that of `LstmInputs`. */
  lengths?: Tensor | null
  reverse?: boolean
  dropout?: number
  stream?: number
  clip?: number
  /** The function of the sum. Default: tanh. */
  activation?: Activation
}

const readRnn = object<RnnInputs>({ ...sequenceFields, clip: optional(clip), activation: optional(activation) })

/** The tensors of `ops.rnn`. */
export interface RnnTensors {
  /** `[T, B, H]`: h after each step. */
  y: Tensor
  /** `[B, H]`: h after the last step of each row. */
  h: Tensor
}

/**
 * Records one plain recurrent layer over a whole sequence (Elman 1990; the equation is that of the layer `rnn`). Throws ERR_INVALID_ARGUMENT or
 * ERR_INVALID_SHAPE if an input does not fit.
 */
export function rnnOp(rnnInputs: RnnInputs): RnnTensors {
  const inputs = readRnn(rnnInputs, 'the inputs of rnn')
  const { x, weightIh, weightHh, biasIh = null, biasHh = null, h0 = null, lengths = null, reverse = false } = inputs
  const { dropout: p = 0, stream = 0, clip: limit = 0 } = inputs
  expectShape('rnn', 'x', x, 'f32', [-1, -1, -1])
  expectShape('rnn', 'weightHh', weightHh, 'f32', [-1, -1])
  const [steps, batch, size] = x.shape as [number, number, number]
  const hidden = weightHh.shape[1]!
  expectShape('rnn', 'weightHh', weightHh, 'f32', [hidden, hidden])
  expectShape('rnn', 'weightIh', weightIh, 'f32', [hidden, size])
  if (biasIh) expectShape('rnn', 'biasIh', biasIh, 'f32', [hidden])
  if (biasHh) expectShape('rnn', 'biasHh', biasHh, 'f32', [hidden])
  if (h0) expectShape('rnn', 'h0', h0, 'f32', h0.shape.length === 1 ? [hidden] : [batch, hidden])
  if (lengths) expectShape('rnn', 'lengths', lengths, 'i32', [batch])
  expectRate('rnn', 'dropout', p)
  const [y, h] = x.graph.record(
    'rnn',
    [x, weightIh, weightHh, biasIh, biasHh, h0, ...trimmed([null, lengths])],
    [
      { dtype: 'f32', shape: [steps, batch, hidden] },
      { dtype: 'f32', shape: [batch, hidden], optional: true }
    ],
    cellAttributes('rnn', {
      reverse,
      noise: p > 0 ? [p, 0, 0, stream] : null,
      clip: limit,
      second: false,
      functions: [inputs.activation]
    })
  )
  return { y: y!, h: h! }
}
