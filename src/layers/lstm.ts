// Stacked LSTM layers over a sequence, under PyTorch's parameter names: `<name>.weight_ih_l0` [4H, I],
// `<name>.weight_hh_l0` [4H, H], `<name>.bias_ih_l0` and `<name>.bias_hh_l0` [4H], gate order i, f, g, o;
// `_l1`, `_l2` ... for the layers above and `_reverse` behind the names of the backward direction.

import { GatecellError } from '../errors.js'
import { expectNumber, expectShape } from '../graph/check.js'
import { uniform, withForgetBias, type Initializer } from '../graph/initializers.js'
import { concat, lstm as lstmOp } from '../graph/ops.js'
import type { Tensor } from '../graph/tensor.js'
import { dropout } from './dropout.js'

export interface LstmOptions {
  /** Prefix of the parameters' names. */
  name: string
  /** Hidden size H of each direction. */
  hidden: number
  /** Number of layers; default 1. */
  layers?: number
  /** Probability of dropout between layers, not after the last one; default 0. */
  dropout?: number
  /** One dropout mask for all steps of a sequence. */
  locked?: boolean
  /** Reads in both directions; outputs are [forward, backward] side by side, 2H wide. */
  bidirectional?: boolean
  /**
   * true: the final state of a run is the initial state of the next one (truncated back-propagation through time,
   * streams). The plan's `states` are `<name>.h_l0`, `<name>.c_l0` [B, H] ...
   */
  carry?: boolean
  /** Initial states [B, H], one per layer and direction (layer 0, its reverse, layer 1 ...); default: zeros. */
  initial?: { h: readonly Tensor[]; c: readonly Tensor[] }
  /** Start of input weights, recurrent weights and biases; default: uniform within 1 / sqrt(H), as PyTorch's. */
  inputWeight?: Initializer
  recurrentWeight?: Initializer
  bias?: Initializer
  /** Start of the forget gate's bias (Jozefowicz, Zaremba, Sutskever 2015 advise 1): bias_ih gets it, bias_hh zero. */
  forgetBias?: number
}

export interface LstmResult {
  /** [T, B, H], or [T, B, 2H] when bidirectional. */
  output: Tensor
  /** Final states [B, H], one per layer and direction, in the order of `initial`. */
  h: Tensor[]
  c: Tensor[]
}

/** x [T, B, I] -> the last layer's output and all final states. */
export function lstm(x: Tensor, options: LstmOptions): LstmResult {
  const { name, layers = 1, dropout: p = 0, locked = false, bidirectional = false, carry = false, initial } = options
  expectNumber('lstm', 'hidden', options.hidden, 1, 2 ** 24, true)
  expectNumber('lstm', 'layers', layers, 1, 1000, true)
  expectShape('lstm', 'x', x, 'f32', [-1, -1, -1])
  if (carry && (bidirectional || initial)) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `lstm: expected carry alone but received it with ${bidirectional ? 'bidirectional' : 'initial'}; a state is carried forward in time or given, not both.`
    )
  }
  const directions = bidirectional ? [false, true] : [false]
  for (const states of initial ? [initial.h, initial.c] : []) {
    if (states.length !== layers * directions.length) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `lstm: expected ${layers * directions.length} initial states, one per layer and direction, but received ${states.length}.`
      )
    }
  }

  const finals: { h: Tensor[]; c: Tensor[] } = { h: [], c: [] }
  let output = x
  for (let layer = 0; layer < layers; layer++) {
    if (layer > 0) output = dropout(output, { p, locked })
    const parts = directions.map((reverse) => {
      const suffix = `l${layer}${reverse ? '_reverse' : ''}`
      const index = finals.h.length
      const given = initial && { h: initial.h[index]!, c: initial.c[index]! }
      const result = oneLayer(output, {
        ...options,
        suffix,
        reverse,
        start: carry ? carried(x, name, suffix, options.hidden) : given
      })
      if (carry) {
        x.graph.carry(result.h, result.start!.h)
        x.graph.carry(result.c, result.start!.c)
      }
      finals.h.push(result.h)
      finals.c.push(result.c)
      return result.y
    })
    output = parts.length === 1 ? parts[0]! : concat(...parts)
  }
  return { output, ...finals }
}

interface State {
  h: Tensor
  c: Tensor
}

function carried(x: Tensor, name: string, suffix: string, hidden: number): State {
  const shape = [x.shape[1]!, hidden]
  return { h: x.graph.state(`${name}.h_${suffix}`, shape), c: x.graph.state(`${name}.c_${suffix}`, shape) }
}

function oneLayer(x: Tensor, options: LstmOptions & { suffix: string; reverse: boolean; start: State | undefined }) {
  const { name, hidden, suffix, reverse, start, forgetBias } = options
  const everywhere = uniform(1 / Math.sqrt(hidden))
  const { inputWeight = everywhere, recurrentWeight = everywhere, bias = everywhere } = options
  const biasIh = forgetBias === undefined ? bias : withForgetBias(forgetBias, bias)
  const biasHh = forgetBias === undefined ? bias : withForgetBias(0, bias)
  const parameter = (kind: string, shape: number[], initialize: Initializer) =>
    x.graph.parameter(`${name}.${kind}_${suffix}`, shape, initialize)
  const result = lstmOp({
    x,
    weightIh: parameter('weight_ih', [4 * hidden, x.shape[2]!], inputWeight),
    weightHh: parameter('weight_hh', [4 * hidden, hidden], recurrentWeight),
    biasIh: parameter('bias_ih', [4 * hidden], biasIh),
    biasHh: parameter('bias_hh', [4 * hidden], biasHh),
    h0: start?.h ?? null,
    c0: start?.c ?? null,
    reverse
  })
  return { ...result, start }
}
