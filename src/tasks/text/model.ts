// The text model (Graves 2013, section 3): an embedding of the symbols, a stack of LSTM, GRU or plain layers whose state is carried from batch to
// batch, and a linear layer to the scores of the symbols. Its input is ids [T, B], its output logits [T, B, V], its loss is in nats per symbol.

import { vocabularyFromConfig, vocabularySizeOf } from '../../data/text/vocabulary.js'
import { expected } from '../../errors.js'
import { normal, orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { crossEntropy } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { dropout } from '../../layers/dropout.js'
import { embedding } from '../../layers/embedding.js'
import { gru } from '../../layers/gru.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { rnn } from '../../layers/rnn.js'
import { defineModel, i32, modelDefinition, type Model, type ModelOptions } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { TaskModel } from '../runs/model-file.js'
import { symbolNames } from '../runs/vocabulary.js'
import { readTextConfig, textConfigFromJson, type TextConfig } from './config.js'
import type { TextNetwork } from './settings.js'
import { OUTPUT_WEIGHT } from './training/output-layer.js'

/** Name of the task in model files and on the command line. */
export const TEXT_TASK = 'text'

/**
 * Returns the scales of the first weights: the standard deviation of the embedding, and the bound of the input weights as a multiple of that of
 * Glorot and Bengio (2010). Small networks learn much sooner if their gates differ from the first step on (1 x 64 after a million characters:
 * 1.62 nats instead of 1.67; 2 x 256 after four epochs 1.499 instead of 1.505). Large ones overfit with such weights and validate better with
 * smaller ones (2 x 512 with dropout after five epochs: 1.447 instead of 1.468).
 */
function startingScales({ hidden }: Pick<TextNetwork, 'hidden'>): { embedding: number; input: number } {
  return hidden > 256 ? { embedding: 0.5, input: 1 } : { embedding: 1.2, input: 2 }
}

/** Returns the cell of the layers, which is also the prefix of their parameters' names. */
export const textCell = ({ cell = 'lstm' }: Pick<TextNetwork, 'cell'>) => cell

/** Records the recurrent layers over embedded symbols x [T, B, E] and returns their output [T, B, H]. */
function recurrentLayers(x: Tensor, network: TextNetwork): Tensor {
  const { hidden, layers, dropout: p, variational, recurrentDropout, zoneout } = network
  const { input } = startingScales(network)
  const options = {
    name: textCell(network),
    hidden,
    layers,
    dropout: p,
    variational,
    ...(recurrentDropout > 0 && { recurrentDropout }),
    carry: true,
    inputWeight: uniform((shape) => input * Math.sqrt(6 / (shape[1]! + hidden))),
    recurrentWeight: orthogonal(),
    bias: zeros
  }
  if (options.name === 'lstm') return lstm(x, { ...options, ...(zoneout > 0 && { zoneout }), forgetBias: 1 }).output
  if (zoneout > 0)
    throw expected('ERR_INVALID_ARGUMENT', 'zoneout only with LSTM layers', `the cell ${options.name}`, 'leave zoneout out') // prettier-ignore
  return (options.name === 'gru' ? gru : rnn)(x, options).output
}

/** Records the layers above the embedding and returns the logits [T, B, V] of embedded symbols x [T, B, E]. */
function textLayers(x: Tensor, { network, vocabulary }: TextConfig): Tensor {
  const { dropout: p, variational } = network
  const output = dropout(recurrentLayers(x, network), { p, variational })
  return linear(output, { name: 'head', size: vocabularySizeOf(vocabulary), biasStart: zeros })
}

/** Returns the definition of the network that `config` describes. */
export function textDefinition(config: TextConfig) {
  const { embedding: width } = config.network
  const size = vocabularySizeOf(config.vocabulary)
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

/**
 * Returns the network that `config` describes, with first values drawn from `options.seed` (default 0). Throws ERR_INVALID_ARGUMENT for a
 * configuration or options that are not valid.
 *
 * @example
 * const model = textModel(loaded.config, { seed: 1 })
 * model.parameterCount // as many as those of loaded.model
 */
export function textModel(config: TextConfig, options: ModelOptions = {}): Model {
  return defineModel(textDefinition(readTextConfig(config, 'config')), options)
}

/** Text models, as their files store them. */
export const textTask: TaskModel<TextConfig> = {
  task: TEXT_TASK,
  configFromJson: textConfigFromJson,
  definition: textDefinition,
  symbolParameters: ({ vocabulary }) => [
    {
      parameters: ['embedding.weight', OUTPUT_WEIGHT, 'head.bias'],
      symbols: symbolNames(vocabularyFromConfig(vocabulary))
    }
  ]
}
