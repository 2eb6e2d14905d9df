// The common part of stacked recurrent layers: directions, dropout between layers, initial and final states.

import { boolean, filled, integer, list, number, open, optional, syncFunction } from '../check/index.js'
import type { Check, Fields } from '../check/index.js'
import { expected } from '../errors.js'
import { expectShape } from '../graph/check.js'
import { zeros, type Initializer } from '../graph/initializers.js'
import { concat } from '../graph/ops/index.js'
import { clip } from '../graph/ops/sequence.js'
import { tensor, type Tensor } from '../graph/graph.js'
import { dropout } from './dropout.js'

/** The options of all recurrent layers. */
export interface RecurrentOptions {
  /** Prefix of the parameters' names. */
  name: string
  /** Hidden size H of each direction, from 1 to 2^24. */
  hidden: number
  /** Number of layers, from 1 to 1000. Default: 1. */
  layers?: number
  /** Probability of dropout between layers, from 0 to 1, not after the last one. Default: 0. */
  dropout?: number
  /** Whether all steps of a sequence share one dropout mask (Gal and Ghahramani 2016). Default: false. */
  variational?: boolean
  /** Whether the layers read in both directions; outputs are [forward, backward], twice as wide. Default: false. */
  bidirectional?: boolean
  /**
   * Whether the final state of a run is the initial state of the next one (truncated back-propagation through time,
   * streams). Default: false. The plan's `states` are `<name>.h_l0` ... (and `<name>.c_l0` ...).
   */
  carry?: boolean
  /**
   * int32 `[B]`: number of steps of each row, 0 to T, in any order. A padded row gives the same results as a row that is not padded: outputs
   * after its end are zero, final states are those of its last step, and the backward direction starts there. Padding takes no time.
   * Default: T steps for all rows.
   */
  lengths?: Tensor
  /** Probability, from 0 to 1, that a unit of h is zero for all steps of a sequence (Gal and Ghahramani 2016). Default: 0. */
  recurrentDropout?: number
  /** Limit of the sums that the activations get to [-clip, clip], above 0 (ONNX's clip). It has no kernels for the GPU. Default: no limit. */
  clip?: number
  /** Initializer of input weights. Default: uniform within 1 / sqrt(H), as in PyTorch. */
  inputWeight?: Initializer
  /** Initializer of recurrent weights. Default: uniform within 1 / sqrt(H). */
  recurrentWeight?: Initializer
  /** Initializer of biases. Default: uniform within 1 / sqrt(H). */
  bias?: Initializer
  /** Whether the layer has the weights of an earlier layer of this name. Default: false, and a second layer of a name is refused. */
  shared?: boolean
}

const count = integer(1, 2 ** 24)

/** Checks of the options that all recurrent layers have. */
export const recurrentFields: Fields<RecurrentOptions> = {
  name: filled,
  hidden: count,
  layers: optional(integer(1, 1000)),
  dropout: optional(number(0, 1)),
  variational: optional(boolean),
  bidirectional: optional(boolean),
  carry: optional(boolean),
  lengths: optional(tensor),
  recurrentDropout: optional(number(0, 1)),
  clip: optional(clip),
  inputWeight: optional(syncFunction()),
  recurrentWeight: optional(syncFunction()),
  bias: optional(syncFunction()),
  shared: optional(boolean)
}

/** Checks that a value is 'learned', or has a list of tensors under each of these names. */
export function initialStates<S extends string>(...states: S[]): Check<Record<S, Tensor[]> | 'learned'> {
  const given = open<Record<S, Tensor[]>>(
    Object.fromEntries(states.map((state) => [state, list(tensor)])) as Fields<Record<S, Tensor[]>>
  )
  return (value, name) => (value === 'learned' ? value : given(value, name))
}

/** A layer's initial states by name, or its final ones. */
export type States<S extends string> = Record<S, Tensor>

/** One layer in one direction. */
export interface Place<S extends string> {
  /** Suffix of the names of its parameters: l0, l0_reverse, l1 ... */
  suffix: string
  reverse: boolean
  start: States<S> | undefined
}

/**
 * Records all layers over x [T, B, I] and returns the last output with the final states. `sizes` has the width of each state; `initial`
 * has a tensor per layer and direction, or is 'learned' for parameters `<name>.h0_l0` ... that start as zeros. Throws
 * ERR_INVALID_SHAPE if x does not have rank 3, ERR_INVALID_ARGUMENT for `carry` with `bidirectional` or `initial`.
 */
export function stackLayers<S extends string>(
  kind: string,
  x: Tensor,
  options: RecurrentOptions,
  sizes: Record<S, number>,
  initial: Record<S, readonly Tensor[]> | 'learned' | undefined,
  one: (x: Tensor, place: Place<S>) => States<S> & { y: Tensor }
): { output: Tensor; finals: Record<S, Tensor[]> } {
  const { name, layers = 1, dropout: p = 0, variational = false, bidirectional = false, carry = false } = options
  expectShape(kind, 'x', x, 'f32', [-1, -1, -1])
  x.graph.layer(name, options.shared)
  if (carry && (bidirectional || initial)) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `carry without bidirectional and initial in ${kind}`,
      `carry and ${bidirectional ? 'bidirectional' : 'initial'}`,
      'carry the state forward in time or pass it, not both'
    )
  }
  const directions = bidirectional ? [false, true] : [false]
  const states = Object.keys(sizes) as S[]
  if (initial && initial !== 'learned') checkCount(kind, initial, states, layers * directions.length)

  const perState = <V>(value: (state: S) => V) =>
    Object.fromEntries(states.map((state) => [state, value(state)])) as Record<S, V>
  const finals = perState<Tensor[]>(() => [])
  let output = x
  for (let layer = 0; layer < layers; layer++) {
    if (layer > 0) output = dropout(output, { p, variational })
    const parts = directions.map((reverse, direction) => {
      const suffix = `l${layer}${reverse ? '_reverse' : ''}`
      const begin = (state: S): Tensor => {
        if (carry) return x.graph.state(`${name}.${state}_${suffix}`, [x.shape[1]!, sizes[state]])
        if (initial === 'learned') return x.graph.parameter(`${name}.${state}0_${suffix}`, [sizes[state]], zeros)
        return initial![state][layer * directions.length + direction]!
      }
      const start = carry || initial ? perState(begin) : undefined
      const result = one(output, { suffix, reverse, start })
      for (const state of states) {
        if (carry) x.graph.carry(result[state], start![state])
        finals[state].push(result[state])
      }
      return result.y
    })
    output = parts.length === 1 ? parts[0]! : concat(parts)
  }
  return { output, finals }
}

function checkCount<S extends string>(
  kind: string,
  initial: Record<S, readonly Tensor[]>,
  states: readonly S[],
  count: number
): void {
  for (const state of states) {
    if (initial[state]?.length === count) continue
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `${count} initial states of ${kind}, one per layer and direction,`,
      `${initial[state]?.length ?? 0}`,
      'pass all of them, or none'
    )
  }
}

/** Returns those of the options `clip` and `activations` of a layer that are given. */
export function cellOptions<A>({ clip, activations }: { clip?: number; activations?: A }): {
  clip?: number
  activations?: A
} {
  return { ...(clip !== undefined && { clip }), ...(activations !== undefined && { activations }) }
}

/** Returns a function that makes the parameters of one layer, called `<name>.<what>_<suffix>`. */
export const parameterOf =
  (x: Tensor, name: string, suffix: string) => (what: string, shape: number[], initialize: Initializer) =>
    x.graph.parameter(`${name}.${what}_${suffix}`, shape, initialize)
