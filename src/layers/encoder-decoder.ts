// An encoder that reads a sequence and a decoder that writes another one, for translation and captions. Attention is between the first two
// layers of the decoder (the idea of GNMT: Wu et al. 2016): the first layer runs over all of the target, its outputs are the queries of the attention
// over the source, and the layers above read the contexts. So each layer is one op over the sequence, where input feeding would need an op for each
// step. Products of scores are divided by the root of their width (Vaswani et al. 2017): without it a few hundred steps of Adam made the weights of
// the attention 0 or 1, always at the same place. From the third layer of a stack on, of an encoder with attention from the second one on, the input
// of a layer is added to its output (He et al. 2016).

import { add, concat, tanh } from '../graph/ops/index.js'
import type { Tensor } from '../graph/graph.js'
import { attention, attentionKeys } from './attention.js'
import { dropout } from './dropout.js'
import { linear } from './linear.js'
import { lstm } from './lstm.js'

/** Sizes and kind of an encoder and its decoder. */
export interface EncoderDecoderOptions {
  /** Units H of each layer; each direction of a bidirectional layer has half of them, rounded up. */
  readonly hidden: number
  /** Layers of an encoder with attention, at least 1, the first one bidirectional. Without attention there are as many as in the decoder. */
  readonly encoderLayers: number
  /** Layers of the decoder, at least 1, with attention at least 2. */
  readonly decoderLayers: number
  /** Score of the attention, see `attention`; 'none': the encoder's final states are all that the decoder has (Sutskever et al. 2014). */
  readonly attention: 'general' | 'dot' | 'additive' | 'none'
  /** Probability of dropout between layers, at least 0 and below 1. */
  readonly dropout: number
  /** Whether the layers are normalised, as lstm's `layerNorm`. */
  readonly layerNorm: boolean
}

/** The initial states h and c of a layer, [B, H] each. */
export interface LayerStart {
  readonly h: Tensor
  readonly c: Tensor
}

/** A sequence as a decoder reads it; S is its length, W = 2 * ceil(H / 2) the width of the encoder's outputs. */
export interface EncodedSequence {
  /** Outputs of the encoder [S, B, W]; null without attention. */
  readonly source: Tensor | null
  /** Projections of these outputs for additive scores [S, B, W]; null with other scores. */
  readonly keys: Tensor | null
  /** The initial states of the decoder's layers, the first layer first; layers beyond the list begin with zeros. */
  readonly starts: readonly LayerStart[]
}

const layerName = (side: 'encoder' | 'decoder', layer: number) => `${side}${layer}`

/** Records one LSTM layer over x [T, B, I] after dropout. */
function stacked(
  x: Tensor,
  name: string,
  { hidden, dropout: p, layerNorm }: EncoderDecoderOptions,
  place: { lengths: Tensor | null; start?: LayerStart | undefined; carry?: boolean }
) {
  const { lengths, start, carry } = place
  return lstm(dropout(x, { p }), {
    name,
    hidden,
    forgetBias: 1,
    layerNorm,
    ...(lengths && { lengths }),
    ...(carry ? { carry } : start && { initial: { h: [start.h], c: [start.c] } })
  })
}

/** Records the encoder over x [S, B, I] with `lengths` int32 [B] steps in each row, and returns the inputs of a decoder. */
export function encodeSequence(x: Tensor, lengths: Tensor, options: EncoderDecoderOptions): EncodedSequence {
  const { hidden, encoderLayers, decoderLayers, attention: kind, layerNorm } = options
  if (kind === 'none') return encodeWhole(x, lengths, options, decoderLayers)
  const half = Math.ceil(hidden / 2)
  const first = lstm(x, {
    name: layerName('encoder', 0),
    hidden: half,
    bidirectional: true,
    forgetBias: 1,
    layerNorm,
    lengths
  })
  let source = first.output
  for (let layer = 1; layer < encoderLayers; layer++) {
    const name = layerName('encoder', layer)
    source = add(source, stacked(source, name, { ...options, hidden: 2 * half }, { lengths }).output)
  }
  const final = concat([...first.h, ...first.c])
  const h = tanh(linear(final, { name: 'bridge.h', size: hidden }))
  const c = linear(final, { name: 'bridge.c', size: hidden })
  const keys = kind === 'additive' ? attentionKeys(source, { name: 'attention' }) : null
  return { source, keys, starts: [{ h, c }] }
}

/** Records an encoder without attention: its final states are the initial states of the decoder. */
function encodeWhole(x: Tensor, lengths: Tensor, options: EncoderDecoderOptions, layers: number): EncodedSequence {
  const starts: LayerStart[] = []
  let output = x
  for (let layer = 0; layer < layers; layer++) {
    const own = stacked(output, layerName('encoder', layer), layer === 0 ? { ...options, dropout: 0 } : options, {
      lengths
    })
    output = layer < 2 ? own.output : add(output, own.output)
    starts.push({ h: own.h[0]!, c: own.c[0]! })
  }
  return { source: null, keys: null, starts }
}

/** The inputs of `decodeSequence`: a target and its encoded source. */
export interface DecodedSequence {
  /** Embedded target [T, B, I]. */
  readonly x: Tensor
  /** int32 [B]: steps of each row of x; null: all. */
  readonly lengths: Tensor | null
  /** The result of `encodeSequence`. */
  readonly encoded: Pick<EncodedSequence, 'source' | 'keys'> & {
    /** Initial states; 'carried': the layers carry their states from run to run, under the names that `startNames` returns. */
    readonly starts: readonly LayerStart[] | 'carried'
  }
  /** int32 [B]: steps of each row of the source; not read without attention. */
  readonly sourceLengths: Tensor
}

/**
 * Records the decoder and returns its output: [T, B, H], or with attention [T, B, H + W], the output of the top layer followed by the context. Plans
 * can read the weights of the attention [T, B, S] under the name `attention.weights`.
 */
export function decodeSequence(target: DecodedSequence, options: EncoderDecoderOptions): Tensor {
  const { x, lengths, sourceLengths, encoded } = target
  const { source, keys, starts } = encoded
  const layer = (input: Tensor, at: number) => {
    const start = starts === 'carried' ? { carry: true } : { start: starts[at] }
    const own = at === 0 ? { ...options, dropout: 0 } : options
    return stacked(input, layerName('decoder', at), own, { lengths, ...start }).output
  }
  let output = layer(x, 0)
  const context =
    source &&
    attention(output, source, {
      name: 'attention',
      kind: options.attention as 'general',
      ...(options.attention !== 'additive' && { scale: 1 / Math.sqrt(source.shape[2]!) }),
      lengths: sourceLengths,
      ...(keys && { keys })
    }).context
  for (let at = 1; at < options.decoderLayers; at++) {
    const above = layer(context ? concat([output, context]) : output, at)
    output = at < 2 ? above : add(output, above)
  }
  return context ? concat([output, context]) : output
}

/** Returns the names of the carried states h and c of a layer of the decoder. */
export function startNames(layer: number): { readonly h: string; readonly c: string } {
  const name = layerName('decoder', layer)
  return { h: `${name}.h_l0`, c: `${name}.c_l0` }
}
