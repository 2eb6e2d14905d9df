// Layers of image encoders: the convolution, as a product with the patches under its kernel, the maximum over squares, and sweeps of LSTM layers.

import { map, max, mean, pad, patches, permute, relu, reshape } from '../graph/ops/index.js'
import { constant, normal, zeros } from '../graph/initializers.js'
import type { Tensor } from '../graph/graph.js'
import { linear } from './linear.js'
import { lstm } from './lstm.js'

/** Sizes of a convolution. */
export interface ConvolutionOptions {
  /** Prefix of the parameters' names. */
  readonly name: string
  /** Number O of channels of the result. */
  readonly channels: number
  /** Height and width of the kernel, an odd number; the image is padded with zeros by half of it. */
  readonly kernel: number
  /** Pixels from one place of the kernel to the next, in both directions. */
  readonly stride: number
  /** Whether the channels of each place are normalised (Ba, Kiros, Hinton 2016) before the rectifier. */
  readonly norm: boolean
}

const EPSILON = 1e-5

/** Records layer normalisation of the last dimension. Parameters: `<name>.weight` and `<name>.bias` [C]. */
function normalised(x: Tensor, name: string): Tensor {
  const channels = x.shape.at(-1)!
  const gain = x.graph.parameter(`${name}.weight`, [channels], constant(1))
  const shift = x.graph.parameter(`${name}.bias`, [channels], zeros)
  const centred = map([x, mean(x, -1, { keepDims: true })], (value, middle) => value.sub(middle))
  const variance = mean(
    map([centred], (value) => value.square()),
    -1,
    { keepDims: true }
  )
  return map([centred, variance, gain, shift], (value, square, weight, bias) =>
    value.div(square.add(EPSILON).sqrt()).mul(weight).add(bias)
  )
}

/**
 * Records a convolution with a rectifier: x [B, H, W, C] gives [B, H', W', O], H' and W' being the sizes of x divided by the stride, rounded up.
 * Parameters: those of `linear`, whose weight is [O, K K C], and `<name>.norm.weight` and `.bias` [O]. The first values are those of He et al. 2015.
 */
export function convolution(x: Tensor, options: ConvolutionOptions): Tensor {
  const { name, channels, kernel, stride, norm } = options
  const under = patches(x, { axes: [1, 2], kernel, stride, padding: (kernel - 1) / 2 })
  const weight = normal(Math.sqrt(2 / under.shape.at(-1)!))
  const y = linear(under, { name, size: channels, weight, biasStart: zeros })
  return relu(norm ? normalised(y, `${name}.norm`) : y)
}

/** Records the maximum of each square of 2 x 2 places: x [B, H, W, C], at least 0, gives [B, H', W', C], half of the sizes rounded up. */
export function halved(x: Tensor): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)]
  const odd = [2 * rows - height, 2 * columns - width] as const
  const even = odd[0] + odd[1] === 0 ? x : pad(x, [[0, 0], [0, odd[0]], [0, odd[1]], [0, 0]]) // prettier-ignore
  const down = max(reshape(even, [batch * rows, 2, 2 * columns * channels]), 1)
  return reshape(max(reshape(down, [batch * rows * columns, 2, channels]), 1), [batch, rows, columns, channels])
}

/**
 * Records a layer of ReNet (Visin et al. 2015): an LSTM layer in both directions over each column, then one over each row of the result.
 * x [B, H, W, C] gives [B, H, W, 2U], U being the units of a direction. Parameters: those of `lstm` under `<name>.columns` and `<name>.rows`.
 */
export function sweep(x: Tensor, { name, hidden }: { readonly name: string; readonly hidden: number }): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  const along = (y: Tensor, direction: string) =>
    lstm(y, { name: `${name}.${direction}`, hidden, bidirectional: true, forgetBias: 1 }).output
  const columns = along(reshape(permute(x, [1, 0, 2, 3]), [height, batch * width, channels]), 'columns')
  const turned = permute(reshape(columns, [height, batch, width, 2 * hidden]), [2, 1, 0, 3])
  const rows = along(reshape(turned, [width, batch * height, 2 * hidden]), 'rows')
  return permute(reshape(rows, [width, batch, height, 2 * hidden]), [1, 2, 0, 3])
}
