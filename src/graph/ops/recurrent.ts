// The op of an LSTM layer over a whole sequence. index.ts exports it. B batch, T steps, I input size, H hidden size; the gate order is
// i, f, g, o; sequences are time-major: [T, B, ...].

import { anything, boolean, nullable, object, optional } from '../../check/index.js'
import { expected } from '../../errors.js'
import { expectRate, expectShape } from '../check.js'
import { tensor, tensorOrNull, type Tensor } from '../graph.js'
import { activation, type Activation } from './activations.js'
import { cellAttributes, clip, sequenceFields, trimmed } from './sequence.js'

/** Inputs of `ops.lstm`. */
export interface LstmInputs {
  /** [T, B, I] */
  x: Tensor
  /** [4H, I], gate order i, f, g, o */
  weightIh: Tensor
  /** [4H, R]; R is H, or the width of the output projection */
  weightHh: Tensor
  /** [4H] */
  biasIh?: Tensor | null
  /** [4H] */
  biasHh?: Tensor | null
  /** Initial state [B, R], or a parameter [R] for all rows. Default: zeros. */
  h0?: Tensor | null
  /** Initial cell [B, H], or a parameter [H] for all rows. Default: zeros. */
  c0?: Tensor | null
  /** int32 `[B]`: number of steps of each row. Outputs after them are zero. A run throws ERR_OUT_OF_RANGE if one is not from 0 to T. */
  lengths?: Tensor | null
  /** [3H] of i, f, o (Gers and Schmidhuber 2000; Graves 2013, equations 7 to 11): i and f read the previous cell, o the new one. */
  peephole?: Tensor | null
  /** `[R, H]`: h = weightHr m, where m = o * tanh(c) (Sak, Senior, Beaufays 2014). */
  weightHr?: Tensor | null
  /**
   * Layer normalisation (Ba, Kiros, Hinton 2016, supplement, eqs. 20 to 22), gains [4H], [4H] and [H], bias `[H]`: the gates are computed from
   * LN(W x; ih) + LN(U h; hh) + biasIh + biasHh, and h = o * tanh(LN(c; c) + biasC), with LN(v; gain) = gain * (v - mean) /
   * sqrt(variance + 1e-5) over the 4H (of c: H) values of a row; the carried c is not normalised.
   */
  norm?: { ih: Tensor; hh: Tensor; c: Tensor; biasC: Tensor } | null
  /** Whether the layer reads each row from its last step to the first; outputs are in the order of the input. Default false. */
  reverse?: boolean
  /**
   * Probability p, 0 to below 1, of recurrent dropout: one mask of 0 or 1 / (1 - p) on h for all steps, in training (Gal and Ghahramani 2016).
   * Default 0.
   */
  dropout?: number
  /**
   * Probabilities, 0 to below 1, that a unit keeps its previous c or h (Krueger et al. 2017); outside training, the expectation is taken. Default 0.
   */
  zoneout?: { c: number; h: number }
  /** Number of the random stream of the masks. Default 0. */
  stream?: number
  /** Limit of the pre-activations, peepholes included, to [-clip, clip], above 0 (ONNX's clip). Default: no limit. */
  clip?: number
  /** Whether the forget gate is 1 - i (Greff et al. 2017; ONNX's input_forget): f's weights have no effect. Default false. */
  coupled?: boolean
  /** The functions of the gates, of g, and of c before the output gate. Default: sigmoid, tanh, tanh. */
  activations?: { gates?: Activation; cell?: Activation; output?: Activation }
}

const readLstm = object<LstmInputs>({
  ...sequenceFields,
  c0: tensorOrNull,
  peephole: tensorOrNull,
  weightHr: tensorOrNull,
  norm: optional(
    nullable(object<NonNullable<LstmInputs['norm']>>({ ih: tensor, hh: tensor, c: tensor, biasC: tensor }))
  ),
  zoneout: optional(object<{ c: number; h: number }>({ c: anything, h: anything })),
  clip: optional(clip),
  coupled: optional(boolean),
  activations: optional(
    object<NonNullable<LstmInputs['activations']>>({
      gates: optional(activation),
      cell: optional(activation),
      output: optional(activation)
    })
  )
})

/**
 * The tensors of `ops.lstm`. Cells and gates are for outputs of a plan: no gradient flows through them, so that a loss that depends on them is
 * refused with ERR_UNSUPPORTED, and they have no kernels for the GPU. After the end of a row they are zeros.
 */
export interface LstmTensors {
  /** `[T, B, R]`: h after each step. */
  y: Tensor
  /** `[B, R]`: h after the last step of each row. */
  h: Tensor
  /** `[B, H]`: c after the last step of each row. */
  c: Tensor
  /** `[T, B, H]`: c after each step. */
  cells: Tensor
  /** `[T, B, H]` each, with the activations: the input, forget, cell and output gates i, f, g, o of the equations. */
  gates: { input: Tensor; forget: Tensor; cell: Tensor; output: Tensor }
}

