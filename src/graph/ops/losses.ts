// Losses: cross-entropy of classes, connectionist temporal classification, mixture densities, and the draw from a mixture. index.ts exports them.

import { integer, list, number, object, options as optionsOf, optional, nullable } from '../../check/index.js'
import { expected, isRevoked } from '../../errors.js'
import { expectNumber, expectRows, expectShape, expectType, lastDim, withLast } from '../check.js'
import { MAX_ELEMENTS, showShape } from '../shape.js'
import { weightedLoss } from './weighted.js'
import { tensor, tensorOrNull, type Tensor } from '../graph.js'

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Targets of this value, an int32, are not counted; default -1. Other targets must be from 0 to V - 1. */
  ignoreIndex?: number
  /** Weight of each class, V numbers of 0 or more, or a tensor f32 [V]; no gradient flows to it. Default: 1 each. */
  weights?: readonly number[] | Tensor | null
  /**
   * Weight of each target, f32 of the shape of the targets, finite and 0 or more; no gradient flows to it. The loss is then the weighted mean,
   * and a target of weight 0 has no part in it. Default: 1 each.
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
 * Records the cross-entropy of classes: logits [..., V] and targets, int32 [...], give `[2]`: the mean in nats over the counted targets, and
 * their number, or with class weights the sum of their weights. The softmax is part of the op. The values are those of
 * torch.nn.functional.cross_entropy with reduction 'mean': the mean divides by the sum of the counted targets' weights; with label smoothing
 * e, a target y has the loss (1 - e) w_y nats(y) + e / V * (sum over classes j of w_j nats(j)). The loss is 0 if no target is counted. Throws
 * ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an argument does not fit; a run throws ERR_OUT_OF_RANGE if a target or class weight is out of
 * range.
 * @example
 * defineModel({ ...definition, loss: ({ logits }, { targets }) => crossEntropy(logits, targets, { labelSmoothing: 0.1 }) })
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
    const wanted = `weights of crossEntropy for ${classes} classes`
    throw expected('ERR_INVALID_SHAPE', wanted, `${values.length}`, 'pass one weight for each class')
  }
  return logits.graph.constant(values)
}

/** Inputs of `ctcLoss`: T steps, B rows, K symbols, L largest number of labels. */
export interface CtcInputs {
  /** `[T, B, K]`: K symbols, the blank among them. The softmax is part of the op. */
  logits: Tensor
  /** i32 `[B, L]`: labels of each row, without blanks; elements after a row's length are not read. */
  targets: Tensor
  /** i32 `[B]`: steps of each row, 0 to T. */
  inputLengths: Tensor
  /** i32 `[B]`: labels of each row, 0 to L. */
  targetLengths: Tensor
  /** Index of the blank; default 0. */
  blank?: number
  /**
   * Weight of each row, f32 [B], 0 or more; 0 for rows without steps. `loss` is then the weighted mean of the rows and the sum of the weights.
   * Default: 1 for each row that has a step.
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
 * Records the loss of connectionist temporal classification (Graves et al. 2006): minus the logarithm of the probability of each row's
 * labels, which is the sum over all alignments. Returns `loss` [2], the mean in nats over the rows that have at least one step, and the
 * number of these rows, and `rows` [B], the nats of each row. The gradient is exactly zero after a row's length, and finite logits give a
 * finite loss. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an input does not fit; a run throws ERR_INVALID_ARGUMENT, with the number
 * of the row, if a row has fewer steps than `ctcNeeds(labels)`.
 * @example
 * defineModel({ ...definition, loss: ({ logits }, targets) => ctcLoss({ logits, ...targets }).loss })
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

/**
 * Returns the number of columns of a mixture density layer of `gaussians` Gaussians, from 1 to 2^20: the end of a stroke, and pi, mu1, mu2,
 * sigma1, sigma2 and rho of each. Throws ERR_INVALID_ARGUMENT for other numbers.
 * @example
 * const y = linear(output, { name: 'mixture', size: mixtureColumns(20) }) // 121
 */
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
  const wanted = `y of ${op} of shape [..., 6M + 1] for M Gaussians`
  throw expected('ERR_INVALID_SHAPE', wanted, showShape(y.shape), 'make a linear layer of that size')
}

/**
 * Records the mixture density loss of pen points (Graves 2013, equations 15 to 37) and returns `[2]`: the weighted mean of the rows' nats, and
 * the sum of the weights. y [..., 6M + 1] has the raw outputs by kind: end | pi[M] | mu1[M] | mu2[M] | sigma1[M] | sigma2[M] | rho[M]. The end
 * is a logit (its sign is the opposite of equation 18), pi are logits, sigma logarithms of the deviations, rho inverse hyperbolic tangents of
 * the correlations. targets [..., 3] are dx, dy and 1 if a stroke ends, else 0. `weights` [...] are 0 or more for each row, by default 1;
 * a row of weight 0 is left out, also if it has values that are not finite. `clip`, 0 to 1e30, bounds each component of a row's gradient
 * before the mean (Graves: 100); 0, the default, disables it. Finite outputs y give a finite loss. Throws ERR_INVALID_ARGUMENT or
 * ERR_INVALID_SHAPE if an argument does not fit.
 * @example
 * defineModel({ ...definition, loss: ({ y }, { points }) => mixtureDensity(y, points, { clip: 100 }) })
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
 * Records a draw of points from a mixture: y as for `mixtureDensity` and control, f32 [4] = {bias (0: none; Graves 2013, equations 61 and
 * 62), 0, 0, 0}, give points `[..., 3]`: dx, dy, and the end of the stroke, 0 or 1. The draw is a function of (seed; stream, step, row); `rows`
 * and a control [R, 4] are as for `sample`. Has no gradient. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an argument does not fit.
 * @example
 * const point = ops.mixtureSample(y, graph.input('control', [4], 'f32'), 0)
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
