// The activation functions of recurrent cells, as callers write them and as attributes of an op.

import { choice, number, object, optional, type Check } from '../../check/index.js'
import { expected } from '../../errors.js'
import { activationCodes } from '../op-list.js'
import type { OpName } from '../opcodes.js'

/** The name of an activation function of a recurrent cell. */
export type ActivationName =
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'hardSigmoid'
  | 'affine'
  | 'leakyRelu'
  | 'thresholdedRelu'
  | 'scaledTanh'
  | 'elu'
  | 'softsign'
  | 'softplus'

/**
 * An activation function of a recurrent cell, by name, or with its parameters:
 *
 * | name | value | alpha, beta by default |
 * |---|---|---|
 * | sigmoid, tanh, relu | | |
 * | hardSigmoid | max(0, min(1, alpha x + beta)) | 0.2, 0.5, as in ONNX; 1 / 6, 0.5 in Keras 3 and PyTorch |
 * | affine | alpha x + beta | 1, 0 |
 * | leakyRelu | alpha x below 0, else x | 0.01 |
 * | thresholdedRelu | x above alpha, else 0 | 1 |
 * | scaledTanh | alpha tanh(beta x) | 1, 1 |
 * | elu | alpha (exp(x) - 1) below 0, else x | 1 |
 * | softsign | x / (1 + \|x\|) | |
 * | softplus | log(1 + exp(x)) | |
 */
export type Activation = ActivationName | { name: ActivationName; alpha?: number; beta?: number }

const defaults: Partial<Record<ActivationName, { alpha: number; beta: number }>> = {
  hardSigmoid: { alpha: 0.2, beta: 0.5 },
  affine: { alpha: 1, beta: 0 },
  leakyRelu: { alpha: 0.01, beta: 0 },
  thresholdedRelu: { alpha: 1, beta: 0 },
  scaledTanh: { alpha: 1, beta: 1 },
  elu: { alpha: 1, beta: 0 }
}

const codes: Record<ActivationName, { code: number; parameters: number }> = activationCodes
const names = Object.keys(codes) as ActivationName[]
const name = choice(...names)
const parameter = number(-3e38, 3e38)
const whole = object<Exclude<Activation, string>>({ name, alpha: optional(parameter), beta: optional(parameter) })

/** Checks an activation function. */
export const activation: Check<Activation> = (value, what) =>
  typeof value === 'string' ? name(value, what) : whole(value, what)

/**
 * Returns the attributes of an op for these functions: number, alpha and beta of each, and zeros for a function that is not given. Throws
 * ERR_INVALID_ARGUMENT if a parameter is given to a function that does not have it.
 */
export function activationAttributes(op: OpName, functions: readonly (Activation | undefined)[]): number[] {
  return functions.flatMap((value) => {
    if (value === undefined) return [0, 0, 0]
    const { name, ...given } = typeof value === 'string' ? { name: value } : value
    const { code, parameters } = codes[name]
    const known = ['alpha', 'beta'].slice(0, parameters)
    for (const [parameter, size] of Object.entries(given)) {
      if (size === undefined || known.includes(parameter)) continue
      const wanted = `${name} of ${op} with ${known.length > 0 ? `only ${known.join(' and ')}` : 'no parameters'}`
      throw expected('ERR_INVALID_ARGUMENT', wanted, parameter, `leave out ${parameter}`)
    }
    const { alpha, beta } = { alpha: 0, beta: 0, ...defaults[name], ...given }
    return [code, alpha, beta]
  })
}
