// The first layer of Graves' handwriting synthesis: an LSTM that moves a soft window over the characters of the text.

import { boolean, filled, integer, number, object, optional } from '../check/index.js'
import { expectNumber, expectShape } from '../graph/check.js'
import { uniform, type Initializer } from '../graph/initializers.js'
import { windowLstmOp, type WindowLstmResult } from '../graph/ops/attention.js'
import { tensor, type Tensor } from '../graph/graph.js'
import { nameLayer } from '../graph/tensor-names.js'

/** The options of `windowLstm`. */
export interface WindowLstmOptions {
  /** Prefix of the parameters' names. */
  name: string
  /** Hidden size H, from 1 to 2^24. */
  hidden: number
  /** Number K of Gaussians of the window, from 1 to 65536; 10 in the paper. */
  gaussians: number
  /** The characters of each row: int32 ids [B, U], or f32 vectors [B, U, C]. */
  chars: Tensor
  /** int32 `[B]`: number of characters of each row, 0 to U. */
  lengths: Tensor
  /** Number of different characters, which is the width of the window. Required for ids, not used for vectors. */
  vocabulary?: number
  /** Steps that the window stays on a character at the start of training, from 0.001 to 10^6. Default: 25. */
  stepsPerCharacter?: number
  /** Whether the states, `<name>.h_l0`, `.c_l0`, `.kappa_l0` and `.window_l0`, are carried from run to run. Default: false. */
  carry?: boolean
  /** Whether the layer has the weights of an earlier layer of this name. Default: false, and a second layer of a name is refused. */
  shared?: boolean
}

const count = integer(1, 2 ** 24)
const readOptions = object<WindowLstmOptions>({
  name: filled,
  hidden: count,
  gaussians: integer(1, 2 ** 16),
  chars: tensor,
  lengths: tensor,
  vocabulary: optional(count),
  stepsPerCharacter: optional(number(1e-3, 1e6)),
  carry: optional(boolean),
  shared: optional(boolean)
})

/**
 * Records an LSTM layer with a soft window over characters (Graves 2013, section 5.1, equations 46 to 51).
 *
 *   h_t, c_t = LSTM([x_t, w_(t-1)], h_(t-1), c_(t-1))        [a_t, b_t, d_t] = W_w h_t + b_w        kappa_t = kappa_(t-1) + exp(d_t)
 *   phi(t, u) = sum over k of exp(a_tk) exp(-exp(b_tk) (kappa_tk - u)^2)        w_t = sum over u = 1 ... U of phi(t, u) c_u
 *
 * x has the shape [T, B, I]. Returns the output y [T, B, H], the windows w [T, B, C], phi [T, B, U] and the final states. Parameters:
 * `<name>.weight_ih_l0` [4H, I + C], `<name>.weight_hh_l0` [4H, H], `<name>.bias_ih_l0`, `<name>.bias_hh_l0` [4H], `<name>.window.weight`
 * [3K, H], `<name>.window.bias` [3K]. Plans and sessions can read y as `<name>.hidden_l0`, w as `<name>.windows` and phi as `<name>.phi`.
 * Throws ERR_INVALID_SHAPE or ERR_INVALID_ARGUMENT if an argument does not fit.
 * @example
 * const { y, window } = windowLstm(points, { name: 'window', hidden: 400, gaussians: 10, chars, lengths, vocabulary: 60 })
 */
export function windowLstm(x: Tensor, windowOptions: WindowLstmOptions): WindowLstmResult {
  expectShape('windowLstm', 'x', x, 'f32', [-1, -1, -1])
  const options = readOptions(windowOptions, 'the options of windowLstm')
  x.graph.layer(options.name, options.shared)
  const { name, hidden, gaussians, chars, lengths, vocabulary, stepsPerCharacter = 25, carry = false } = options
  const [, batch, size] = x.shape as [number, number, number]
  const width = chars.dtype === 'f32' ? chars.shape[2]! : vocabulary!
  expectNumber('windowLstm', 'vocabulary', width, 1, 2 ** 24, true)
  const start = uniform(1 / Math.sqrt(hidden))
  const parameter = (what: string, shape: number[], initialize: Initializer = start) =>
    x.graph.parameter(`${name}.${what}`, shape, initialize)
  const state = (what: string, columns: number) =>
    carry ? x.graph.state(`${name}.${what}_l0`, [batch, columns]) : null
  const speed: Initializer = (values) =>
    values.fill(-Math.log(stepsPerCharacter), 2 * gaussians).fill(0, 0, 2 * gaussians)
  const states = {
    h0: state('h', hidden),
    c0: state('c', hidden),
    kappa0: state('kappa', gaussians),
    window0: state('window', width)
  }
  const result = windowLstmOp({
    x,
    chars,
    lengths,
    ...(chars.dtype === 'i32' && { width }),
    weightIh: parameter('weight_ih_l0', [4 * hidden, size + width]),
    weightHh: parameter('weight_hh_l0', [4 * hidden, hidden]),
    biasIh: parameter('bias_ih_l0', [4 * hidden]),
    biasHh: parameter('bias_hh_l0', [4 * hidden]),
    weightWindow: parameter('window.weight', [3 * gaussians, hidden]),
    biasWindow: parameter('window.bias', [3 * gaussians], speed),
    ...states
  })
  nameLayer(name, { hidden_l0: result.y, windows: result.window, phi: result.phi })
  if (carry) {
    x.graph.carry(result.h, states.h0!)
    x.graph.carry(result.c, states.c0!)
    x.graph.carry(result.kappa, states.kappa0!)
    x.graph.carry(result.lastWindow, states.window0!)
  }
  return result
}
