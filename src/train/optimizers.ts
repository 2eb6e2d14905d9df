// Optimizers: their options with defaults, and the writing of the options into the control block of a plan. The updates are native
// (native/kernels/shared/elementwise.inl). docs/conventions.md lists the differences from torch.optim.

import { boolean, choice, number, object, optional } from '../check/index.js'
import { expected } from '../errors.js'
import type { Control } from '../graph/control.js'
import type { OptimizerName } from '../graph/opcodes.js'
import type { MomentGroup } from '../graph/parameter-groups.js'

/**
 * An optimizer and its settings; a setting of another kind is refused. The default of a trainer is `{ kind: 'adam' }`.
 * @example
 * createTrainer(model, data, { optimizer: { kind: 'adamw', learningRate: 1e-3, weightDecay: 0.1 } })
 */
export interface Optimizer {
  /** Stochastic gradient descent, RMSprop (Tieleman and Hinton 2012), Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019). */
  kind: 'sgd' | 'rmsprop' | 'adam' | 'adamw'
  /** Peak rate, 0 to 1000; the schedule multiplies it by a factor from 0 to 1. Default 0.002, for SGD 0.1. */
  learningRate?: number
  /** SGD: momentum, 0 to below 1; default 0. */
  momentum?: number
  /** SGD: Nesterov's momentum, w -= rate * (g + momentum * v); needs a momentum above 0. Default false. */
  nesterov?: boolean
  /** RMSprop: decay of the mean square, 0 to below 1; default 0.99. */
  alpha?: number
  /** Adam, AdamW: decay of the first moment, 0 to below 1; default 0.9. */
  beta1?: number
  /** Adam, AdamW: decay of the second moment, 0 to below 1; default 0.999. */
  beta2?: number
  /** RMSprop, Adam, AdamW: added to the root of the second moment, 0 to 1; default 1e-8. */
  epsilon?: number
  /**
   * Adam, AdamW: whether to divide by the largest second moment so far instead of the present one (Reddi et al. 2018). Takes memory for one
   * more array of the size of the weights. Default false.
   */
  amsgrad?: boolean
  /**
   * Weight decay, 0 to 1000. AdamW: decoupled (Loshchilov and Hutter 2019), weights are multiplied by 1 - rate *
   * weightDecay; default 0.01. SGD, RMSprop, Adam: L2, weightDecay * weight is added to the clipped gradient; default 0.
   */
  weightDecay?: number
  /** The parameters that `weightDecay` applies to: those of rank 2 (weights and embeddings), or all. Default 'matrices'. */
  decays?: 'matrices' | 'all'
}

const allowed: Record<Optimizer['kind'], readonly (keyof Optimizer)[]> = {
  sgd: ['momentum', 'nesterov', 'weightDecay', 'decays'],
  rmsprop: ['alpha', 'epsilon', 'weightDecay', 'decays'],
  adam: ['beta1', 'beta2', 'epsilon', 'amsgrad', 'weightDecay', 'decays'],
  adamw: ['beta1', 'beta2', 'epsilon', 'amsgrad', 'weightDecay', 'decays']
}

const rate = optional(number(0, 0.9999999))
const readOptimizer = object<Optimizer>({
  kind: choice(...(Object.keys(allowed) as Optimizer['kind'][])),
  learningRate: optional(number(0, 1e3)),
  momentum: rate,
  nesterov: optional(boolean),
  alpha: rate,
  beta1: rate,
  beta2: rate,
  epsilon: optional(number(0, 1)),
  amsgrad: optional(boolean),
  weightDecay: optional(number(0, 1e3)),
  decays: optional(choice('matrices', 'all'))
})

/** Returns the update that a plan is compiled with for `optimizer`. */
export function updateOf({ kind, amsgrad = false }: Pick<Optimizer, 'kind' | 'amsgrad'>): OptimizerName {
  return amsgrad ? 'amsgrad' : kind
}

/** Returns the moments that an optimizer keeps: those a checkpoint needs. */
export function momentsOf({ kind, amsgrad = false }: Pick<Optimizer, 'kind' | 'amsgrad'>): MomentGroup[] {
  if (kind === 'sgd' || kind === 'rmsprop') return ['moment1']
  return amsgrad ? ['moment1', 'moment2', 'moment3'] : ['moment1', 'moment2']
}

/** Returns the moments that are means of squares: never negative, because the update takes their roots. */
export function squaresOf(optimizer: OptimizerName): readonly MomentGroup[] {
  if (optimizer === 'sgd') return []
  return optimizer === 'rmsprop' ? ['moment1'] : ['moment2', 'moment3']
}

/**
 * Returns `optimizer` with its defaults. Throws ERR_INVALID_ARGUMENT if the kind is unknown, if an option belongs to
 * another kind, if a value is out of range, or if `nesterov` is set without momentum.
 */
export function checkOptimizer(optimizer: Optimizer): Required<Optimizer> {
  const given = readOptimizer(optimizer, 'the optimizer')
  const { kind } = given
  const own = allowed[kind]
  const foreign = Object.keys(given).find((key) => !['kind', 'learningRate', ...own].includes(key))
  if (foreign !== undefined) {
    const wanted = `${own.join(', ')} as settings of ${kind}`
    throw expected('ERR_INVALID_ARGUMENT', wanted, foreign, 'leave it out, or choose another optimizer')
  }
  const full = {
    learningRate: kind === 'sgd' ? 0.1 : 2e-3,
    momentum: 0,
    nesterov: false,
    alpha: 0.99,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    amsgrad: false,
    weightDecay: kind === 'adamw' ? 0.01 : 0,
    decays: 'matrices' as const,
    ...given
  }
  if (full.nesterov && full.momentum === 0)
    throw expected('ERR_INVALID_ARGUMENT', 'a momentum above 0 with nesterov', '0', 'set momentum, for instance to 0.9')
  return full
}

/** Writes all settings except the learning rate into a control block. */
export function applyOptimizer(optimizer: Required<Optimizer>, control: Control): void {
  const { kind, weightDecay } = optimizer
  control.beta1 = kind === 'sgd' ? optimizer.momentum : kind === 'rmsprop' ? optimizer.alpha : optimizer.beta1
  control.beta2 = optimizer.beta2
  control.epsilon = optimizer.epsilon
  control.weightDecay = kind === 'adamw' ? weightDecay : 0
  control.l2 = kind === 'adamw' ? 0 : weightDecay
  control.nesterov = optimizer.nesterov ? 1 : 0
  control.decayAll = optimizer.decays === 'all' ? 1 : 0
}
