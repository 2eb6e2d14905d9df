// The network that writes by hand (Graves, "Generating sequences with recurrent neural networks", 2013, sections 4 and 5):
// LSTM layers that all see the pen and, with a text, a soft window over it that the first layer moves; all feed a mixture
// density layer of the next point. Whether a stroke that ends is the last one is a question of its own, so that the pen has
// three states as in Ha and Eck, "A neural representation of sketch drawings", 2017: Graves' rule, to stop when the window looks
// behind the text, draws one symbol too many as often as not. points [T, B, 3] -> y [T, B, 6 M + 1], finish [T, B, 2].

import { vocabularyFromConfig } from '../../data/text/vocabulary.js'
import { orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { add, concat, crossEntropy, mixtureColumns, mixtureDensity, mul } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { windowLstm } from '../../layers/window-lstm.js'
import { defineModel, f32, i32, modelDefinition, type Model, type ModelOptions, type Specs } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { TaskModel } from '../runs/model-file.js'
import { generationConfigFromJson, readGenerationConfig, type GenerationConfig } from './config.js'

export const GENERATION_TASK = 'handwriting'

/** Id of the end of a text: the window rests there when all is written. Symbols are their ids plus one. */
export const END = 0

/** Bound of each component of a point's gradient, as Graves' section 4.1. */
const GRADIENT_BOUND = 100

type Outputs = Readonly<Record<string, Tensor>>

/** Number of ids that the window looks at. */
export function writtenSymbols(config: GenerationConfig): number {
  return config.vocabulary === null ? 0 : vocabularyFromConfig(config.vocabulary).size + 1
}

/** The network that `config` describes. */
export function generationDefinition(config: GenerationConfig) {
  const { hidden, gaussians, window } = config.network
  const conditional = config.vocabulary !== null
  const text: Specs = conditional ? { symbols: i32('batch', 'symbols'), symbolCounts: i32('batch') } : {}
  const glorot = uniform((shape) => 2 * Math.sqrt(6 / (shape[1]! + hidden)))
  const starts = { inputWeight: glorot, recurrentWeight: orthogonal(), bias: zeros, forgetBias: 1, carry: true }

  function forward(inputs: Outputs) {
    const points = inputs['points']!
    const outputs: Tensor[] = []
    let seen = points // what every layer sees besides the one below: the pen and the window
    let phi: Tensor | null = null
    for (let layer = 0; layer < config.network.layers; layer++) {
      const name = `layer${layer}`
      if (layer === 0 && conditional) {
        const first = windowLstm(points, {
          name,
          hidden,
          gaussians: window,
          chars: inputs['symbols']!,
          lengths: inputs['symbolCounts']!,
          vocabulary: writtenSymbols(config),
          stepsPerCharacter: config.pointsPerSymbol,
          carry: true
        })
        phi = first.phi
        seen = concat(points, first.window)
        outputs.push(first.y)
      } else {
        const below = layer === 0 ? points : concat(seen, outputs[layer - 1]!)
        outputs.push(lstm(below, { name, hidden, ...starts }).output)
      }
    }
    const all = concat(...outputs)
    const y = linear(all, { name: 'head', size: mixtureColumns(gaussians), biasStart: zeros })
    const finish = linear(all, { name: 'finish', size: 2, biasStart: zeros })
    return { y, finish, ...(phi && { phi }) } as Outputs
  }

  // Nats per point of where the pen goes, whether a stroke ends, and whether that was the last one.
  function loss({ y, finish }: Outputs, { next, weights, last, perPoint }: Outputs): Tensor {
    const pen = mixtureDensity(y!, next!, { weights: weights!, clip: GRADIENT_BOUND })
    return add(pen, mul(crossEntropy(finish!, last!), perPoint!))
  }

  return modelDefinition<Specs, Specs>({
    name: GENERATION_TASK,
    config: configToJson(config),
    inputs: { points: f32('length', 'batch', 3), ...text },
    targets: {
      next: f32('length', 'batch', 3),
      weights: f32('length', 'batch'),
      last: i32('length', 'batch'),
      perPoint: f32(2)
    },
    forward,
    loss
  })
}

/** Returns the network that `config` describes, with first values drawn from `options.seed`. Throws ERR_INVALID_ARGUMENT. */
export function generationModel(config: GenerationConfig, options: ModelOptions = {}): Model {
  return defineModel(generationDefinition(readGenerationConfig(config, 'config')), options)
}

export const generationTask: TaskModel<GenerationConfig> = {
  task: GENERATION_TASK,
  configFromJson: generationConfigFromJson,
  definition: generationDefinition
}
