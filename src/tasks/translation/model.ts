// The network of a translator: an encoder and a decoder over the symbols of two languages, the function that a training runs, and the parts of
// it that a translation runs: the encoder, and one step of the decoder.

import { affine, crossEntropy, map, slice } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import type { ModelPart } from '../../generate/model-part.js'
import { dropout } from '../../layers/dropout.js'
import { decodeSequence, encodeSequence, startNames, type EncodedSequence } from '../../layers/encoder-decoder.js'
import { symbolLogits, symbolVectors } from '../../layers/symbols.js'
import { f32, i32, modelDefinition, type Specs } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { TaskModel } from '../runs/model-file.js'
import { symbolNames } from '../runs/vocabulary.js'
import { translationConfigFromJson, type TranslationConfig } from './config.js'
import { TRANSLATION_TASK, type TranslationNetwork } from './settings.js'
import { symbolsOfConfig } from './symbols.js'

/** The parts of a configuration that a network needs, with the sizes of its vocabularies. */
interface Network extends TranslationNetwork {
  readonly symbols: number
  /** Null: the sources have the symbols of the translations. */
  readonly sourceSymbols: number | null
}

function networkOf({ network, vocabulary }: TranslationConfig): Network {
  const { source, target } = symbolsOfConfig(vocabulary)
  return { ...network, symbols: target.size, sourceSymbols: vocabulary.source && source.size }
}

const optionsOf = ({ layers, ...network }: Network) => ({ ...network, decoderLayers: layers })

/** Records the vectors of the symbols of a table. */
function vectorsOf(ids: Tensor, { embedding, inputDropout }: Network, table: { name: string; vocabulary: number }) {
  return symbolVectors(ids, { ...table, size: embedding, dropout: inputDropout })
}

/** Records dropout of whole symbols: vectors [S, B, E] times a mask [S, B, 1]. */
function readable(vectors: Tensor, p: number): Tensor {
  if (p === 0 || !vectors.graph.training) return vectors
  const ones = affine(slice(vectors, 2, 0, 1), 0, 1)
  return map([vectors, dropout(ones, { p })], (vector, mask) => vector.mul(mask))
}

function encode(source: Tensor, lengths: Tensor, network: Network): EncodedSequence {
  const { symbols, sourceSymbols, wordDropout = 0 } = network
  const table =
    sourceSymbols === null
      ? { name: 'symbols', vocabulary: symbols }
      : { name: 'source_symbols', vocabulary: sourceSymbols }
  return encodeSequence(readable(vectorsOf(source, network, table), wordDropout), lengths, optionsOf(network))
}

/** Records the logits of the symbols from the output of the decoder. */
function logitsOf(output: Tensor, { symbols, embedding, tied, dropout }: Network): Tensor {
  return symbolLogits(output, { name: 'symbols', vocabulary: symbols, size: embedding, dropout, tied })
}

/** Returns the definition of the network that a training runs. */
export function translationDefinition(config: TranslationConfig) {
  const network = networkOf(config)
  return modelDefinition({
    name: TRANSLATION_TASK,
    config: configToJson(config),
    inputs: {
      source: i32('source', 'batch'),
      sourceLengths: i32('batch'),
      given: i32('length', 'batch'),
      lengths: i32('batch')
    },
    targets: { next: i32('length', 'batch') },
    forward({ source, sourceLengths, given, lengths }) {
      const encoded = encode(source, sourceLengths, network)
      const x = vectorsOf(given, network, { name: 'symbols', vocabulary: network.symbols })
      return { logits: logitsOf(decodeSequence({ x, lengths, encoded, sourceLengths }, optionsOf(network)), network) }
    },
    loss({ logits }, { next }) {
      const labelSmoothing = logits.graph.training ? config.training.labelSmoothing : 0
      return crossEntropy(logits, next, { labelSmoothing })
    }
  })
}

/** Returns the part that encodes sources: its outputs are states and inputs of `decoderPart` by their names there. */
export function encoderPart(config: TranslationConfig): ModelPart {
  const network = networkOf(config)
  return {
    name: 'encoder',
    inputs: { source: i32('source', 'batch'), sourceLengths: i32('batch') },
    forward({ source, sourceLengths }) {
      const { source: steps, keys, starts } = encode(source!, sourceLengths!, network)
      const states = starts.flatMap(({ h, c }, layer) => {
        const names = startNames(layer)
        return [[names.h, h] as const, [names.c, c] as const]
      })
      return { ...(steps && { encoded: steps }), ...(keys && { keys }), ...Object.fromEntries(states) }
    }
  }
}

/** Returns the part that makes one step of a translation: from symbols [length, batch] to the logits of the next ones. Its states are carried. */
export function decoderPart(config: TranslationConfig): ModelPart {
  const network = networkOf(config)
  const width = 2 * Math.ceil(network.hidden / 2)
  const inputs: Specs = {
    tokens: i32('length', 'batch'),
    ...(network.attention !== 'none' && {
      encoded: f32('source', 'batch', width),
      sourceLengths: i32('batch')
    }),
    ...(network.attention === 'additive' && { keys: f32('source', 'batch', width) })
  }
  return {
    name: 'decoder',
    inputs,
    forward({ tokens, encoded: memory, keys, sourceLengths }: Readonly<Record<string, Tensor>>) {
      const x = vectorsOf(tokens!, network, { name: 'symbols', vocabulary: network.symbols })
      const encoded = { source: memory ?? null, keys: keys ?? null, starts: 'carried' as const }
      const target = { x, lengths: null, encoded, sourceLengths: sourceLengths! }
      return { logits: logitsOf(decodeSequence(target, optionsOf(network)), network) }
    }
  }
}

/** The model of the task, as its files store it. */
export const translationTask: TaskModel<TranslationConfig> = {
  task: TRANSLATION_TASK,
  configFromJson: translationConfigFromJson,
  definition: translationDefinition,
  symbolParameters(config) {
    const { source, target } = symbolsOfConfig(config.vocabulary)
    const own = config.network.tied ? ['symbols.weight'] : ['symbols.weight', 'head.weight']
    return [
      { parameters: [...own, 'head.bias'], symbols: symbolNames(target) },
      ...(config.vocabulary.source ? [{ parameters: ['source_symbols.weight'], symbols: symbolNames(source) }] : [])
    ]
  }
}
