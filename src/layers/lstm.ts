// Stacked LSTM layers over a sequence, under PyTorch's parameter names: `<name>.weight_ih_l0` [4H, I],
// `<name>.weight_hh_l0` [4H, H], `<name>.bias_ih_l0` and `<name>.bias_hh_l0` [4H], gate order i, f, g, o;
// `_l1`, `_l2` ... for the layers above and `_reverse` behind the names of the backward direction. A projection's is
// `<name>.weight_hr_l0` [R, H], as PyTorch's; what PyTorch has not: `<name>.weight_peephole_l0` [3H] of i, f, o, and the
// learned initial states `<name>.h0_l0` [R] and `<name>.c0_l0` [H].

import { GatecellError } from '../errors.js'
import { expectNumber, expectShape } from '../graph/check.js'
import { uniform, withForgetBias, zeros, type Initializer } from '../graph/initializers.js'
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
  /**
   * Initial states h [B, R] and c [B, H], one per layer and direction (layer 0, its reverse, layer 1 ...), or 'learned':
   * parameters [R] and [H] that start as zeros and every row begins with; default: zeros.
   */
  initial?: { h: readonly Tensor[]; c: readonly Tensor[] } | 'learned'
  /**
   * i32 [B]: the steps of each row, 0 to T, in any order. A padded row gives what it gives alone, outputs behind its end
   * are zero, final states are those at its last step, the backward direction starts there, and padding costs nothing.
   */
  lengths?: Tensor
  /** Diagonal connections from the cell to its gates (Gers and Schmidhuber 2000). Not with zoneout. */
  peepholes?: boolean
  /** Width R of h by an output projection (Sak, Senior, Beaufays 2014; PyTorch's proj_size); default: H. Not with zoneout. */
  projection?: number
  /** One mask on h for all steps of a sequence (Gal and Ghahramani 2016): probability of a zero; default 0. */
  recurrentDropout?: number
  /** Probability that a unit of c, of h, keeps its value of the step before (Krueger et al. 2017); a number: of both. */
  zoneout?: number | { c: number; h: number }
  /** Start of input weights, recurrent weights and biases; default: uniform within 1 / sqrt(H), as PyTorch's. */
  inputWeight?: Initializer
  recurrentWeight?: Initializer
  bias?: Initializer
  /** Start of the forget gate's bias (Jozefowicz, Zaremba, Sutskever 2015 advise 1): bias_ih gets it, bias_hh zero. */
  forgetBias?: number
  /** Start of peepholes and of the projection; default: as the other weights. */
  peephole?: Initializer
  projectionWeight?: Initializer
}

export interface LstmResult {
  /** [T, B, R], or [T, B, 2R] when bidirectional; R is H where there is no projection. */
  output: Tensor
  /** Final states h [B, R] and c [B, H], one per layer and direction, in the order of `initial`. */
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
  const width = options.projection ?? options.hidden
  expectNumber('lstm', 'projection', width, 1, options.hidden, true)
  const directions = bidirectional ? [false, true] : [false]
  const given = initial === 'learned' ? undefined : initial
  for (const states of given ? [given.h, given.c] : []) {
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
      const start = () => {
        if (carry) return carried(x, name, suffix, width, options.hidden)
        if (initial === 'learned') return learned(x, name, suffix, width, options.hidden)
        return given && { h: given.h[finals.h.length]!, c: given.c[finals.h.length]! }
      }
      const result = oneLayer(output, { ...options, suffix, reverse, start: start() })
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

function carried(x: Tensor, name: string, suffix: string, width: number, hidden: number): State {
  const batch = x.shape[1]!
  return {
    h: x.graph.state(`${name}.h_${suffix}`, [batch, width]),
    c: x.graph.state(`${name}.c_${suffix}`, [batch, hidden])
  }
}

function learned(x: Tensor, name: string, suffix: string, width: number, hidden: number): State {
  return {
    h: x.graph.parameter(`${name}.h0_${suffix}`, [width], zeros),
    c: x.graph.parameter(`${name}.c0_${suffix}`, [hidden], zeros)
  }
}

function oneLayer(x: Tensor, options: LstmOptions & { suffix: string; reverse: boolean; start: State | undefined }) {
  const { name, hidden, suffix, reverse, start, forgetBias, projection, recurrentDropout, zoneout = 0 } = options
  const everywhere = uniform(1 / Math.sqrt(hidden))
  const { inputWeight = everywhere, recurrentWeight = everywhere, bias = everywhere } = options
  const { peephole = everywhere, projectionWeight = everywhere, lengths = null } = options
  const biasIh = forgetBias === undefined ? bias : withForgetBias(forgetBias, bias)
  const biasHh = forgetBias === undefined ? bias : withForgetBias(0, bias)
  const parameter = (kind: string, shape: number[], initialize: Initializer) =>
    x.graph.parameter(`${name}.${kind}_${suffix}`, shape, initialize)
  const draws = recurrentDropout !== undefined || options.zoneout !== undefined
  const result = lstmOp({
    x,
    weightIh: parameter('weight_ih', [4 * hidden, x.shape[2]!], inputWeight),
    weightHh: parameter('weight_hh', [4 * hidden, projection ?? hidden], recurrentWeight),
    biasIh: parameter('bias_ih', [4 * hidden], biasIh),
    biasHh: parameter('bias_hh', [4 * hidden], biasHh),
    h0: start?.h ?? null,
    c0: start?.c ?? null,
    lengths,
    peephole: options.peepholes ? parameter('weight_peephole', [3 * hidden], peephole) : null,
    weightHr: projection === undefined ? null : parameter('weight_hr', [projection, hidden], projectionWeight),
    reverse,
    dropout: recurrentDropout ?? 0,
    zoneout: typeof zoneout === 'number' ? { c: zoneout, h: zoneout } : zoneout,
    // A layer without random parts takes no number, so that those of a model's other layers stay what they were.
    stream: draws ? x.graph.nextStream() : 0
  })
  return { ...result, start }
}
