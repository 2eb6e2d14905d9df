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
