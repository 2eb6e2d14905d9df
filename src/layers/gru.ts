// Stacked GRU layers over a sequence. Parameters have PyTorch's names: `<name>.weight_ih_l0` [3H, I], `<name>.weight_hh_l0` [3H, H],
// `<name>.bias_ih_l0` and `<name>.bias_hh_l0` [3H], gate order r, z, n; the suffixes are those of the LSTM.

import { boolean, object, optional } from '../check/index.js'
import { uniform } from '../graph/initializers.js'
import { activation, type Activation } from '../graph/ops/activations.js'
import { gruOp } from '../graph/ops/gru.js'
import type { Tensor } from '../graph/graph.js'
import { nameLayer } from '../graph/tensor-names.js'
import {
  cellOptions,
  initialStates,
  parameterOf,
  recurrentFields,
  stackLayers,
  type Place,
  type RecurrentOptions
} from './stack.js'

/** The options of `gru`. */
export interface GruOptions extends RecurrentOptions {
  /** Initial states [B, H], one per layer and direction, or 'learned': parameters [H] that start as zeros; default: zeros. */
  initial?: { h: readonly Tensor[] } | 'learned'
  /**
   * Whether r scales W_hn h + b_hn (true: PyTorch, ONNX with linear_before_reset = 1, Keras with reset_after) or h before the product (false:
   * the form of the paper, n = tanh(W_in x + b_in + W_hn (r * h) + b_hn), ONNX's default). With false float32 only, and no kernels for the
   * GPU. Default: true.
   */
  resetAfter?: boolean
  /** The functions of r and z (default: sigmoid) and of n (default: tanh). They have no kernels for the GPU. */
  activations?: { gates?: Activation; candidate?: Activation }
}

/** The tensors that `gru` returns. */
export interface GruResult {
  /** [T, B, H], or [T, B, 2H] when bidirectional. */
  output: Tensor
  /** Final states [B, H], one per layer and direction, in the order of `initial`. */
  h: Tensor[]
}

const readOptions = object<GruOptions>({
  ...recurrentFields,
  initial: optional(initialStates('h')),
  resetAfter: optional(boolean),
  activations: optional(
    object<NonNullable<GruOptions['activations']>>({ gates: optional(activation), candidate: optional(activation) })
  )
})

/**
 * Records a stack of GRU layers over a sequence (Cho et al. 2014, in PyTorch's form).
 *
 *   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)      n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
 *   z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)      h' = (1 - z) * n + z * h
 *
 * x has the shape `[T, B, I]`: T time steps, B sequences, I features. Returns the output of the last layer and all final states. Throws
 * ERR_INVALID_SHAPE if x does not have rank 3, ERR_INVALID_ARGUMENT if an option is not valid.
 *
 * Plans and sessions can read the tensors `<name>.hidden_l0` (h after each step), `<name>.reset_gate_l0` (r), `.update_gate_l0` (z) and
 * `.new_gate_l0` (n), `[T, B, H]` each, with the suffixes of the parameters. After the end of a row they are zeros.
 * @example
 * const { output, h } = gru(x, { name: 'gru', hidden: 64, layers: 2, bidirectional: true })
 */
export function gru(x: Tensor, gruOptions: GruOptions): GruResult {
  const options = readOptions(gruOptions, 'the options of gru')
  const sizes = { h: options.hidden }
  const { output, finals } = stackLayers('gru', x, options, sizes, options.initial, (input, place) =>
    oneLayer(input, options, place)
  )
  return { output, ...finals }
}

function oneLayer(x: Tensor, options: GruOptions, { suffix, reverse, start }: Place<'h'>) {
  const { name, hidden, recurrentDropout, lengths = null } = options
  const everywhere = uniform(1 / Math.sqrt(hidden))
  const { inputWeight = everywhere, recurrentWeight = everywhere, bias = everywhere } = options
  const parameter = parameterOf(x, name, suffix)
  const { y, h, gates } = gruOp({
    x,
    weightIh: parameter('weight_ih', [3 * hidden, x.shape[2]!], inputWeight),
    weightHh: parameter('weight_hh', [3 * hidden, hidden], recurrentWeight),
    biasIh: parameter('bias_ih', [3 * hidden], bias),
    biasHh: parameter('bias_hh', [3 * hidden], bias),
    h0: start?.h ?? null,
    lengths,
    reverse,
    dropout: recurrentDropout ?? 0,
    resetAfter: options.resetAfter ?? true,
    ...cellOptions(options),
    stream: recurrentDropout === undefined ? 0 : x.graph.nextStream()
  })
  nameLayer(name, {
    [`hidden_${suffix}`]: y,
    [`reset_gate_${suffix}`]: gates.reset,
    [`update_gate_${suffix}`]: gates.update,
    [`new_gate_${suffix}`]: gates.new
  })
  return { y, h }
}
