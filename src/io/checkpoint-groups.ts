// The groups of tensors in a checkpoint: weights under PyTorch's names, everything else under a prefix.

import { checkObject, list, open, optional, string } from '../check/index.js'
import { expected, type GatecellError } from '../errors.js'
import type { JsonObject } from './json.js'
import { readTensor, type WritableTensor, type TensorInfo } from './safetensors/dtypes.js'

/** The content of a checkpoint. */
export interface Checkpoint {
  /** Name of the task: text, handwriting-recognition, ... */
  readonly task: string
  /** Description of the model: layers, sizes, vocabulary. */
  readonly config: JsonObject
  /** Position of the training: step, epoch, data cursor, seed, metrics, best. */
  readonly progress: JsonObject
  readonly weights: readonly WritableTensor[]
  /** First moments (Adam) or momentum, under the names of the weights. */
  readonly moment1?: readonly WritableTensor[]
  /** Second moments. */
  readonly moment2?: readonly WritableTensor[]
  /** AMSGrad's largest second moments. */
  readonly moment3?: readonly WritableTensor[]
  /** Averaged weights. */
  readonly average?: readonly WritableTensor[]
  /** States carried from batch to batch. */
  readonly state?: readonly WritableTensor[]
  /** The weights that validated best, under the names of the weights. */
  readonly best?: readonly WritableTensor[]
}

/** A group of tensors: the parts of a checkpoint. */
export type CheckpointGroup = 'weights' | 'moment1' | 'moment2' | 'moment3' | 'average' | 'state' | 'best'

/** The place of a tensor in a checkpoint. */
export interface CheckpointTensorInfo extends TensorInfo {
  readonly group: CheckpointGroup
  /** The name without the group's prefix. */
  readonly key: string
}

const prefixes: Readonly<Record<Exclude<CheckpointGroup, 'weights'>, string>> = {
  moment1: 'optimizer.moment1.',
  moment2: 'optimizer.moment2.',
  moment3: 'optimizer.moment3.',
  average: 'optimizer.average.',
  state: 'state.',
  best: 'best.'
}
/** The groups next to the weights. */
export const stateGroups = ['moment1', 'moment2', 'moment3', 'average', 'state', 'best'] as const
const reserved = ['optimizer.', 'state.', 'best.']

/** Checks the parts of a checkpoint that a caller passes. */
export const readCheckpointParts = open<Checkpoint>({
  task: string,
  config: jsonObject,
  progress: jsonObject,
  weights: list(readTensor),
  moment1: optional(list(readTensor)),
  moment2: optional(list(readTensor)),
  moment3: optional(list(readTensor)),
  average: optional(list(readTensor)),
  state: optional(list(readTensor)),
  best: optional(list(readTensor))
})

/** An object; its members are checked as they become JSON. */
function jsonObject(value: unknown, name: string): JsonObject {
  checkObject(value, name)
  return value as JsonObject
}

/** Returns all tensors of a checkpoint under their names in the file. Throws ERR_INVALID_ARGUMENT for names that would collide. */
export function fileTensors(checkpoint: Checkpoint): WritableTensor[] {
  const weights = new Map(checkpoint.weights.map((tensor) => [tensor.name, tensor]))
  const tensors: WritableTensor[] = []
  for (const tensor of checkpoint.weights) {
    if (reserved.some((prefix) => tensor.name.startsWith(prefix))) {
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `weight names that do not begin with ${reserved.join(' or ')}`,
        `"${tensor.name}"`,
        'rename it'
      )
    }
    tensors.push(tensor)
  }
  for (const group of stateGroups) {
    for (const tensor of checkpoint[group] ?? []) {
      if (group !== 'state' && weights.get(tensor.name)?.data.length !== tensor.data.length) {
        throw expected(
          'ERR_INVALID_ARGUMENT',
          `each ${group} to belong to a weight of the same size`,
          `"${tensor.name}"`,
          'write it under the name of its weight'
        )
      }
      tensors.push({ ...tensor, name: prefixes[group] + tensor.name })
    }
  }
  return tensors
}

/** Returns the ERR_FILE_FORMAT for a file that is not a checkpoint, or a damaged one. */
export function invalidCheckpoint(path: string, what: string, found: string, remedy: string): GatecellError {
  return expected('ERR_FILE_FORMAT', `${what} in ${path}`, found, remedy)
}

/** Returns the tensors of a file with their groups. Throws ERR_FILE_FORMAT for one that belongs to no weight of its size. */
export function groupTensors(
  tensors: ReadonlyMap<string, TensorInfo>,
  path: string
): Map<string, CheckpointTensorInfo> {
  const grouped = new Map<string, CheckpointTensorInfo>()
  for (const info of tensors.values()) {
    const group = stateGroups.find((group) => info.name.startsWith(prefixes[group]))
    const key = group === undefined ? info.name : info.name.slice(prefixes[group].length)
    if (group !== undefined && group !== 'state') {
      const weight = tensors.get(key)
      if (weight === undefined || weight.end - weight.begin !== info.end - info.begin) {
        throw invalidCheckpoint(
          path,
          `a weight of the same size for ${info.name}`,
          weight === undefined ? 'none' : 'another size',
          'it is damaged, copy it again'
        )
      }
    }
    grouped.set(info.name, { ...info, group: group ?? 'weights', key })
  }
  return grouped
}
