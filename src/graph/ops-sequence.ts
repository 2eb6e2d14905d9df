// Ops over sequences: losses that align or mix, windows and attention. Recorded and checked as in ops.ts, which exports them.

import { GatecellError } from '../errors.js'
import { expectNumber, expectShape, expectType, lastDim, withLast } from './check.js'
import { MAX_ELEMENTS, showShape, type Tensor } from './tensor.js'

export interface CtcInputs {
  /** [T, B, K]: K symbols, the blank among them; the softmax is inside. */
  logits: Tensor
  /** i32 [B, L]: labels of each row, without blanks; what stands behind a row's length is not looked at. */
  targets: Tensor
  /** i32 [B]: steps of each row, 0 to T. */
  inputLengths: Tensor
  /** i32 [B]: labels of each row, 0 to L. */
  targetLengths: Tensor
  /** Index of the blank; default 0. */
  blank?: number
}

/**
 * Connectionist temporal classification (Graves et al. 2006): minus the log-probability of each row's labels, summed over
 * all alignments. `loss` [2]: the plain mean in nats over the rows that have at least one step, their count; `rows` [B]:
 * nats of each row. The gradient is exactly zero behind a row's length, and no finite logits give an infinite loss.
 * A row with fewer steps than `ctcNeeds(labels)` fails the run with ERR_INVALID_ARGUMENT, which names the row.
 */
export function ctcLoss(inputs: CtcInputs): { loss: Tensor; rows: Tensor } {
  const { logits, targets, inputLengths, targetLengths, blank = 0 } = inputs
  expectShape('ctcLoss', 'logits', logits, 'f32', [-1, -1, -1])
  const batch = logits.shape[1]!
  expectShape('ctcLoss', 'targets', targets, 'i32', [batch, -1])
  expectShape('ctcLoss', 'inputLengths', inputLengths, 'i32', [batch])
  expectShape('ctcLoss', 'targetLengths', targetLengths, 'i32', [batch])
  expectNumber('ctcLoss', 'blank', blank, 0, lastDim(logits) - 1, true)
  const [loss, rows] = logits.graph.record(
    'ctc',
    [logits, targets, inputLengths, targetLengths],
    [
      { dtype: 'f32', shape: [2] },
      { dtype: 'f32', shape: [batch], optional: true }
    ],
    [blank]
  )
  return { loss: loss!, rows: rows! }
}

/** Columns of a mixture density layer of M Gaussians: end of stroke, then pi, mu1, mu2, sigma1, sigma2, rho of each. */
export function mixtureColumns(gaussians: number): number {
  expectNumber('mixtureDensity', 'the number of Gaussians', gaussians, 1, 2 ** 20, true)
  return 6 * gaussians + 1
}

function expectMixture(op: string, y: Tensor): void {
  expectType(op, 'y', y, 'f32')
  if (lastDim(y) % 6 === 1 && lastDim(y) >= 7) return
  throw new GatecellError(
    'ERR_INVALID_SHAPE',
    `${op}: expected y of shape [..., 6M + 1] for M Gaussians but received ${showShape(y.shape)}.`
  )
}

/**
 * Mixture density loss of pen points (Graves 2013, equations 15 to 37). y [..., 6M + 1]: raw outputs by kind, end | pi[M] |
 * mu1[M] | mu2[M] | sigma1[M] | sigma2[M] | rho[M]: end is a logit (its sign is the opposite of equation 18), pi are logits,
 * sigma logarithms of the deviations, rho inverse hyperbolic tangents of the correlations. targets [..., 3]: dx, dy and
 * 1 where a stroke ends, else 0. weights [...]: 0 or more for each row, 0 leaves it out whatever it holds; default 1.
 * `clip`: bound of each component of a row's gradient before the mean (Graves takes 100); 0: none.
 * -> [2]: weighted mean of the rows' nats, sum of the weights. Any finite y gives a finite loss.
 */
