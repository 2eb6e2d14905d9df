// The amount of work of a run: floating-point operations as the benchmark defines them, those that are executed, and the bytes that must
// pass between memory (or a cache) and a core. B batch, T steps, H hidden size, V symbols.

import type { Precision } from '../../graph/opcodes.js'

/** Symbols of the character models. */
export const VOCABULARY = 65

/** Symbols of the translator. */
export const TRANSLATION_SYMBOLS = 4000

/** Sizes of a workload: B batch, T steps, H hidden size, number of layers. */
export interface Sizes {
  readonly B: number
  readonly T: number
  readonly H: number
  readonly layers: number
}

/** Bytes of a weight at each precision. */
export const bytesPerWeight: Readonly<Record<string, number>> = { f32: 4, bf16: 2, int8: 1, tf32: 4 }

/** Returns the operations of one LSTM layer forward over `tokens` tokens: four gates of an input product and a recurrent one. */
export function layerFlops(tokens: number, input: number, hidden: number): number {
  return tokens * 2 * 4 * hidden * (input + hidden)
}

/** Returns the operations of an inference of only the layers, with an input as wide as the state. */
export function layersFlops({ B, T, H, layers }: Sizes): number {
  return layers * layerFlops(B * T, H, H)
}

/**
 * Returns the operations of one training step of a character model: embedding, layers, linear head; backward counts twice the forward
 * pass.
 */
export function trainCharFlops({ B, T, H, layers }: Sizes): number {
  return 3 * B * T * (layers * layerFlops(1, H, H) + 2 * H * VOCABULARY)
}

/** Returns the operations of a translator's output layer forward: from H / 2 columns to the symbols. */
export function outputFlops({ B, T, H }: Pick<Sizes, 'B' | 'T' | 'H'>): number {
  return B * T * 2 * (H / 2) * TRANSLATION_SYMBOLS
}

/**
 * Returns the operations of one training step of a translator with attention, of T symbols on either side and embeddings of H / 2 columns: an
 * encoder of H / 2 units in each direction, the linear layers of the decoder's first state, its two layers, the attention with its projection of
 * the queries, the layer before the output, and the output; backward counts twice the forward pass.
 */
export function trainTranslationFlops({ B, T, H }: Pick<Sizes, 'B' | 'T' | 'H'>): number {
  const tokens = B * T
  const encoder = 2 * layerFlops(tokens, H / 2, H / 2) + 2 * B * 2 * 2 * H * H
  const attention = tokens * 2 * H * H + 2 * tokens * 2 * T * H
  const decoder = layerFlops(tokens, H / 2, H) + attention + layerFlops(tokens, 2 * H, H)
  return 3 * (encoder + decoder + tokens * 2 * 2 * H * (H / 2) + outputFlops({ B, T, H }))
}

/**
 * Returns the part of the operations of train-char that is executed if the embedding is folded into the first layer: the input product of that
 * layer is computed once for each symbol of the vocabulary, not once for each token.
 */
export function foldedTrainCharFlops(sizes: Sizes): number {
  const { B, T, H } = sizes
  const inputProduct = 3 * 2 * 4 * H * H
  return trainCharFlops(sizes) - (B * T - Math.min(VOCABULARY, B * T)) * inputProduct
}

/** Returns the bytes of the weights of the layers without biases, which a step at batch 1 must read. */
export function layersBytes({ H, layers }: Pick<Sizes, 'H' | 'layers'>, precision: Precision): number {
  return layers * 4 * H * 2 * H * bytesPerWeight[precision]!
}

/** Returns the bytes of the recurrent weights of one layer. */
export function recurrentBytes({ H }: Pick<Sizes, 'H'>, precision: Precision): number {
  return 4 * H * H * bytesPerWeight[precision]!
}

/**
 * Returns the bytes of the weights that one character of the sampling loop reads: layers and head. `folded`: a row instead of the
 * first W_ih.
 */
export function sampleBytes(sizes: Pick<Sizes, 'H' | 'layers'>, precision: Precision, folded: boolean): number {
  const { H } = sizes
  const whole = layersBytes(sizes, precision) + VOCABULARY * H * 4
  return folded ? whole - recurrentBytes({ H }, precision) + 4 * H * 4 : whole
}

/**
 * Returns the bytes that a sequence moves between core and cache, for the roofline: W once, U once a step, x and y once, the gates written
 * and read. A training pass counts as three times that.
 */
export function sequenceBytes(sizes: Sizes, precision: Precision): number {
  const { B, T, H, layers } = sizes
  const weights = (T + 1) * recurrentBytes({ H }, precision)
  return layers * (weights + B * T * H * 4 * (2 + 2 * 4))
}
