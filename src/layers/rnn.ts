// Stacked plain recurrent layers over a sequence. Parameters have PyTorch's names: `<name>.weight_ih_l0` [H, I], `<name>.weight_hh_l0` [H, H],
// `<name>.bias_ih_l0` and `<name>.bias_hh_l0` [H]; the suffixes are those of the LSTM.

import { object, optional } from '../check/index.js'
import { uniform } from '../graph/initializers.js'
import { activation, type Activation } from '../graph/ops/activations.js'
import { rnnOp } from '../graph/ops/rnn.js'
import type { Tensor } from '../graph/graph.js'
import { nameLayer } from '../graph/tensor-names.js'
import { cellOptions, initialStates, parameterOf, recurrentFields, stackLayers } from './stack.js'
import type { Place, RecurrentOptions } from './stack.js'

/** The options of `rnn`. */
export interface RnnOptions extends RecurrentOptions {
  /** Initial states [B, H], one per layer and direction, or 'learned': parameters [H] that start as zeros; default: zeros. */
  initial?: { h: readonly Tensor[] } | 'learned'
  /** The function of the sum. Default: tanh. */
  activation?: Activation
}

/** The tensors that `rnn` returns. */
export interface RnnResult {
  /** [T, B, H], or [T, B, 2H] when bidirectional. */
  output: Tensor
  /** Final states [B, H], one per layer and direction, in the order of `initial`. */
  h: Tensor[]
}

const readOptions = object<RnnOptions>({
  ...recurrentFields,
  initial: optional(initialStates('h')),
  activation: optional(activation)
})

/**
 * Records a stack of plain recurrent layers over a sequence (Elman 1990, in PyTorch's form).
 *
 *   h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
 *
 * x has the shape `[T, B, I]`: T time steps, B sequences, I features. Returns the output of the last layer and all final states. There are no
 * kernels for the GPU and for int8. Throws ERR_INVALID_SHAPE if x does not have rank 3, ERR_INVALID_ARGUMENT if an option is not valid.
 *
 * Plans and sessions can read the tensors `<name>.hidden_l0` (h after each step), `[T, B, H]` each, with the suffixes of the parameters.
 * After the end of a row they are zeros.
 * @example
 * const { output, h } = rnn(x, { name: 'rnn', hidden: 64, activation: 'relu' })
 */
export function rnn(x: Tensor, rnnOptions: RnnOptions): RnnResult {
  const options = readOptions(rnnOptions, 'the options of rnn')
  const sizes = { h: options.hidden }
  const { output, finals } = stackLayers('rnn', x, options, sizes, options.initial, (input, place) =>
    oneLayer(input, options, place)
  )
  return { output, ...finals }
}

function oneLayer(x: Tensor, options: RnnOptions, { suffix, reverse, start }: Place<'h'>) {
  const { name, hidden, recurrentDropout, lengths = null } = options
  const everywhere = uniform(1 / Math.sqrt(hidden))
  const { inputWeight = everywhere, recurrentWeight = everywhere, bias = everywhere } = options
  const parameter = parameterOf(x, name, suffix)
  const { y, h } = rnnOp({
    x,
    weightIh: parameter('weight_ih', [hidden, x.shape[2]!], inputWeight),
    weightHh: parameter('weight_hh', [hidden, hidden], recurrentWeight),
    biasIh: parameter('bias_ih', [hidden], bias),
    biasHh: parameter('bias_hh', [hidden], bias),
    h0: start?.h ?? null,
    lengths,
    reverse,
    dropout: recurrentDropout ?? 0,
    stream: recurrentDropout === undefined ? 0 : x.graph.nextStream(),
    activation: options.activation ?? 'tanh',
    ...cellOptions(options)
  })
  nameLayer(name, { [`hidden_${suffix}`]: y })
  return { y, h }
}