/**
 * Records one LSTM layer over a whole sequence (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; the equations are
 * those of the layer `lstm`). Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an input does not fit, and ERR_UNSUPPORTED for zoneout
 * with peepholes, a projection or layer normalisation, for layer normalisation with peepholes, and for clip, coupled gates and
 * other activations with zoneout or layer normalisation.
 */
export function lstmOp(lstmInputs: LstmInputs): LstmTensors {
  const inputs = readLstm(lstmInputs, 'the inputs of lstm')
  const { x, weightIh, weightHh, biasIh = null, biasHh = null, h0 = null, c0 = null, reverse = false } = inputs
  const { lengths = null, peephole = null, weightHr = null, norm = null, stream = 0 } = inputs
  const { dropout: p = 0, zoneout = { c: 0, h: 0 }, clip: limit = 0, coupled = false, activations } = inputs
  expectShape('lstm', 'x', x, 'f32', [-1, -1, -1])
  expectShape('lstm', 'weightHh', weightHh, 'f32', [-1, -1])
  if (weightHr) expectShape('lstm', 'weightHr', weightHr, 'f32', [weightHh.shape[1]!, -1])
  const [steps, batch, size] = x.shape as [number, number, number]
  const width = weightHh.shape[1]!
  const hidden = weightHr ? weightHr.shape[1]! : width
  expectShape('lstm', 'weightHh', weightHh, 'f32', [4 * hidden, width])
  expectShape('lstm', 'weightIh', weightIh, 'f32', [4 * hidden, size])
  if (biasIh) expectShape('lstm', 'biasIh', biasIh, 'f32', [4 * hidden])
  if (biasHh) expectShape('lstm', 'biasHh', biasHh, 'f32', [4 * hidden])
  if (h0) expectShape('lstm', 'h0', h0, 'f32', h0.shape.length === 1 ? [width] : [batch, width])
  if (c0) expectShape('lstm', 'c0', c0, 'f32', c0.shape.length === 1 ? [hidden] : [batch, hidden])
  if (lengths) expectShape('lstm', 'lengths', lengths, 'i32', [batch])
  if (peephole) expectShape('lstm', 'peephole', peephole, 'f32', [3 * hidden])
  if (norm) {
    expectShape('lstm', 'norm.ih', norm.ih, 'f32', [4 * hidden])
    expectShape('lstm', 'norm.hh', norm.hh, 'f32', [4 * hidden])
    expectShape('lstm', 'norm.c', norm.c, 'f32', [hidden])
    expectShape('lstm', 'norm.biasC', norm.biasC, 'f32', [hidden])
  }
  expectRate('lstm', 'dropout', p)
  expectRate('lstm', 'zoneout.c', zoneout.c)
  expectRate('lstm', 'zoneout.h', zoneout.h)
  const zones = zoneout.c > 0 || zoneout.h > 0
  expectApart('zoneout', zones, { peepholes: peephole, 'an output projection': weightHr, 'layer normalisation': norm })
  expectApart('layer normalisation', norm !== null, { peepholes: peephole })
  for (const [what, given] of Object.entries({
    clip: limit > 0,
    'coupled gates': coupled,
    activations: !!activations
  })) {
    expectApart(what, given, { zoneout: zones || null, 'layer normalisation': norm })
  }
  const gains = norm ? [norm.ih, norm.hh, norm.c, norm.biasC] : []
  const ofSteps = { dtype: 'f32', shape: [steps, batch, hidden], optional: true } as const
  const [y, h, c, cells, input, forget, cell, output] = x.graph.record(
    'lstm',
    [x, weightIh, weightHh, biasIh, biasHh, h0, c0, ...trimmed([lengths, peephole, weightHr, ...gains])],
    [
      { dtype: 'f32', shape: [steps, batch, width] },
      { dtype: 'f32', shape: [batch, width], optional: true },
      { dtype: 'f32', shape: [batch, hidden], optional: true },
      ...[ofSteps, ofSteps, ofSteps, ofSteps, ofSteps]
    ],
    cellAttributes('lstm', {
      reverse,
      noise: p > 0 || zones ? [p, zoneout.c, zoneout.h, stream] : null,
      clip: limit,
      second: coupled,
      functions: activations ? [activations.gates, activations.cell, activations.output] : []
    })
  )
  return { y: y!, h: h!, c: c!, cells: cells!, gates: { input: input!, forget: forget!, cell: cell!, output: output! } }
}

/** Throws ERR_UNSUPPORTED if `what` is used together with one of `others`. */
function expectApart(what: string, there: boolean, others: Record<string, unknown>): void {
  const other = Object.entries(others).find(([, value]) => value !== null)
  if (!there || !other) return
  throw expected('ERR_UNSUPPORTED', `${what} without ${other[0]} in lstm`, 'both', 'leave one out')
}
