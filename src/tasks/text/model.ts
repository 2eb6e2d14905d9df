// The text model: symbols to vectors, a stack of LSTM layers whose state is carried from batch to batch, and a linear
// layer to one score per symbol (Graves 2013, section 3). ids [T, B] -> logits [T, B, V]; loss in nats per symbol.

import { vocabularyFromConfig } from '../../data/text/vocabulary.js'
import { normal, orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { crossEntropy } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { dropout } from '../../layers/dropout.js'
import { embedding } from '../../layers/embedding.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { defineModel, i32, modelDefinition, type Model, type ModelOptions } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { TaskModel } from '../runs/model-file.js'
import { symbolNames } from '../runs/vocabulary.js'
import { readTextConfig, textConfigFromJson, type TextConfig } from './config.js'
import type { TextNetwork } from './settings.js'

export const TEXT_TASK = 'text'

/**
 * How far the weights start from zero: the standard deviation of the symbols' vectors, and the bound of the input weights as a
 * multiple of Glorot and Bengio's (2010). Small networks learn much sooner when their gates differ from the first step on (1 x 64
 * after a million characters: 1.62 nats instead of 1.67; 2 x 256 after four epochs 1.499 instead of 1.505); large ones learn more
 * than they can use that way and validate better from a mild start (2 x 512 with dropout after five epochs: 1.447 instead of 1.468).
 */
function startingScales({ hidden }: Pick<TextNetwork, 'hidden'>): { embedding: number; input: number } {
  return hidden > 256 ? { embedding: 0.5, input: 1 } : { embedding: 1.2, input: 2 }
}

/** The layers above the vectors of the symbols: x [T, B, E] -> logits [T, B, V]. */
export function textLayers(x: Tensor, config: TextConfig): Tensor {
  const { hidden, layers, dropout: p, locked, recurrentDropout, zoneout } = config.network
  const { size } = vocabularyFromConfig(config.vocabulary)
  const { input } = startingScales(config.network)
  const { output } = lstm(x, {
    name: 'lstm',
    hidden,
    layers,
    dropout: p,
    locked,
    ...(recurrentDropout > 0 && { recurrentDropout }),
    ...(zoneout > 0 && { zoneout }),
    carry: true,
    inputWeight: uniform((shape) => input * Math.sqrt(6 / (shape[1]! + hidden))),
    recurrentWeight: orthogonal(),
    bias: zeros,
    forgetBias: 1
  })
  return linear(dropout(output, { p, locked }), { name: 'head', size, biasStart: zeros })
}

/** The network that `config` describes. */
export function textDefinition(config: TextConfig) {
  const { embedding: width } = config.network
  const { size } = vocabularyFromConfig(config.vocabulary)
  return modelDefinition({
    name: TEXT_TASK,
    config: configToJson(config),
    inputs: { tokens: i32('length', 'batch') },
    targets: { targets: i32('length', 'batch') },
    forward({ tokens }) {
      const x = embedding(tokens, {
        name: 'embedding',
        vocabulary: size,
        size: width,
        weight: normal(startingScales(config.network).embedding)
      })
      return { logits: textLayers(x, config) }
    },
    loss({ logits }, { targets }) {
      const labelSmoothing = logits.graph.training ? (config.training?.labelSmoothing ?? 0) : 0
      return crossEntropy(logits, targets, { labelSmoothing })
    },
    stream: { token: 'tokens', logits: 'logits' }
  })
}

/** Returns the network that `config` describes, with first values drawn from `options.seed`. Throws ERR_INVALID_ARGUMENT. */
export function textModel(config: TextConfig, options: ModelOptions = {}): Model {
  return defineModel(textDefinition(readTextConfig(config, 'config')), options)
}

export const textTask: TaskModel<TextConfig> = {
  task: TEXT_TASK,
  configFromJson: textConfigFromJson,
  definition: textDefinition,
  symbolParameters: ({ vocabulary }) => [
    {
      parameters: ['embedding.weight', 'head.weight', 'head.bias'],
      symbols: symbolNames(vocabularyFromConfig(vocabulary))
    }
  ]
}