export function mixtureDensity(
  y: Tensor,
  targets: Tensor,
  options: { weights?: Tensor | null; clip?: number } = {}
): Tensor {
  const { weights = null, clip = 0 } = options
  expectMixture('mixtureDensity', y)
  expectShape('mixtureDensity', 'targets', targets, 'f32', withLast(y.shape, 3))
  if (weights) expectShape('mixtureDensity', 'weights', weights, 'f32', rowsOf(y))
  expectNumber('mixtureDensity', 'clip', clip, 0, 1e30)
  return y.graph.record('mixtureDensity', [y, targets, weights], [{ dtype: 'f32', shape: [2] }], [clip])[0]!
}

/**
 * y as for `mixtureDensity`, control f32 [4] = {bias (0: none; Graves 2013, equations 61 and 62), 0, 0, 0} -> points
 * [..., 3]: dx, dy, end of stroke (0 or 1); a function of (seed; stream, step, row). Has no gradient.
 */
export function mixtureSample(y: Tensor, control: Tensor, stream: number): Tensor {
  expectMixture('mixtureSample', y)
  expectShape('mixtureSample', 'control', control, 'f32', [4])
  expectNumber('mixtureSample', 'stream', stream, 0, MAX_ELEMENTS, true)
  return y.graph.record('mixtureSample', [y, control], [{ dtype: 'f32', shape: withLast(y.shape, 3) }], [stream])[0]!
}

function rowsOf(tensor: Tensor): readonly number[] {
  return tensor.shape.length === 1 ? [1] : tensor.shape.slice(0, -1)
}

export interface WindowInputs {
  /** [T, B, 3K]: alpha^[K] | beta^[K] | kappa^[K] of K Gaussians; their exponentials are taken. */
  raw: Tensor
  /** i32 [B, U] ids, each a one-hot vector of `width`; or f32 [B, U, C], vectors of the caller's, for instance embedded. */
  chars: Tensor
  /** i32 [B]: characters of each row, 0 to U. */
  lengths: Tensor
  /** Width C of one-hot vectors; for ids alone. */
  width?: number
  /** [B, K]: where the window stood before; absent: 0, before the first character. */
  kappa0?: Tensor | null
}

/**
 * The soft window over characters (Graves 2013, equations 46 to 51): w [T, B, C], the sum over u = 1 ... U of phi(t, u) c_u
 * with phi(t, u) = sum over k of alpha exp(-beta (kappa - u)^2), where kappa grows by exp(kappa^) a step; kappa [B, K] after
 * the last step; phi [T, B, U]. T may be 1, to unroll a recurrence; `windowLstm` has the usual one in one op.
 */
export function softWindow(inputs: WindowInputs): { window: Tensor; kappa: Tensor; phi: Tensor } {
  const { raw, chars, lengths, kappa0 = null } = inputs
  expectShape('softWindow', 'raw', raw, 'f32', [-1, -1, -1])
  const [steps, batch, columns] = raw.shape as [number, number, number]
  expectThirds('softWindow', 'raw', raw, columns)
  const width = windowWidth('softWindow', chars, lengths, batch, inputs.width)
  if (kappa0) expectShape('softWindow', 'kappa0', kappa0, 'f32', [batch, columns / 3])
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
    `${op}: expected 3K for K Gaussians in ${what} but received ${showShape(tensor.shape)}.`
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
  /** [4H, I + C], gate order i, f, g, o; the window's columns behind those of x */
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

export interface WindowLstmResult {
  /** [T, B, H] */
  y: Tensor
  /** [T, B, C]: the window of each step, for the layers above. */
  window: Tensor
  /** After the last step: [B, H], [B, H], [B, K], [B, C]. */
  h: Tensor
  c: Tensor
  kappa: Tensor
  lastWindow: Tensor
  /** [T, B, U]: what each step looked at. */
  phi: Tensor
}

/**
 * An LSTM layer that reads its input and the soft window of the step before, which its own state moves over the characters
 * (Graves 2013, section 5.1), over a whole sequence in one op. Its products are float32 in plans of every precision.
 */
export function windowLstm(inputs: WindowLstmInputs): WindowLstmResult {
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
