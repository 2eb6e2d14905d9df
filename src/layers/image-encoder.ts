// Encoders of images for decoders with attention over places ("Show, attend and tell", Xu et al. 2015): convolutions, or sweeps of LSTM layers over
// patches (ReNet, Visin et al. 2015), trained with the decoder from its first values; or ready features of another network in place of both.

import { concat, map, mean, pad, patches, permute, relu, reshape, tanh } from '../graph/ops/index.js'
import { zeros } from '../graph/initializers.js'
import type { Tensor } from '../graph/graph.js'
import { attentionKeys } from './attention.js'
import { dropout } from './dropout.js'
import type { EncodedSequence } from './encoder-decoder.js'
import { convolution, halved, sweep } from './images.js'
import { linear } from './linear.js'

/** Sizes of an encoder of images. */
export interface ImageEncoderOptions {
  /** 'conv': convolutions of 3 x 3 places; 'renet': patches, which the sweeps read; 'none': the pixels are features, which are read as they are. */
  readonly encoder: 'conv' | 'renet' | 'none'
  /** Channels of each convolution; between two of them the image is halved. */
  readonly channels: readonly number[]
  /** How an image is halved: by the maximum of each square of 2 x 2 places, or by convolutions of every second place. */
  readonly halving: 'max' | 'stride'
  /** Whether the channels of the convolutions are normalised, which makes them learn several times faster. */
  readonly norm: boolean
  /** Height and width of the patches in pixels; only for 'renet'. */
  readonly patch: number
  /** Layers of ReNet over the convolutions or patches, each with its sweeps over columns and rows. */
  readonly sweeps: number
  /** Units of a direction of a sweep. */
  readonly sweepUnits: number
  /** Numbers of each place that the initial states read next to the mean of the features; 0: only the mean. */
  readonly summary: number
  /** Units of a layer of the decoder. */
  readonly hidden: number
  /** Score of the attention of the decoder; 'additive' needs the keys of the places. */
  readonly attention: 'general' | 'dot' | 'additive'
  /** Probability of dropout of the features of the places. */
  readonly dropout: number
}

/** The places of an encoded image, and their features. */
export interface ImagePlaces {
  readonly rows: number
  readonly columns: number
  /** Width of the features of a place. */
  readonly width: number
}

/** The size of images: pixels, and the numbers of each. */
export interface ImageSize {
  readonly height: number
  readonly width: number
  readonly depth: number
}

/** Returns the places of images of a size. */
export function imagePlaces({ width, height, depth }: ImageSize, options: ImageEncoderOptions): ImagePlaces {
  const { encoder, channels, patch, sweeps, sweepUnits } = options
  const [divisor, features] = {
    conv: [2 ** (channels.length - 1), channels.at(-1)!],
    renet: [patch, depth * patch * patch],
    none: [1, depth]
  }[encoder] as [number, number]
  return {
    rows: Math.ceil(height / divisor),
    columns: Math.ceil(width / divisor),
    width: sweeps > 0 ? 2 * sweepUnits : features
  }
}

/** Records the convolutions of x [B, H, W, D]. */
function convolved(x: Tensor, { channels, halving, norm }: ImageEncoderOptions): Tensor {
  let y = x
  for (const [at, size] of channels.entries()) {
    const halves = at > 0
    const stride = halves && halving === 'stride' ? 2 : 1
    if (halves && halving === 'max') y = halved(y)
    y = convolution(y, { name: `image.conv${at}`, channels: size, kernel: 3, stride, norm })
  }
  return y
}

/** Records the patches of x [B, H, W, D], next to each other; those at the end are filled with zeros. */
function cut(x: Tensor, { patch }: ImageEncoderOptions): Tensor {
  const [, height, width] = x.shape as [number, number, number]
  const after = [height, width].map((size) => Math.ceil(size / patch) * patch - size)
  const whole = after.some((size) => size > 0) ? pad(x, [[0, 0], [0, after[0]!], [0, after[1]!], [0, 0]]) : x // prettier-ignore
  return patches(whole, { axes: [1, 2], kernel: patch, stride: patch })
}

/**
 * Records the input of the initial states from the features [S, B, W]: their mean, which does not depend on where something is, followed by `numbers`
 * of each place, which do.
 */
function summarised(source: Tensor, numbers: number): Tensor {
  const middle = mean(source, 0)
  if (numbers === 0) return middle
  const [places, batch] = source.shape as [number, number, number]
  const few = relu(linear(source, { name: 'image.summary', size: numbers }))
  return concat([middle, reshape(permute(few, [1, 0, 2]), [batch, places * numbers])])
}

/**
 * Records the encoder of images [B, H, W, D] and returns the inputs of `decodeSequence`: the features of the places [S, B, W], row by row from the
 * top, with a learned vector for each place, and the initial states of the first layer, from `summarised`.
 */
export function encodeImage(x: Tensor, options: ImageEncoderOptions): EncodedSequence {
  const { encoder, sweeps, sweepUnits, summary, hidden, attention, dropout: p } = options
  let y = encoder === 'conv' ? convolved(x, options) : encoder === 'renet' ? cut(x, options) : x
  for (let at = 0; at < sweeps; at++) y = sweep(y, { name: `image.sweep${at}`, hidden: sweepUnits })
  const [batch, rows, columns, width] = y.shape as [number, number, number, number]
  const places = permute(reshape(y, [batch, rows * columns, width]), [1, 0, 2])
  const vectors = reshape(x.graph.parameter('image.places', [rows * columns, width], zeros), [rows * columns, 1, width])
  const source = dropout(
    map([places, vectors], (feature, place) => feature.add(place)),
    { p }
  )
  const whole = summarised(source, summary)
  const h = tanh(linear(whole, { name: 'bridge.h', size: hidden }))
  const c = linear(whole, { name: 'bridge.c', size: hidden })
  const keys = attention === 'additive' ? attentionKeys(source, { name: 'attention' }) : null
  return { source, keys, starts: [{ h, c }] }
}
