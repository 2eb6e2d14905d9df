// Ops that relate one sequence to another: soft windows and attention. index.ts exports them.

import { integer, number, object, optional, type Fields } from '../../check/index.js'
import { expected } from '../../errors.js'
import { expectNumber, expectShape, lastDim } from '../check.js'
import { showShape } from '../shape.js'
import { tensor, tensorOrNull, type Tensor } from '../graph.js'

/** Inputs of `softWindow`: T steps, B rows, K Gaussians, U characters, C width of a character's vector. */
export interface WindowInputs {
  /** `[T, B, 3K]`: the logarithms of alpha[K], beta[K] and the growth of kappa[K] of K Gaussians. */
  raw: Tensor
  /** int32 [B, U] ids, each of which is a one-hot vector of `width` elements; or f32 [B, U, C], one vector for each character. */
  chars: Tensor
  /** int32 `[B]`: number of characters of each row, 0 to U. */
  lengths: Tensor
  /** Width C of one-hot vectors, 1 to 2^24; only for ids. */
  width?: number
  /** `[B, K]`: positions of the window before the first step. Default: 0, before the first character. */
  kappa0?: Tensor | null
}

const ofWindow = {
  chars: tensor,
  lengths: tensor,
  width: optional(integer(1, 2 ** 24)),
  kappa0: tensorOrNull
}
const readWindow = object<WindowInputs>({ raw: tensor, ...ofWindow })

/**
 * Records the soft window over characters (Graves 2013, equations 46 to 51):
 *
 *   w_t = sum over u = 1 ... U of phi(t, u) c_u        phi(t, u) = sum over k of alpha_k exp(-beta_k (kappa_k - u)^2)
 *
 * In each step, kappa_k grows by the exponential of its raw output. Returns the windows w [T, B, C], kappa [B, K] after the last step, and
 * phi [T, B, U]. T may be 1, to unroll a recurrence; `windowLstm` has the usual recurrence in one op. Throws ERR_INVALID_ARGUMENT or
 * ERR_INVALID_SHAPE if an input does not fit.
 * @example
 * const { window } = ops.softWindow({ raw: linear(h, { name: 'window', size: 30 }), chars, lengths, width: 60 })
 */
export function softWindow(windowInputs: WindowInputs): { window: Tensor; kappa: Tensor; phi: Tensor } {
  const inputs = readWindow(windowInputs, 'the inputs of softWindow')
  const { raw, chars, lengths, kappa0 = null } = inputs
  expectShape('softWindow', 'raw', raw, 'f32', [-1, -1, -1])
  const [steps, batch, columns] = raw.shape as [number, number, number]
  expectThirds('softWindow', 'raw', raw, columns)
  const width = windowWidth('softWindow', chars, lengths, batch, inputs.width)
  if (kappa0 !== null) expectShape('softWindow', 'kappa0', kappa0, 'f32', [batch, columns / 3])
  const [window, kappa, phi] = raw.graph.record(
    'window',
    [raw, chars, lengths, kappa0],
    [
      { dtype: 'f32', shape: [steps, batch, width] },
      { dtype: 'f32', shape: [batch, columns / 3], optional: true },
      { dtype: 'f32', shape: [steps, batch, chars.shape[1]!], optional: true }
    ]
  )
  return { window: window!, kappa: kappa!, phi: phi! }
}

function expectThirds(op: string, what: string, tensor: Tensor, columns: number): void {
  if (columns % 3 === 0) return
  const wanted = `3K columns for K Gaussians in ${what} of ${op}`
  throw expected('ERR_INVALID_SHAPE', wanted, showShape(tensor.shape), 'make that dimension a multiple of 3')
}

function windowWidth(op: string, chars: Tensor, lengths: Tensor, batch: number, width: number | undefined): number {
  expectShape(op, 'lengths', lengths, 'i32', [batch])
  if (chars.dtype === 'f32') {
    expectShape(op, 'chars', chars, 'f32', [batch, -1, width ?? -1])
    return lastDim(chars)
  }
  expectShape(op, 'chars', chars, 'i32', [batch, -1])
  expectNumber(op, 'width', width as number, 1, 2 ** 24, true)
  return width!
}

