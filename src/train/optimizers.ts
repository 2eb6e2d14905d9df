// Optimisers: options with PyTorch's defaults, and how they go into a plan's control block. The updates are native.

import { GatecellError } from '../errors.js'
import { expectNumber } from '../graph/check.js'
import type { Control } from '../graph/control.js'
import type { OptimizerName } from '../graph/opcodes.js'
import type { ParameterGroup } from '../graph/parameters.js'

export interface Optimizer {
  kind: OptimizerName
  /** Peak rate; the schedule multiplies it by a factor from 0 to 1. Default 2e-3; 1e-1 for SGD. */
  learningRate?: number
  /** SGD; default 0. */
  momentum?: number
  /** RMSprop's decay of the mean square; default 0.99. */
  alpha?: number
  /** Adam, AdamW; defaults 0.9 and 0.999. */
  beta1?: number
  beta2?: number
  /** RMSprop, Adam, AdamW; default 1e-8. */
  epsilon?: number
  /** AdamW: decoupled decay of the matrices (Loshchilov and Hutter 2019); default 0.01. */
  weightDecay?: number
}

const allowed: Record<OptimizerName, readonly (keyof Optimizer)[]> = {
  sgd: ['momentum'],
  rmsprop: ['alpha', 'epsilon'],
  adam: ['beta1', 'beta2', 'epsilon'],
  adamw: ['beta1', 'beta2', 'epsilon', 'weightDecay']
}

/** The moments an optimiser keeps: those a checkpoint needs. */
export function momentsOf({ kind }: Optimizer): ParameterGroup[] {
  return kind === 'sgd' || kind === 'rmsprop' ? ['moment1'] : ['moment1', 'moment2']
}

/** Fills in the defaults; throws ERR_INVALID_ARGUMENT for an unknown kind, a setting of another kind or a value out of range. */
export function checkOptimizer(optimizer: Optimizer): Required<Optimizer> {
  const { kind } = optimizer
  const own = Object.hasOwn(allowed, kind) ? allowed[kind] : null
  if (!own) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected ${Object.keys(allowed).join(', ')} as optimizer but received ${String(kind)}.`
    )
  }
  const foreign = Object.keys(optimizer).find((key) => !['kind', 'learningRate', ...own].includes(key))
  if (foreign !== undefined) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected ${own.join(', ')} as settings of ${kind} but received ${foreign}.`
    )
  }
  const defaults = {
    learningRate: kind === 'sgd' ? 0.1 : 2e-3,
    momentum: 0,
    alpha: 0.99,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8
  }
  const full = { ...defaults, weightDecay: kind === 'adamw' ? 0.01 : 0, ...optimizer }
  expectNumber(kind, 'learningRate', full.learningRate, 0, 1e3)
  for (const name of ['momentum', 'alpha', 'beta1', 'beta2'] as const)
    expectNumber(kind, name, full[name], 0, 0.9999999)
  expectNumber(kind, 'epsilon', full.epsilon, 0, 1)
  expectNumber(kind, 'weightDecay', full.weightDecay, 0, 1e3)
  return full
}

/** Writes everything but the learning rate into a control block. */
export function applyOptimizer(optimizer: Required<Optimizer>, control: Control): void {
  const { kind } = optimizer
  control.beta1 = kind === 'sgd' ? optimizer.momentum : kind === 'rmsprop' ? optimizer.alpha : optimizer.beta1
  control.beta2 = optimizer.beta2
  control.epsilon = optimizer.epsilon
  control.weightDecay = optimizer.weightDecay
}
