// Losses: cross-entropy of classes, alignment and mixture densities, and the mixture's sampler. Recorded and checked as in ops.ts, which exports them.

import { integer, list, number, object, options as optionsOf, optional, nullable } from '../../check/index.js'
import { GatecellError, isRevoked } from '../../errors.js'
import { expectNumber, expectRows, expectShape, expectType, lastDim, withLast } from '../check.js'
import { MAX_ELEMENTS, showShape } from '../shape.js'
import { weightedLoss } from './weighted.js'
import { tensor, tensorOrNull, type Tensor } from '../graph.js'

export interface CrossEntropyOptions {
  /** Targets of this value do not count: an int32; default -1. Other targets must be from 0 to V - 1. */
  ignoreIndex?: number
  /** Weight of each class, V numbers of 0 or more, or a tensor f32 [V]; no gradient flows to it. Default: 1 each. */
  weights?: readonly number[] | Tensor | null
  /**
   * Weight of each target, f32 of the shape of the targets, finite and 0 or more; no gradient flows to it. The loss is then the weighted mean,
   * and a target of weight 0 has no part in it. Default: 1 each. Without a kernel for the GPU.
   */
  rowWeights?: Tensor | null
  /** Share of a target's probability that is spread evenly over all classes, from 0 to 1; default 0. */
  labelSmoothing?: number
}

/** Of one class. */
const weightOf = number(0, 1e30)
const readCrossEntropy = optionsOf<CrossEntropyOptions>({
  ignoreIndex: optional(integer(-(2 ** 31), 2 ** 31 - 1)),
  weights: optional(
    nullable((value, name) => (!isRevoked(value) && Array.isArray(value) ? list(weightOf) : tensor)(value, name))
  ),
  rowWeights: optional(tensorOrNull),
  labelSmoothing: optional(number(0, 1))
})

/**
 * logits [..., V], targets i32 [...] -> [2]: mean nats over the counted targets, and their count, or with class weights
 * the sum of their weights. The softmax is inside. As torch.nn.functional.cross_entropy with reduction 'mean': the mean
 * divides by the sum of the counted targets' weights; with smoothing e a target y has the loss
 * (1 - e) w_y nats(y) + e / V * (sum over classes j of w_j nats(j)). If nothing counts, the loss is 0. Throws
 * ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an option does not fit; a target or class weight out of range fails the run
 * with ERR_OUT_OF_RANGE.
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const {
    ignoreIndex = -1,
    weights = null,
    rowWeights = null,
    labelSmoothing = 0
  } = readCrossEntropy(options, 'the options of crossEntropy')
  expectType('crossEntropy', 'logits', logits, 'f32')
  expectShape('crossEntropy', 'targets', targets, 'i32', logits.shape.slice(0, -1))
  const plain = ignoreIndex === -1 && labelSmoothing === 0
  const inputs: (Tensor | null)[] = [logits, targets]
  if (weights !== null || rowWeights !== null) inputs.push(weights === null ? null : classWeights(logits, weights))
  if (rowWeights !== null) {
    expectShape('crossEntropy', 'rowWeights', rowWeights, 'f32', targets.shape)
    inputs.push(rowWeights)
  }
  const attributes = plain ? [] : [ignoreIndex + 1, labelSmoothing]
  return logits.graph.record('crossEntropy', inputs, [{ dtype: 'f32', shape: [2] }], attributes)[0]!
}

function classWeights(logits: Tensor, weights: readonly number[] | Tensor): Tensor {
  const classes = lastDim(logits)
  if (!Array.isArray(weights)) {
    expectShape('crossEntropy', 'weights', weights as Tensor, 'f32', [classes])
    return weights as Tensor
  }
  const values = weights as readonly number[]
  if (values.length !== classes) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `crossEntropy: expected weights for ${classes} classes but received ${values.length}: pass one weight for each class.`
    )
  }
  return logits.graph.constant(values)
}

export interface CtcInputs {
  /** `[T, B, K]`: K symbols, the blank among them; the softmax is inside. */
  logits: Tensor
  /** i32 [B, L]: labels of each row, without blanks; elements after a row's length are not read. */
  targets: Tensor
  /** i32 [B]: steps of each row, 0 to T. */
  inputLengths: Tensor
  /** i32 [B]: labels of each row, 0 to L. */
  targetLengths: Tensor
  /** Index of the blank; default 0. */
  blank?: number
  /**
   * Weight of each row, f32 [B], 0 or more; 0 for rows without steps. `loss` is then the weighted mean of the rows and the sum of the weights.
   * Default: 1 for each row that has a step. Without a kernel for the GPU.
   */
  weights?: Tensor | null
}

