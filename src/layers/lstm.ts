// Stacked LSTM layers over a sequence. Parameters have PyTorch's names: `<name>.weight_ih_l0` [4H, I], `<name>.weight_hh_l0` [4H, H],
// `<name>.bias_ih_l0` and `<name>.bias_hh_l0` [4H], gate order i, f, g, o, and `<name>.weight_hr_l0` [R, H] of a projection. The layers above
// have the suffixes `_l1`, `_l2` ..., the backward direction adds `_reverse`. PyTorch does not have `<name>.weight_peephole_l0` [3H] of
// i, f, o; `<name>.norm_ih_l0` and `norm_hh_l0` [4H], `norm_c_l0` and `norm_c_bias_l0` [H] of layer normalisation; and the learned initial
// states `<name>.h0_l0` [R] and `<name>.c0_l0` [H].

import { boolean, integer, number, object, optional, syncFunction } from '../check/index.js'
import { expectNumber } from '../graph/check.js'
import { constant, uniform, withForgetBias, zeros, type Initializer } from '../graph/initializers.js'
import { activation, type Activation } from '../graph/ops/activations.js'
import { lstmOp } from '../graph/ops/recurrent.js'
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

/** The options of `lstm`. */
export interface LstmOptions extends RecurrentOptions {
  /**
   * Initial states h [B, R] and c [B, H], one per layer and direction (layer 0, its reverse, layer 1 ...), or 'learned':
   * parameters [R] and [H] that start as zeros, with which every row begins. Default: zeros.
   */
  initial?: { h: readonly Tensor[]; c: readonly Tensor[] } | 'learned'
  /** Whether the gates read the cell through diagonal weights (Gers and Schmidhuber 2000). Default: false. */
  peepholes?: boolean
  /** Width R of h by an output projection (Sak, Senior, Beaufays 2014; PyTorch's proj_size), from 1 to H. Default: H, without a projection. */
  projection?: number
  /**
   * Probability, from 0 to 1, that a unit of c or h keeps its value of the step before (Krueger et al. 2017). A number applies to both. Default: 0.
   */
  zoneout?: number | { c: number; h: number }
  /** Layer normalisation inside the cell (Ba, Kiros, Hinton 2016; see ops.lstm for the formula). float32 only. Default: false. */
  layerNorm?: boolean
  /**
   * Initial bias of the forget gate in bias_ih, with zero in bias_hh (Jozefowicz, Zaremba, Sutskever 2015 advise 1). Default: that of the other
   * biases.
   */
  forgetBias?: number
  /** Whether f is 1 - i (Greff et al. 2017; ONNX's input_forget). The weights and biases of f then have no effect. Default: false. */
  coupledGates?: boolean
  /**
   * The functions of the gates (default: sigmoid), of g (default: tanh), and of c' in h' (default: tanh). Like `clip` and `coupledGates`, they
   * have no kernels for the GPU and for int8.
   */
  activations?: { gates?: Activation; cell?: Activation; output?: Activation }
  /** Initializer of the peepholes. Default: uniform within 1 / sqrt(H). */
  peephole?: Initializer
  /** Initializer of the projection. Default: uniform within 1 / sqrt(H). */
  projectionWeight?: Initializer
}

const zoneout = number(0, 1)
const readOptions = object<LstmOptions>({
  ...recurrentFields,
  initial: optional(initialStates('h', 'c')),
  peepholes: optional(boolean),
  projection: optional(integer(1, 2 ** 24)),
  zoneout: optional((value, name) =>
    typeof value === 'number'
      ? zoneout(value, name)
      : object<{ c: number; h: number }>({ c: zoneout, h: zoneout })(value, name)
  ),
  layerNorm: optional(boolean),
  forgetBias: optional(number(-3e38, 3e38)),
  coupledGates: optional(boolean),
  activations: optional(
    object<NonNullable<LstmOptions['activations']>>({
      gates: optional(activation),
      cell: optional(activation),
      output: optional(activation)
    })
  ),
  peephole: optional(syncFunction()),
  projectionWeight: optional(syncFunction())
})

/** The tensors that `lstm` returns. */
export interface LstmResult {
  /** [T, B, R], or [T, B, 2R] when bidirectional; R is H if there is no projection. */
  output: Tensor
  /** Final states h [B, R] and c [B, H], one per layer and direction, in the order of `initial`. */
  h: Tensor[]
  c: Tensor[]
}