/** Inputs of `ops.windowLstm`: the letters of `WindowInputs`, I input size, H hidden size. */
export interface WindowLstmInputs extends Omit<WindowInputs, 'raw'> {
  /** [T, B, I] */
  x: Tensor
  /** [4H, I + C], gate order i, f, g, o; the columns of the window are after those of x. */
  weightIh: Tensor
  /** [4H, H] */
  weightHh: Tensor
  /** `[3K, H]`: from the state to the raw outputs of the window. */
  weightWindow: Tensor
  /** [3K] */
  biasWindow: Tensor
  /** [4H], like biasHh; default: zeros. */
  biasIh?: Tensor | null
  biasHh?: Tensor | null
  /** States before the first step: h0 and c0 [B, H], window0 [B, C]. Default: zeros. */
  h0?: Tensor | null
  c0?: Tensor | null
  window0?: Tensor | null
}

const readWindowLstm = object<WindowLstmInputs>({
  x: tensor,
  weightIh: tensor,
  weightHh: tensor,
  weightWindow: tensor,
  biasWindow: tensor,
  biasIh: tensorOrNull,
  biasHh: tensorOrNull,
  h0: tensorOrNull,
  c0: tensorOrNull,
  window0: tensorOrNull,
  ...ofWindow
})

/** Results of `windowLstm`. */
export interface WindowLstmResult {
  /** [T, B, H] */
  y: Tensor
  /** `[T, B, C]`: the window of each step, for the layers above. */
  window: Tensor
  /** State after the last step, [B, H]. */
  h: Tensor
  /** Cell after the last step, [B, H]. */
  c: Tensor
  /** Positions of the window after the last step, [B, K]. */
  kappa: Tensor
  /** The window of the last step, [B, C]. */
  lastWindow: Tensor
  /** `[T, B, U]`: weight of each character in each step. */
  phi: Tensor
}

/**
 * Records an LSTM layer over a whole sequence that reads, in each step, its input and the soft window of the step before; a linear layer on
 * the state moves the window over the characters (Graves 2013, section 5.1):
 *
 *   h_t, c_t = LSTM([x_t, w_(t-1)], h_(t-1), c_(t-1))        w_t = softWindow(W_w h_t + b_w)
 *
 * Its products are float32 in plans of every precision. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an input does not fit.
 */
export function windowLstmOp(lstmInputs: WindowLstmInputs): WindowLstmResult {
  const inputs = readWindowLstm(lstmInputs, 'the inputs of windowLstm')
  const { x, weightIh, weightHh, weightWindow, biasWindow, chars, lengths } = inputs
  const { biasIh = null, biasHh = null, h0 = null, c0 = null, kappa0 = null, window0 = null } = inputs
  const check = (what: string, tensor: Tensor | null, shape: readonly number[]) => {
    if (tensor) expectShape('windowLstm', what, tensor, 'f32', shape)
  }
  check('x', x, [-1, -1, -1])
  check('weightHh', weightHh, [-1, -1])
  check('weightWindow', weightWindow, [-1, -1])
  const [steps, batch, size] = x.shape as [number, number, number]
  const hidden = weightHh.shape[1]!
  expectThirds('windowLstm', 'weightWindow', weightWindow, weightWindow.shape[0]!)
  const gaussians = weightWindow.shape[0]! / 3
  const width = windowWidth('windowLstm', chars, lengths, batch, inputs.width)
  check('weightIh', weightIh, [4 * hidden, size + width])
  check('weightHh', weightHh, [4 * hidden, hidden])
  check('weightWindow', weightWindow, [3 * gaussians, hidden])
  check('biasWindow', biasWindow, [3 * gaussians])
  check('biasIh', biasIh, [4 * hidden])
  check('biasHh', biasHh, [4 * hidden])
  check('h0', h0, [batch, hidden])
  check('c0', c0, [batch, hidden])
  check('kappa0', kappa0, [batch, gaussians])
  check('window0', window0, [batch, width])
  const f32 = (...shape: number[]) => ({ dtype: 'f32' as const, shape })
  const state = (columns: number) => ({ ...f32(batch, columns), optional: true })
  const [y, window, h, c, kappa, lastWindow, phi] = x.graph.record(
    'windowLstm',
    [x, weightIh, weightHh, weightWindow, biasWindow, chars, lengths, biasIh, biasHh, h0, c0, kappa0, window0],
    [
      f32(steps, batch, hidden),
      f32(steps, batch, width),
      state(hidden),
      state(hidden),
      state(gaussians),
      state(width),
      { ...f32(steps, batch, chars.shape[1]!), optional: true }
    ]
  )
  return { y: y!, window: window!, h: h!, c: c!, kappa: kappa!, lastWindow: lastWindow!, phi: phi! }
}

