// The common part of the recurrent ops: checks of the inputs that all of them have, and the attributes of an op.

import { anything, boolean, integer, number, optional } from '../../check/index.js'
import { tensor, tensorOrNull, type Tensor } from '../graph.js'
import type { OpName } from '../opcodes.js'
import { MAX_ELEMENTS } from '../shape.js'
import { activationAttributes, type Activation } from './activations.js'

/** Checks of the inputs that all recurrent ops have. */
export const sequenceFields = {
  x: tensor,
  weightIh: tensor,
  weightHh: tensor,
  biasIh: tensorOrNull,
  biasHh: tensorOrNull,
  h0: tensorOrNull,
  lengths: tensorOrNull,
  reverse: optional(boolean),
  dropout: optional(anything), // expectRate has its range
  stream: optional(integer(0, MAX_ELEMENTS))
}

/** Checks the limit of pre-activations. */
export const clip = number(1e-30, 3e38)

/** Returns `inputs` without the absent ones at the end, so that a plain layer has the record of a plain op. */
export function trimmed(inputs: readonly (Tensor | null)[]): (Tensor | null)[] {
  return inputs.slice(0, inputs.findLastIndex((input) => input !== null) + 1)
}

/** The values from which the attributes of a recurrent op are made. */
export interface CellAttributes {
  reverse: boolean
  /** Rates of recurrent dropout and zoneout of c and h, and the stream; null: none. */
  noise: readonly number[] | null
  /** 0: no limit. */
  clip: number
  /** Coupled gates of an LSTM; a reset gate before the product of a GRU. */
  second: boolean
  functions: readonly (Activation | undefined)[]
}

/** Returns the attributes of a recurrent op: those that it does not need are left out, so that a plain layer has the record of a plain op. */
export function cellAttributes(op: OpName, { reverse, noise, clip, second, functions }: CellAttributes): number[] {
  const given = functions.some((value) => value !== undefined)
  const form =
    clip > 0 || second || given ? [clip, second ? 1 : 0, ...(given ? activationAttributes(op, functions) : [])] : []
  const rates = noise ?? (form.length > 0 ? [0, 0, 0, 0] : [])
  return [reverse ? 1 : 0, ...rates, ...form]
}
