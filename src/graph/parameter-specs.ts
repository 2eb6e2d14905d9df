// Parameters that a recording asks for: their names, shapes and first values.

import { string, syncFunction } from '../check/index.js'
import { GatecellError } from '../errors.js'
import type { Initializer } from './initializers.js'
import { checkShape, sameShape, showShape, type Shape } from './shape.js'

export interface ParameterSpec {
  readonly name: string
  readonly shape: Shape
  readonly initialize: Initializer
}

const PARAMETER_NAME = /^[A-Za-z_][\w.-]*$/
const RESERVED = ['optimizer.', 'state.']

/** The list of parameters of a graph, in the order of their store. */
export class ParameterSpecs {
  readonly all: ParameterSpec[]
  readonly #fixed: boolean

  /** With `existing`, the parameters of an earlier recording, others are refused. */
  constructor(existing?: readonly ParameterSpec[]) {
    this.#fixed = existing !== undefined
    this.all = [...(existing ?? [])]
  }

  /** Returns the position of the parameter called `name`, which is added at its first mention. Throws if it exists with another shape. */
  find(name: string, shape: Shape, initialize: Initializer): number {
    string(name, 'the name of a parameter')
    syncFunction()(initialize, `the initializer of "${name}"`)
    const found = checkShape(shape, `parameter "${name}"`)
    const index = this.all.findIndex((parameter) => parameter.name === name)
    if (index < 0) return this.#add(name, found, initialize)
    const expected = this.all[index]!.shape
    if (!sameShape(expected, found)) {
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected shape ${showShape(expected)} for parameter "${name}", as it was first used, but received ${showShape(found)}: use one shape, or another name.`
      )
    }
    return index
  }

  #add(name: string, shape: Shape, initialize: Initializer): number {
    if (!PARAMETER_NAME.test(name) || RESERVED.some((prefix) => name.startsWith(prefix))) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected a parameter name of letters, digits, "_", "." and "-" that does not start with ${RESERVED.join(' or ')} but received ${JSON.stringify(name)}: rename it.`
      )
    }
    if (this.#fixed) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected the parameters of the model's first recording but the function now asks for "${name}" as well; create the same parameters for every batch and length.`
      )
    }
    if (shape.length > 2) {
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected rank 1 or 2 for parameter "${name}" but received ${showShape(shape)}; reshape it where it is used.`
      )
    }
    return this.all.push({ name, shape, initialize }) - 1
  }
}