/**
 * Records a stack of LSTM layers over a sequence.
 *
 *   i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      g = tanh(W_ig x + b_ig + W_hg h + b_hg)
 *   f = sigmoid(W_if x + b_if + W_hf h + b_hf)      o = sigmoid(W_io x + b_io + W_ho h + b_ho)
 *   c' = f * c + i * g                              h' = o * tanh(c')
 *
 * x has the shape `[T, B, I]`: T time steps, B sequences, I features. Returns the output of the last layer and all final states. Parameters
 * have the names, shapes and gate order of torch.nn.LSTM. Throws ERR_INVALID_SHAPE if x does not have rank 3, ERR_INVALID_ARGUMENT if an
 * option is not valid, ERR_UNSUPPORTED for zoneout with peepholes, projection or layer normalisation, for layer normalisation with
 * peepholes, and for `clip`, `coupledGates` and `activations` with zoneout or layer normalisation. Source: Hochreiter and Schmidhuber
 * 1997, with the forget gate of Gers, Schmidhuber, Cummins 2000.
 *
 * Plans and sessions can read the tensors `<name>.hidden_l0` `[T, B, R]` (h after each step), and `<name>.cell_l0` (c),
 * `<name>.input_gate_l0` (i), `.forget_gate_l0` (f), `.cell_gate_l0` (g) and `.output_gate_l0` (o), `[T, B, H]` each, with the suffixes of
 * the parameters. After the end of a row they are zeros.
 * @example
 * const { output, h, c } = lstm(x, { name: 'lstm', hidden: 128, layers: 2, dropout: 0.2 })
 */
export function lstm(x: Tensor, lstmOptions: LstmOptions): LstmResult {
  const options = readOptions(lstmOptions, 'the options of lstm')
  const width = options.projection ?? options.hidden
  if (options.projection !== undefined) expectNumber('lstm', 'projection', width, 1, options.hidden, true)
  const sizes = { h: width, c: options.hidden }
  const { output, finals } = stackLayers('lstm', x, options, sizes, options.initial, (input, place) =>
    oneLayer(input, options, place)
  )
  return { output, ...finals }
}

function oneLayer(x: Tensor, options: LstmOptions, { suffix, reverse, start }: Place<'h' | 'c'>) {
  const { name, hidden, forgetBias, projection, recurrentDropout, zoneout = 0, layerNorm = false } = options
  const everywhere = uniform(1 / Math.sqrt(hidden))
  const { inputWeight = everywhere, recurrentWeight = everywhere, bias = everywhere } = options
  const { peephole = everywhere, projectionWeight = everywhere, lengths = null } = options
  const biasIh = forgetBias === undefined ? bias : withForgetBias(forgetBias, bias)
  const biasHh = forgetBias === undefined ? bias : withForgetBias(0, bias)
  const parameter = parameterOf(x, name, suffix)
  const draws = recurrentDropout !== undefined || options.zoneout !== undefined
  const norm = () => ({
    ih: parameter('norm_ih', [4 * hidden], constant(1)),
    hh: parameter('norm_hh', [4 * hidden], constant(1)),
    c: parameter('norm_c', [hidden], constant(1)),
    biasC: parameter('norm_c_bias', [hidden], zeros)
  })
  const { y, h, c, cells, gates } = lstmOp({
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
    norm: layerNorm ? norm() : null,
    reverse,
    dropout: recurrentDropout ?? 0,
    zoneout: typeof zoneout === 'number' ? { c: zoneout, h: zoneout } : zoneout,
    coupled: options.coupledGates ?? false,
    ...cellOptions(options),
    // A layer without random parts takes no number, so that the numbers of the other layers of a model do not change.
    stream: draws ? x.graph.nextStream() : 0
  })
  nameLayer(name, {
    [`hidden_${suffix}`]: y,
    [`cell_${suffix}`]: cells,
    [`input_gate_${suffix}`]: gates.input,
    [`forget_gate_${suffix}`]: gates.forget,
    [`cell_gate_${suffix}`]: gates.cell,
    [`output_gate_${suffix}`]: gates.output
  })
  return { y, h, c }
}
