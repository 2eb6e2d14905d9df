// The network that reads handwriting (Graves, Liwicki, Fernandez, Bertolami, Bunke, Schmidhuber, "A novel connectionist
// system for unconstrained handwriting recognition", PAMI 2009): LSTM layers over the points of the pen, in both directions,
// and a linear layer to one score per symbol and the blank, trained by connectionist temporal classification.
// points [T, B, F], lengths [B] -> logits [T, B, V + 1]; id 0 is the blank; loss in nats per sample.

import { INK_FEATURES } from '../../data/ink/features.js'
import { vocabularyFromConfig } from '../../data/text/vocabulary.js'
import { orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { ctcLoss } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { dropout } from '../../layers/dropout.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { defineModel, f32, i32, modelDefinition, type Model, type ModelOptions } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { TaskModel } from '../runs/model-file.js'
import { recognitionConfigFromJson, readRecognitionConfig, type RecognitionConfig } from './config.js'

export const RECOGNITION_TASK = 'handwriting-recognition'
export const BLANK = 0

/** The layers, one by one, so that a trace can look between them: [input of each, output of the last], and the logits. */
export function recognitionLayers(points: Tensor, lengths: Tensor | null, config: RecognitionConfig) {
  const { hidden, layers, bidirectional, dropout: p } = config.network
  const { size } = vocabularyFromConfig(config.vocabulary)
  const glorot = uniform((shape) => 2 * Math.sqrt(6 / (shape[1]! + hidden)))
  const { output } = lstm(points, {
    name: 'lstm',
    hidden,
    layers,
    dropout: p,
    bidirectional,
    // What a reader has seen so far is its state: it goes on with the next point.
    carry: !bidirectional,
    ...(lengths && { lengths }),
    inputWeight: glorot,
    recurrentWeight: orthogonal(),
    bias: zeros,
    forgetBias: 1
  })
  return { logits: linear(dropout(output, { p }), { name: 'head', size: size + 1, biasStart: zeros }) }
}

/** The network that `config` describes. */
export function recognitionDefinition(config: RecognitionConfig) {
  return modelDefinition({
    name: RECOGNITION_TASK,
    config: configToJson(config),
    inputs: { points: f32('length', 'batch', INK_FEATURES), lengths: i32('batch') },
    targets: { labels: i32('batch', 'labels'), labelLengths: i32('batch') },
    forward: ({ points, lengths }) => recognitionLayers(points, lengths, config),
    loss: ({ logits }, { labels, labelLengths }, { lengths }) =>
      ctcLoss({ logits, targets: labels, inputLengths: lengths, targetLengths: labelLengths, blank: BLANK }).loss
  })
}

/** Returns the network that `config` describes, with first values drawn from `options.seed`. Throws ERR_INVALID_ARGUMENT. */
export function recognitionModel(config: RecognitionConfig, options: ModelOptions = {}): Model {
  return defineModel(recognitionDefinition(readRecognitionConfig(config, 'config')), options)
}

export const recognitionTask: TaskModel<RecognitionConfig> = {
  task: RECOGNITION_TASK,
  configFromJson: recognitionConfigFromJson,
  definition: recognitionDefinition
}
