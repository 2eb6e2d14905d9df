// The network of a captioner: an encoder of images and a decoder over words, the function that a training runs, and the parts of it that a caption
// needs: the encoder, and one step of the decoder.

import type { ModelPart } from '../../generate/model-part.js'
import { add, crossEntropy } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { decodeSequence, startNames, type EncoderDecoderOptions } from '../../layers/encoder-decoder.js'
import {
  encodeImage,
  imagePlaces,
  type ImageEncoderOptions,
  type ImagePlaces,
  type ImageSize
} from '../../layers/image-encoder.js'
import { symbolLogits, symbolVectors } from '../../layers/symbols.js'
import { f32, i32, modelDefinition, type Specs } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { TaskModel } from '../runs/model-file.js'
import { symbolNames } from '../runs/vocabulary.js'
import { captionsConfigFromJson, type CaptionsConfig } from './config.js'
import { CAPTIONS_TASK, channelsOf, type CaptionsNetwork } from './settings.js'
import { captionWordsOf } from './words.js'

/** Default layers of ReNet of the encoder renet. */
const RENET_SWEEPS = 2

/** Logit of a token that captions never have; its probability is 0. */
const NEVER = -1e30

/** The parts of a configuration that determine the encoder. */
type EncoderConfig = Pick<CaptionsConfig, 'image' | 'features' | 'network'>

function encoderOptions({ features, network }: EncoderConfig): ImageEncoderOptions {
  const { encoder, sweeps = encoder === 'renet' && !features ? RENET_SWEEPS : 0, summary = 0, imageDropout } = network
  const shared = { ...network, channels: channelsOf(network), sweeps, summary, dropout: imageDropout }
  return { ...shared, encoder: features ? 'none' : encoder }
}

/** Returns the size of the images that the network reads: pixels with three numbers, or places with features. */
export function imageSizeOf({ image, features }: Pick<CaptionsConfig, 'image' | 'features'>): ImageSize {
  if (!features) return { height: image.height, width: image.width, depth: 3 }
  return { height: features.rows, width: features.columns, depth: features.width }
}

const decoderOptions = ({ layers, ...network }: CaptionsNetwork): EncoderDecoderOptions => ({
  ...network,
  encoderLayers: 1,
  decoderLayers: layers
})

/** Returns the places of the images of a captioner. */
export function placesOf(config: EncoderConfig): ImagePlaces {
  return imagePlaces(imageSizeOf(config), encoderOptions(config))
}

/** Returns the input of images. */
function imagesInput(config: CaptionsConfig) {
  const { height, width, depth } = imageSizeOf(config)
  return f32('batch', height, width, depth)
}

/** Returns the functions that record the vectors of words, and the logits of the next ones. */
function wordLayers({ network, words }: CaptionsConfig) {
  const { embedding, inputDropout, dropout } = network
  const table = { name: 'symbols', vocabulary: captionWordsOf(words).vocabulary.size, size: embedding }
  return {
    vectors: (ids: Tensor) => symbolVectors(ids, { ...table, dropout: inputDropout }),
    logits: (output: Tensor) => symbolLogits(output, { ...table, dropout, tied: true })
  }
}

/** Returns the definition of the network that a training runs. */
export function captionsDefinition(config: CaptionsConfig) {
  const { network, training } = config
  const { vectors, logits } = wordLayers(config)
  return modelDefinition({
    name: CAPTIONS_TASK,
    config: configToJson(config),
    inputs: {
      images: imagesInput(config),
      places: i32('batch'),
      given: i32('length', 'batch'),
      lengths: i32('batch')
    },
    targets: { next: i32('length', 'batch') },
    forward({ images, places, given, lengths }) {
      const encoded = encodeImage(images, encoderOptions(config))
      const target = { x: vectors(given), lengths, encoded, sourceLengths: places }
      return { logits: logits(decodeSequence(target, decoderOptions(network))) }
    },
    loss({ logits }, { next }) {
      return crossEntropy(logits, next, { labelSmoothing: logits.graph.training ? training.labelSmoothing : 0 })
    }
  })
}

/** Returns the part that encodes images: its outputs are states and inputs of `captionDecoder` by their names there. */
export function captionEncoder(config: CaptionsConfig): ModelPart {
  return {
    name: 'encoder',
    inputs: { images: imagesInput(config) },
    forward({ images }) {
      const { source, keys, starts } = encodeImage(images!, encoderOptions(config))
      const states = starts.flatMap(({ h, c }, layer) => {
        const names = startNames(layer)
        return [[names.h, h] as const, [names.c, c] as const]
      })
      return { encoded: source!, ...(keys && { keys }), ...Object.fromEntries(states) }
    }
  }
}

/**
 * Returns the part that makes one step of a caption: from words [length, batch] to the logits of the next ones, among which the tokens unknown and
 * begin never are. Its states are carried.
 */
export function captionDecoder(config: CaptionsConfig): ModelPart {
  const { network } = config
  const { vocabulary } = captionWordsOf(config.words)
  const { vectors, logits } = wordLayers(config)
  const { rows, columns, width } = placesOf(config)
  const inputs: Specs = {
    tokens: i32('length', 'batch'),
    encoded: f32(rows * columns, 'batch', width),
    places: i32('batch'),
    ...(network.attention === 'additive' && { keys: f32(rows * columns, 'batch', width) })
  }
  const never = [vocabulary.idOf('unknown'), vocabulary.idOf('begin')]
  return {
    name: 'decoder',
    inputs,
    forward({ tokens, encoded: source, places, keys }: Readonly<Record<string, Tensor>>) {
      const encoded = { source: source!, keys: keys ?? null, starts: 'carried' as const }
      const target = { x: vectors(tokens!), lengths: null, encoded, sourceLengths: places! }
      const all = logits(decodeSequence(target, decoderOptions(network)))
      const allowed = Array.from({ length: vocabulary.size }, (_, id) => (never.includes(id) ? NEVER : 0))
      return { logits: add(all, all.graph.constant(allowed)) }
    }
  }
}

/** The model of the task, as its files store it. */
export const captionsTask: TaskModel<CaptionsConfig> = {
  task: CAPTIONS_TASK,
  configFromJson: captionsConfigFromJson,
  definition: captionsDefinition,
  symbolParameters: ({ words }) => [
    { parameters: ['symbols.weight', 'head.bias'], symbols: symbolNames(captionWordsOf(words).vocabulary) }
  ]
}
