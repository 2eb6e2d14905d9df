// The contents of a model's file, for its export to other programs.

import { expected } from '../errors.js'
import { asFloat32 } from '../io/float32.js'
import type { JsonObject } from '../io/json.js'
import type { ModelDefinition } from '../model.js'
import type { WritableTensor } from '../io/safetensors/dtypes.js'
import { TEXT_TASK, textConfigFromJson, type TextConfig } from '../tasks/text/index.js'

/** A model to export. */
export interface ModelContents {
  /** The path of its file, or words for messages. */
  readonly where: string
  readonly task: string
  readonly config: JsonObject
  readonly weights: readonly WritableTensor[]
  /** Returns the definition of the network. Throws ERR_UNSUPPORTED for a model whose file does not have one. */
  definition(): Promise<ModelDefinition>
}

/** The values of a weight as float32. */
interface FloatWeight {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Returns a function that returns the weights of a model by name as float32. Throws ERR_FILE_FORMAT for a name that the model lacks. */
export function weightsByName({ where, weights }: Pick<ModelContents, 'where' | 'weights'>) {
  const tensors = new Map(weights.map((tensor) => [tensor.name, tensor]))
  return (name: string): FloatWeight => {
    const tensor = tensors.get(name)
    if (tensor) return { shape: tensor.shape, data: asFloat32(name, tensor.dtype ?? 'F32', tensor.data) }
    throw expected('ERR_FILE_FORMAT', `the weight "${name}" in ${where}`, 'none', 'copy the model again, because it is damaged') // prettier-ignore
  }
}

/** A text model to export: its configuration, and its weights by name as float32. */
export interface TextContents extends TextConfig {
  weight(name: string): FloatWeight
}

/** Returns the contents of a text model with LSTM layers. Throws ERR_UNSUPPORTED for other models and for zoneout, which `program` lacks. */
export function textContents(contents: ModelContents, program: string): TextContents {
  const { where, task, config } = contents
  if (task !== TEXT_TASK)
    throw expected('ERR_UNSUPPORTED', `a text model as ${where}, to export it to ${program},`, `a "${task}" model`, 'export it to onnx or pytorch') // prettier-ignore
  const read = textConfigFromJson(config, where)
  const { zoneout, cell = 'lstm' } = read.network
  if (cell !== 'lstm')
    throw expected('ERR_UNSUPPORTED', `LSTM layers in ${where}, to export it to ${program},`, `the cell ${cell}`, 'export it to onnx or pytorch') // prettier-ignore
  if (zoneout > 0)
    throw expected('ERR_UNSUPPORTED', `LSTM layers without zoneout in ${where}, because ${program} lacks it,`, `zoneout ${zoneout}`, 'train without it, or export it to pytorch') // prettier-ignore
  return { ...read, weight: weightsByName(contents) }
}
