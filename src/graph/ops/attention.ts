// Ops that look from one sequence at another: soft windows and attention. Recorded and checked as in ops.ts, which exports them.

import { integer, number, object, optional, type Fields } from '../../check/index.js'
import { GatecellError } from '../../errors.js'
import { expectNumber, expectShape, lastDim } from '../check.js'
import { showShape } from '../shape.js'
import { tensor, tensorOrNull, type Tensor } from '../graph.js'

export interface WindowInputs {
  /** `[T, B, 3K]`: alpha^[K] | beta^[K] | kappa^[K] of K Gaussians; their exponentials are taken. */
  raw: Tensor
  /** i32 [B, U] ids, each a one-hot vector of `width`; or f32 [B, U, C], vectors of the caller's, for instance embedded. */
  chars: Tensor
  /** i32 [B]: characters of each row, 0 to U. */
  lengths: Tensor
  /** Width C of one-hot vectors; only for ids. */
  width?: number
  /** `[B, K]`: where the window stood before; absent: 0, before the first character. */
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
 * The soft window over characters (Graves 2013, equations 46 to 51): w [T, B, C], the sum over u = 1 ... U of phi(t, u) c_u
 * with phi(t, u) = sum over k of alpha exp(-beta (kappa - u)^2), where kappa grows by exp(kappa^) a step; kappa [B, K] after
 * the last step; phi [T, B, U]. T may be 1, to unroll a recurrence; `windowLstm` has the usual one in one op.
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
  throw new GatecellError(
    'ERR_INVALID_SHAPE',
    `${op}: expected 3K for K Gaussians in ${what} but received ${showShape(tensor.shape)}: make its last dimension a multiple of 3.`
  )
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

export interface WindowLstmInputs extends Omit<WindowInputs, 'raw'> {
  /** [T, B, I] */
  x: Tensor
  /** [4H, I + C], gate order i, f, g, o; the window's columns after those of x */
  weightIh: Tensor
  /** [4H, H] */
  weightHh: Tensor
  /** [3K, H] and [3K]: from the state to the window's raw outputs */
  weightWindow: Tensor
  biasWindow: Tensor
  biasIh?: Tensor | null
  biasHh?: Tensor | null
  /** Where the sequence goes on: states [B, H], window [B, C]; absent: zeros. */
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

export interface WindowLstmResult {
  /** [T, B, H] */
  y: Tensor
  /** `[T, B, C]`: the window of each step, for the layers above. */
  window: Tensor
  /** After the last step: [B, H], [B, H], [B, K], [B, C]. */
  h: Tensor
  c: Tensor
  kappa: Tensor
  lastWindow: Tensor
  /** `[T, B, U]`: what each step looked at. */
  phi: Tensor
}

/**
 * An LSTM layer that reads its input and the soft window of the step before, which its own state moves over the characters
 * (Graves 2013, section 5.1), over a whole sequence in one op. Its products are float32 in plans of every precision.
 */
export function windowLstm(lstmInputs: WindowLstmInputs): WindowLstmResult {
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

export interface AttentionInputs {
  /** `[T, B, A]`: what each target step asks; T may be 1, in decoding. */
  queries: Tensor
  /** `[S, B, A]`: what it is compared with. */
  keys: Tensor
  /** `[S, B, V]`: what it gets; often the keys. */
  values: Tensor
  /** i32 [B]: source steps of each row, 0 to S; a row of none gets zeros. */
  lengths: Tensor
}

const ofAttention: Fields<AttentionInputs> = { queries: tensor, keys: tensor, values: tensor, lengths: tensor }
const readDot = object<AttentionInputs & { scale?: number }>({ ...ofAttention, scale: optional(number(-3e38, 3e38)) })
const readAdditive = object<AttentionInputs & { v: Tensor }>({ ...ofAttention, v: tensor })

export interface AttentionResult {
  /** [T, B, V] */
  context: Tensor
  /** `[T, B, S]`: shares of the source's steps, which sum to 1; exactly 0 after a row's length. */
  weights: Tensor
}

/** Scores scale * q . k ("dot" of Luong, Pham, Manning 2015), softmax over the source, weighted sum of the values. */
export function dotAttention(attentionInputs: AttentionInputs & { scale?: number }): AttentionResult {
  const inputs = readDot(attentionInputs, 'the inputs of dotAttention')
  const { queries, keys, values, lengths, scale = 1 } = inputs
  return attend('dotAttention', inputs, [queries, keys, values, lengths], [scale])
}

/**
 * Scores v . tanh(q + k) (Bahdanau, Cho, Bengio 2015), softmax over the source, weighted sum of the values. Queries and keys
 * come projected, the keys once for all target steps; v: a parameter [A].
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
