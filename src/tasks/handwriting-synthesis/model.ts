// The network that writes by hand (Graves, "Generating sequences with recurrent neural networks", 2013, sections 4 and 5): LSTM layers that
// all read the pen and, with a text, a soft window over it that the first layer moves. All layers feed a mixture density layer of the next
// point. A second output decides whether a stroke that ends is the last one, so that the pen has three states as in Ha and Eck, "A neural
// representation of sketch drawings", 2017: Graves' rule, which stops when the window is past the text, draws one symbol too many in about
// half of all cases. The input is points [T, B, 3], the outputs are y [T, B, 6 M + 1] for M Gaussians and finish [T, B, 2].

import { orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { add, concat, crossEntropy, mixtureColumns, mixtureDensity, mul } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { windowLstm } from '../../layers/window-lstm.js'
import { defineModel, modelDefinition, type Model, type ModelOptions, type Specs } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import type { TaskModel } from '../runs/model-file.js'
import { symbolNames } from '../runs/vocabulary.js'
import { synthesisConfigFromJson, readSynthesisConfig, type SynthesisConfig } from './config.js'
import { writerTensors } from './data.js'
import { FORMER_SYNTHESIS_TASKS, SYNTHESIS_TASK } from './id.js'
import { writerVocabularies } from './symbols.js'

/** Columns of the pen in the input of each layer: two offsets, and whether a stroke ends. */
const PEN_COLUMNS = 3

/** Bound of each component of the gradient of a point (Graves 2013, section 4.1). */
const GRADIENT_BOUND = 100

type Outputs = Readonly<Record<string, Tensor>>

/** Returns the definition of the network that `config` describes. */
export function synthesisDefinition(config: SynthesisConfig) {
  const { hidden, gaussians, window } = config.network
  const vocabulary = writerVocabularies.of(config)
  const glorot = uniform((shape) => 2 * Math.sqrt(6 / (shape[1]! + hidden)))
  const starts = { inputWeight: glorot, recurrentWeight: orthogonal(), bias: zeros, forgetBias: 1, carry: true }

  function forward(inputs: Outputs) {
    const points = inputs['points']!
    const outputs: Tensor[] = []
    let seen = points // input of every layer next to the output of the layer below: the pen and the window
    let phi: Tensor | null = null
    for (let layer = 0; layer < config.network.layers; layer++) {
      const name = `layer${layer}`
      if (layer === 0 && vocabulary) {
        const first = windowLstm(points, {
          name,
          hidden,
          gaussians: window,
          chars: inputs['symbols']!,
          lengths: inputs['textLengths']!,
          vocabulary: vocabulary.size,
          stepsPerCharacter: config.pointsPerSymbol,
          carry: true
        })
        phi = first.phi
        seen = concat([points, first.window])
        outputs.push(first.y)
      } else {
        const below = layer === 0 ? points : concat([seen, outputs[layer - 1]!])
        outputs.push(lstm(below, { name, hidden, ...starts }).output)
      }
    }
    const all = concat(outputs)
    const y = linear(all, { name: 'head', size: mixtureColumns(gaussians), biasStart: zeros })
    const finish = linear(all, { name: 'finish', size: 2, biasStart: zeros })
    return { y, finish, ...(phi && { phi }) } as Outputs
  }

  // Nats per point: of the next point with the end of the stroke, plus of whether a stroke that ends is the last one.
  function loss({ y, finish }: Outputs, { next, weights, last, perPoint }: Outputs): Tensor {
    const pen = mixtureDensity(y!, next!, { weights: weights!, clip: GRADIENT_BOUND })
    return add(pen, mul(crossEntropy(finish!, last!), perPoint!))
  }

  return modelDefinition<Specs, Specs>({
    name: SYNTHESIS_TASK,
    config: configToJson(config),
    ...writerTensors(vocabulary !== null),
    forward,
    loss
  })
}

/**
 * Returns the network that `config` describes, with first values drawn from `options.seed` (default 0). Throws ERR_INVALID_ARGUMENT for a
 * configuration or options that are not valid.
 *
 * @example
 * const model = synthesisModel(writer.config, { seed: 1 })
 * model.parameterCount // as many as those of writer.model
 */
export function synthesisModel(config: SynthesisConfig, options: ModelOptions = {}): Model {
  return defineModel(synthesisDefinition(readSynthesisConfig(config, 'config')), options)
}

/** The models of writers, as their files store them. */
export const synthesisTask: TaskModel<SynthesisConfig> = {
  task: SYNTHESIS_TASK,
  formerTasks: FORMER_SYNTHESIS_TASKS,
  configFromJson: synthesisConfigFromJson,
  definition: synthesisDefinition,
  // Each layer reads the pen, then the window.
  symbolParameters(config) {
    const vocabulary = writerVocabularies.of(config)
    if (vocabulary === null) return []
    const parameters = Array.from({ length: config.network.layers }, (_, layer) => `layer${layer}.weight_ih_l0`)
    return [{ parameters, symbols: symbolNames(vocabulary), firstColumn: PEN_COLUMNS }]
  }
}
