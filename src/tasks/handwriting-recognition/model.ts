// The network that reads handwriting (Graves, Liwicki, Fernandez, Bertolami, Bunke, Schmidhuber, "A novel connectionist system for
// unconstrained handwriting recognition", PAMI 2009): LSTM layers over the points of the pen and a linear layer to the scores of the
// symbols and the blank, trained by connectionist temporal classification. Its input is points [T, B, F] with lengths [B], its output
// logits [T, B, V], where V counts the symbols and the blank, and its loss is in nats per sample.

import { orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { ctcLoss } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { dropout } from '../../layers/dropout.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { defineModel, modelDefinition, type Model, type ModelOptions } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { TaskModel } from '../runs/model-file.js'
import { symbolNames } from '../runs/vocabulary.js'
import { recognitionConfigFromJson, readRecognitionConfig, type RecognitionConfig } from './config.js'
import { readerTensors } from './data.js'
import { readerVocabularies } from './labels.js'

/** Name of the task in model files and on the command line. */
export const RECOGNITION_TASK = 'handwriting-recognition'

/** Records the layers and returns the logits [T, B, V] of points [T, B, F]. `lengths` [B] are the numbers of points of the rows. */
function recognitionLayers(points: Tensor, lengths: Tensor, config: RecognitionConfig) {
  const { hidden, layers, bidirectional, dropout: p } = config.network
  const { size } = readerVocabularies.of(config)
  const glorot = uniform((shape) => 2 * Math.sqrt(6 / (shape[1]! + hidden)))
  const { output } = lstm(points, {
    name: 'lstm',
    hidden,
    layers,
    dropout: p,
    bidirectional,
    // The state of a network of one direction contains the points that were read, so that a live reader can continue with the next one.
    carry: !bidirectional,
    lengths,
    inputWeight: glorot,
    recurrentWeight: orthogonal(),
    bias: zeros,
    forgetBias: 1
  })
  return { logits: linear(dropout(output, { p }), { name: 'head', size, biasStart: zeros }) }
}

/** Returns the definition of the network that `config` describes. */
export function recognitionDefinition(config: RecognitionConfig) {
  const blank = readerVocabularies.of(config).idOf('blank')
  return modelDefinition({
    name: RECOGNITION_TASK,
    config: configToJson(config),
    ...readerTensors,
    forward: ({ points, lengths }) => recognitionLayers(points, lengths, config),
    loss: ({ logits }, { labels, labelLengths }, { lengths }) =>
      ctcLoss({ logits, targets: labels, inputLengths: lengths, targetLengths: labelLengths, blank }).loss
  })
}

/**
 * Returns the network that `config` describes, with first values drawn from `options.seed` (default 0). Throws ERR_INVALID_ARGUMENT for a
 * configuration or options that are not valid.
 *
 * @example
 * const model = recognitionModel(reader.config, { seed: 1 })
 * model.parameterCount // as many as those of reader.model
 */
export function recognitionModel(config: RecognitionConfig, options: ModelOptions = {}): Model {
  return defineModel(recognitionDefinition(readRecognitionConfig(config, 'config')), options)
}

/** The models of readers, as their files store them. */
export const recognitionTask: TaskModel<RecognitionConfig> = {
  task: RECOGNITION_TASK,
  configFromJson: recognitionConfigFromJson,
  definition: recognitionDefinition,
  symbolParameters: (config) => [
    { parameters: ['head.weight', 'head.bias'], symbols: symbolNames(readerVocabularies.of(config)) }
  ]
}