const readCtc = object<CtcInputs>({
  logits: tensor,
  targets: tensor,
  inputLengths: tensor,
  targetLengths: tensor,
  blank: optional(integer(0, MAX_ELEMENTS)),
  weights: optional(tensorOrNull)
})

/**
 * Connectionist temporal classification (Graves et al. 2006): minus the log-probability of each row's labels, summed over
 * all alignments. `loss` `[2]`: the plain mean in nats over the rows that have at least one step, their count; `rows` `[B]`:
 * nats of each row. The gradient is exactly zero after a row's length, and no finite logits give an infinite loss.
 * A row with fewer steps than `ctcNeeds(labels)` fails the run with ERR_INVALID_ARGUMENT, which names the row.
 */
export function ctcLoss(ctcInputs: CtcInputs): { loss: Tensor; rows: Tensor } {
  const {
    logits,
    targets,
    inputLengths,
    targetLengths,
    blank = 0,
    weights = null
  } = readCtc(ctcInputs, 'the inputs of ctcLoss')
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
  return { loss: weights === null ? loss! : weightedLoss('ctcLoss', rows!, weights, 1), rows: rows! }
}

/** Columns of a mixture density layer of M Gaussians: end of stroke, then pi, mu1, mu2, sigma1, sigma2, rho of each. */
export function mixtureColumns(gaussians: number): number {
  expectNumber('mixtureDensity', 'the number of Gaussians', gaussians, 1, 2 ** 20, true)
  return 6 * gaussians + 1
}

const readMixture = optionsOf<{ weights?: Tensor | null; clip?: number }>({
  weights: tensorOrNull,
  clip: optional(number(0, 1e30))
})

function expectMixture(op: string, y: Tensor): void {
  expectType(op, 'y', y, 'f32')
  if (lastDim(y) % 6 === 1 && lastDim(y) >= 7) return
  throw new GatecellError(
    'ERR_INVALID_SHAPE',
    `${op}: expected y of shape [..., 6M + 1] for M Gaussians but received ${showShape(y.shape)}: make a linear layer of that size.`
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
  const { weights = null, clip = 0 } = readMixture(options, 'the options of mixtureDensity')
  expectMixture('mixtureDensity', y)
  expectShape('mixtureDensity', 'targets', targets, 'f32', withLast(y.shape, 3))
  if (weights !== null) expectShape('mixtureDensity', 'weights', weights, 'f32', rowsOf(y))
  return y.graph.record('mixtureDensity', [y, targets, weights], [{ dtype: 'f32', shape: [2] }], [clip])[0]!
}

/**
 * y as for `mixtureDensity`, control f32 [4] = {bias (0: none; Graves 2013, equations 61 and 62), 0, 0, 0} -> points
 * `[..., 3]`: dx, dy, end of stroke (0 or 1); a function of (seed; stream, step, row). `rows` and a control [R, 4] are as for `sample`.
 * Has no gradient.
 */
export function mixtureSample(y: Tensor, control: Tensor, stream: number, rows: Tensor | null = null): Tensor {
  expectMixture('mixtureSample', y)
  expectRows('mixtureSample', y, control, rows)
  expectNumber('mixtureSample', 'stream', stream, 0, MAX_ELEMENTS, true)
  return y.graph.record(
    'mixtureSample',
    [y, control, rows],
    [{ dtype: 'f32', shape: withLast(y.shape, 3) }],
    [stream]
  )[0]!
}

function rowsOf(tensor: Tensor): readonly number[] {
  return tensor.shape.length === 1 ? [1] : tensor.shape.slice(0, -1)
}
