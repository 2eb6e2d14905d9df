// The parameters of a recording: their names, shapes and initializers.

import { string, syncFunction } from '../check/index.js'
import { expected } from '../errors.js'
import type { Initializer } from './initializers.js'
import { checkShape, sameShape, showShape, type Shape } from './shape.js'

/** A parameter of a recording. */
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

  /**
   * Returns the position of the parameter called `name`, which is added at its first mention. Throws ERR_INVALID_SHAPE if it exists with
   * another shape or the rank is above 2, and ERR_INVALID_ARGUMENT if it cannot be added.
   */
  find(name: string, shape: Shape, initialize: Initializer): number {
    string(name, 'the name of a parameter')
    syncFunction()(initialize, `the initializer of "${name}"`)
    const found = checkShape(shape, `parameter "${name}"`)
    const index = this.all.findIndex((parameter) => parameter.name === name)
    if (index < 0) return this.#add(name, found, initialize)
    const first = this.all[index]!.shape
    if (!sameShape(first, found)) {
      const wanted = `shape ${showShape(first)} for parameter "${name}", as at its first use,`
      throw expected('ERR_INVALID_SHAPE', wanted, showShape(found), 'use one shape, or another name')
    }
    return index
  }

  #add(name: string, shape: Shape, initialize: Initializer): number {
    if (!PARAMETER_NAME.test(name) || RESERVED.some((prefix) => name.startsWith(prefix))) {
      const letters = 'letters, digits, "_", "." and "-"'
      const wanted = `a parameter name of ${letters} that does not start with ${RESERVED.join(' or ')}`
      throw expected('ERR_INVALID_ARGUMENT', wanted, JSON.stringify(name), 'rename it')
    }
    if (this.#fixed) {
      const remedy = 'create the same parameters for every batch and length'
      throw expected('ERR_INVALID_ARGUMENT', "the parameters of the model's first recording", `"${name}" too`, remedy)
    }
    if (shape.length > 2) {
      const wanted = `rank 1 or 2 for parameter "${name}"`
      throw expected('ERR_INVALID_SHAPE', wanted, showShape(shape), 'reshape it where it is used')
    }
    return this.all.push({ name, shape, initialize }) - 1
  }
}
