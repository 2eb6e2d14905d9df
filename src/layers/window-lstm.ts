// The first layer of Graves' handwriting synthesis: an LSTM that moves a soft window over the characters it writes.

import { boolean, filled, integer, number, object, optional } from '../check/index.js'
import { expectNumber, expectShape } from '../graph/check.js'
import { uniform, type Initializer } from '../graph/initializers.js'
import { windowLstm as windowLstmOp, type WindowLstmResult } from '../graph/ops/index.js'
import { tensor, type Tensor } from '../graph/graph.js'

/** The options of `windowLstm`. */
export interface WindowLstmOptions {
  /** Prefix of the parameters' names. */
  name: string
  /** Hidden units H. */
  hidden: number
  /** Gaussians K of the window; Graves takes 10. */
  gaussians: number
  /** i32 [B, U] ids or f32 [B, U, C] vectors. */
  chars: Tensor
  /** i32 [B]: characters of each row. */
  lengths: Tensor
  /** Number of characters, the width of the window; for ids. */
  vocabulary?: number
  /** Steps that the window stays on a character at the start of training, from 0.001 to 10^6. Default: 25. */
  stepsPerCharacter?: number
  /** The states, `<name>.h_l0`, `.c_l0`, `.kappa_l0` and `.window_l0`, are carried from run to run. Default: false. */
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
 * Records the layer over x [T, B, I] and returns its output, the windows and the states (see ops.windowLstm for the equations). Throws
 * ERR_INVALID_SHAPE and ERR_INVALID_ARGUMENT for arguments that do not fit. Parameters: `<name>.weight_ih_l0`
 * [4H, I + C], `<name>.weight_hh_l0` [4H, H], `<name>.bias_ih_l0`, `<name>.bias_hh_l0` [4H], `<name>.window.weight` [3K, H],
 * `<name>.window.bias` [3K].
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
  if (carry) {
    x.graph.carry(result.h, states.h0!)
    x.graph.carry(result.c, states.c0!)
    x.graph.carry(result.kappa, states.kappa0!)
    x.graph.carry(result.lastWindow, states.window0!)
  }
  return result
}