/** Inputs of attention: T target steps, S source steps, B rows, A width of queries and keys, V width of values. */
export interface AttentionInputs {
  /** `[T, B, A]`: the query of each target step; T may be 1, in decoding. */
  queries: Tensor
  /** `[S, B, A]`: the keys of the source steps, with which queries are compared. */
  keys: Tensor
  /** `[S, B, V]`: the values of the source steps, often the keys. */
  values: Tensor
  /** int32 `[B]`: number of source steps of each row, 0 to S. The context of a row without steps is zero. */
  lengths: Tensor
}

const ofAttention: Fields<AttentionInputs> = { queries: tensor, keys: tensor, values: tensor, lengths: tensor }
const readDot = object<AttentionInputs & { scale?: number }>({ ...ofAttention, scale: optional(number(-3e38, 3e38)) })
const readAdditive = object<AttentionInputs & { v: Tensor }>({ ...ofAttention, v: tensor })

/** Results of attention. */
export interface AttentionResult {
  /** `[T, B, V]`: weighted sums of the values. */
  context: Tensor
  /** `[T, B, S]`: weights of the source steps, which sum to 1; exactly 0 after a row's length. */
  weights: Tensor
}

/**
 * Records dot-product attention (Luong, Pham, Manning 2015): scores scale * q . k, the softmax over the source, and the weighted sum of the
 * values. `scale` is from -3e38 to 3e38, by default 1. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an input does not fit.
 * @example
 * const { context } = ops.dotAttention({ queries, keys: source, values: source, lengths, scale: 0.125 })
 */
export function dotAttention(attentionInputs: AttentionInputs & { scale?: number }): AttentionResult {
  const inputs = readDot(attentionInputs, 'the inputs of dotAttention')
  const { queries, keys, values, lengths, scale = 1 } = inputs
  return attend('dotAttention', inputs, [queries, keys, values, lengths], [scale])
}

/**
 * Records additive attention (Bahdanau, Cho, Bengio 2015): scores v . tanh(q + k), the softmax over the source, and the weighted sum of the
 * values. Queries and keys are projections; v is a parameter [A]. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an input does not fit.
 * @example
 * const { context } = ops.additiveAttention({ queries, keys, v, values: source, lengths })
 */
export function additiveAttention(attentionInputs: AttentionInputs & { v: Tensor }): AttentionResult {
  const inputs = readAdditive(attentionInputs, 'the inputs of additiveAttention')
  const { queries, keys, v, values, lengths } = inputs
  expectShape('additiveAttention', 'v', v, 'f32', [lastDim(queries)])
  return attend('additiveAttention', inputs, [queries, keys, v, values, lengths], [])
}

function attend(
  op: 'dotAttention' | 'additiveAttention',
  { queries, keys, values, lengths }: AttentionInputs,
  inputs: readonly Tensor[],
  attributes: readonly number[]
): AttentionResult {
  expectShape(op, 'queries', queries, 'f32', [-1, -1, -1])
  const [steps, batch, size] = queries.shape as [number, number, number]
  expectShape(op, 'keys', keys, 'f32', [-1, batch, size])
  expectShape(op, 'values', values, 'f32', [keys.shape[0]!, batch, -1])
  expectShape(op, 'lengths', lengths, 'i32', [batch])
  const [context, weights] = queries.graph.record(
    op,
    inputs,
    [
      { dtype: 'f32', shape: [steps, batch, lastDim(values)] },
      { dtype: 'f32', shape: [steps, batch, keys.shape[0]!], optional: true }
    ],
    attributes
  )
  return { context: context!, weights: weights! }
}
