// The control block: seventeen doubles that the caller of a plan and the core share (gc_control in gatecell.h).

import { integer, number, seed, type Check } from '../check/index.js'
import { createDoubles } from './arena.js'
import type { OptimizerName } from './opcodes.js'

const SIZE = 17
const results: readonly string[] = ['gradNorm', 'loss', 'applied']
const field = {
  seed: 0,
  step: 1,
  learningRate: 2,
  clipNorm: 3,
  beta1: 4,
  beta2: 5,
  epsilon: 6,
  weightDecay: 7,
  gradNorm: 8,
  loss: 9,
  applied: 10,
  average: 11,
  counted: 12,
  l2: 13,
  nesterov: 14,
  decayAll: 15,
  shard: 16
} as const

const checks: Partial<Record<string, Check<number>>> = {
  seed,
  step: integer(0),
  average: number(0, 1),
  counted: number(0),
  nesterov: integer(0, 1),
  decayAll: integer(0, 1),
  shard: integer(0)
}

/** Scalars of the runs of one plan. The core reads them when a run starts, and writes the three readonly ones when it ends. */
export interface Control {
  /** Integer in [0, 2^53): masks and samples are functions of (seed; stream, step, element). */
  seed: number
  /** Integer >= 0: number of this step, counted from 0. Adam's bias correction takes t = step + 1. */
  step: number
  /** Rate of an update, at least 0. */
  learningRate: number
  /** Global norm to which gradients are clipped; 0 disables clipping. */
  clipNorm: number
  /** Adam's beta1; SGD's momentum; RMSprop's alpha. */
  beta1: number
  /** Adam's beta2, from 0 to below 1. */
  beta2: number
  /** Added to the root of the second moment. */
  epsilon: number
  /** AdamW, AMSGrad: decoupled decay; weights are multiplied by 1 - learningRate * weightDecay. */
  weightDecay: number
  /** Every optimizer: l2 * weight is added to the clipped gradient, as torch.optim.SGD and Adam do with weight_decay. */
  l2: number
  /**
   * Share, 0 to 1, of their distance to the weights by which the averaged weights move after an update. 1 copies the weights, 0 (default)
   * leaves the average as it is. Values above 0 need `parameters.addArena('average')`; the run throws ERR_INVALID_ARGUMENT without it.
   */
  average: number
  /**
   * For runs of the mode 'accumulate': the sum of the counts of the earlier batches of the mean. Set it to 0 before the first batch; each
   * run adds the count of its loss (the second element of the loss, 1 if it has only one). For runs of the mode 'shard': after the run the
   * count of the shard; before it that of a loss with only one element.
   */
  counted: number
  /** SGD: 1 selects Nesterov's momentum, 0 the classical one. */
  nesterov: number
  /** 0: weightDecay and l2 apply to matrices only; 1: to every parameter. */
  decayAll: number
  /** For runs of the mode 'shard': the place of the shard among those of this process, in order; 0 begins a new sum of gradients. */
  shard: number
  /** Global norm of the gradients before clipping. */
  readonly gradNorm: number
  /** The first element of the loss. */
  readonly loss: number
  /** Whether the update was made; false if loss or norm was not finite. */
  readonly applied: boolean
}

/** A control block, with its seventeen doubles. */
export interface ControlBlock extends Control {
  readonly values: Float64Array
  /** Adds `steps` to `step`. Allocates nothing, unlike the check of an assignment, because every step of a stream calls it. */
  advance(steps: number): void
}

/** Defaults of a plan that is run without a trainer: those of torch.optim, except for SGD's rate (there 1e-3). */
const defaults: Record<OptimizerName, Partial<Control>> = {
  sgd: { beta1: 0, learningRate: 1e-2 },
  rmsprop: { beta1: 0.99, epsilon: 1e-8, learningRate: 1e-2 },
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, learningRate: 1e-3 },
  adamw: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, learningRate: 1e-3, weightDecay: 1e-2 },
  amsgrad: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, learningRate: 1e-3 }
}

/** Creates a control block of zeros, with the defaults of `optimizer` above. */
export function createControl(optimizer: OptimizerName | null = null): ControlBlock {
  const values = createDoubles(SIZE)
  const control = { values, advance: (steps: number) => void (values[field.step]! += steps) }
  for (const [name, index] of Object.entries(field)) {
    const get = name === 'applied' ? () => values[index] === 1 : () => values[index]
    const check = checks[name] ?? number()
    const put = (value: number) => void (values[index] = check(value, `control.${name}`))
    const set = results.includes(name) ? undefined : put
    Object.defineProperty(control, name, { enumerable: true, get, ...(set && { set }) })
  }
  return Object.assign(control as ControlBlock, optimizer && defaults[optimizer])
}
