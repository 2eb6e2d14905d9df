// The contents of a text model's file, for its export to other programs.

import { expected } from '../errors.js'
import { asFloat32 } from '../io/float32.js'
import type { JsonObject } from '../io/json.js'
import type { WritableTensor } from '../io/safetensors/dtypes.js'
import { TEXT_TASK, textConfigFromJson, type TextConfig } from '../tasks/text/index.js'

/** A model to export. */
export interface ModelContents {
  /** The path of its file, or words for messages. */
  readonly where: string
  readonly task: string
  readonly config: JsonObject
  readonly weights: readonly WritableTensor[]
}

/** A text model to export: its configuration, and its weights by name as float32. */
export interface TextContents extends TextConfig {
  weight(name: string): { readonly shape: readonly number[]; readonly data: Float32Array }
}

/** Returns the contents of a text model. Throws ERR_UNSUPPORTED for other models and for zoneout, which `program` lacks. */
export function textContents({ where, task, config, weights }: ModelContents, program: string): TextContents {
  if (task !== TEXT_TASK)
    throw expected('ERR_UNSUPPORTED', `a text model as ${where}, to export it to ${program},`, `a "${task}" model`, 'export it to pytorch') // prettier-ignore
  const read = textConfigFromJson(config, where)
  const { zoneout } = read.network
  if (zoneout > 0)
    throw expected('ERR_UNSUPPORTED', `LSTM layers without zoneout in ${where}, because ${program} lacks it,`, `zoneout ${zoneout}`, 'train without it, or export it to pytorch') // prettier-ignore
  const tensors = new Map(weights.map((tensor) => [tensor.name, tensor]))
  return {
    ...read,
    weight(name) {
      const tensor = tensors.get(name)
      if (tensor) return { shape: tensor.shape, data: asFloat32(name, tensor.dtype ?? 'F32', tensor.data) }
      throw expected('ERR_FILE_FORMAT', `the weight "${name}" in ${where}`, 'none', 'copy the model again, because it is damaged') // prettier-ignore
    }
  }
}
