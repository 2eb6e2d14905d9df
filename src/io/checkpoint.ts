// One checkpoint is one safetensors file: weights under PyTorch's names, the optimiser's moments under
// optimizer.moment1., optimizer.moment2. and (AMSGrad) optimizer.moment3., averaged weights under optimizer.average., carried states under state., the weights that validated best under best.; task, configuration and progress as JSON in the
// metadata. Two CRC-32C, of the header and of the data, cover every byte. The same content gives the same bytes: no clock,
// host or thread count gets in. Refused: damaged, truncated or foreign files, other versions, models of another task.

import { checkObject, filled, list, open, optional, options as optionsOf, string } from '../check/index.js'
import { syncFunction } from '../check/index.js'
import { GatecellError } from '../errors.js'
import { writeAtomically, writeAtomicallySync } from './atomic.js'
import { crc32c } from './crc32c.js'
import { canonicalJson, parseJsonObject, type JsonObject } from './json.js'
import { openSafetensors, type SafetensorsFile, type SafetensorsHeader } from './safetensors.js'
import {
  allocateTensor,
  bytesOf,
  checkTarget,
  elementCount,
  encodeSafetensorsHeader,
  readTensor,
  type Dtype,
  type NamedTensor,
  type TensorData,
  type TensorInfo
} from './tensor-header.js'

export const checkpointFormat = 'gatecell/1'

export interface Checkpoint {
  /** The application: text, forecast, ... */
  readonly task: string
  /** What describes the model: layers, sizes, vocabulary. */
  readonly config: JsonObject
  /** Where the training stands: step, epoch, data cursor, seed, metrics, best. */
  readonly progress: JsonObject
  readonly weights: readonly NamedTensor[]
  /** First moments (Adam) or momentum, under the names of the weights. */
  readonly moment1?: readonly NamedTensor[]
  /** Second moments. */
  readonly moment2?: readonly NamedTensor[]
  /** AMSGrad's largest second moments. */
  readonly moment3?: readonly NamedTensor[]
  /** Averaged weights. */
  readonly average?: readonly NamedTensor[]
  /** States carried from batch to batch. */
  readonly state?: readonly NamedTensor[]
  /** The weights that validated best, under the names of the weights. */
  readonly best?: readonly NamedTensor[]
}

export type CheckpointGroup = 'weights' | 'moment1' | 'moment2' | 'moment3' | 'average' | 'state' | 'best'

export interface CheckpointTensorInfo extends TensorInfo {
  readonly group: CheckpointGroup
  /** The name without the group's prefix. */
  readonly key: string
}

export interface CheckpointInfo {
  readonly task: string
  readonly config: JsonObject
  readonly progress: JsonObject
  /** By their names in the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensorInfo>
  /** Numbers in the weights. */
  readonly parameters: number
  readonly fileBytes: number
  /** crc32c: of the header, then of the data. */
  readonly checksum: string
}

export interface LoadedTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: TensorData
}

export type LoadedCheckpoint = Readonly<Record<CheckpointGroup, ReadonlyMap<string, LoadedTensor>>>

/** Says where a tensor goes: a view to read into, null to skip it, undefined for a new array. */
export type PlaceTensor = (tensor: CheckpointTensorInfo) => TensorData | null | undefined

export interface CheckpointFile {
  readonly info: CheckpointInfo
  /**
   * Reads the tensors and compares the data's checksum (ERR_FILE_FORMAT: then the views hold rubbish and must not be
   * used). Skipped tensors are read for the checksum all the same.
   */
  load(place?: PlaceTensor): Promise<LoadedCheckpoint>
  close(): Promise<void>
}

const prefixes: Readonly<Record<Exclude<CheckpointGroup, 'weights'>, string>> = {
  moment1: 'optimizer.moment1.',
  moment2: 'optimizer.moment2.',
  moment3: 'optimizer.moment3.',
  average: 'optimizer.average.',
  state: 'state.',
  best: 'best.'
}
const stateGroups = ['moment1', 'moment2', 'moment3', 'average', 'state', 'best'] as const
const reserved = ['optimizer.', 'state.', 'best.']

// "checksum" sorts first in the metadata, so that its digits stand at one place in every file.
const CHECKSUM_LEAD = '{"__metadata__":{"checksum":"crc32c:'
const CHECKSUM_AT = 8 + CHECKSUM_LEAD.length
const NO_CHECKSUM = '00000000-00000000'
const CHUNK_BYTES = 1 << 20

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}

const readCheckpointParts = open<Checkpoint>({
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

/** All tensors of a checkpoint under their names in the file. ERR_INVALID_ARGUMENT for names that would collide. */
function fileTensors(checkpoint: Checkpoint): NamedTensor[] {
  const weights = new Map(checkpoint.weights.map((tensor) => [tensor.name, tensor]))
  const tensors: NamedTensor[] = []
  for (const tensor of checkpoint.weights) {
    if (reserved.some((prefix) => tensor.name.startsWith(prefix))) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected weight names that do not begin with ${reserved.join(' or ')} but received "${tensor.name}": rename it.`
      )
    }
    tensors.push(tensor)
  }
  for (const group of stateGroups) {
    for (const tensor of checkpoint[group] ?? []) {
      if (group !== 'state' && weights.get(tensor.name)?.data.length !== tensor.data.length) {
        throw new GatecellError(
          'ERR_INVALID_ARGUMENT',
          `Expected each ${group} to belong to a weight of the same size but received "${tensor.name}".`
        )
      }
      tensors.push({ ...tensor, name: prefixes[group] + tensor.name })
    }
  }
  return tensors
}

/** The file piece by piece; the buffer of a piece is used again for the next one. */
function* filePieces(checkpoint: Checkpoint): Generator<{ bytes: Uint8Array; position?: number }> {
  const header = encodeSafetensorsHeader(fileTensors(checkpoint), {
    checksum: `crc32c:${NO_CHECKSUM}`,
    config: canonicalJson(checkpoint.config, 'config'),
    format: checkpointFormat,
    progress: canonicalJson(checkpoint.progress, 'progress'),
    task: checkpoint.task
  })
  yield { bytes: header.bytes }
  // Through a buffer, so that the checksum is of the bytes that were written even if someone changes the arrays.
  const buffer = new Uint8Array(CHUNK_BYTES)
  let crc = 0
  for (const tensor of header.tensors) {
    const source = bytesOf(tensor.data)
    for (let begin = 0; begin < source.length; begin += CHUNK_BYTES) {
      const piece = buffer.subarray(0, Math.min(CHUNK_BYTES, source.length - begin))
      piece.set(source.subarray(begin, begin + piece.length))
      crc = crc32c(piece, crc)
      yield { bytes: piece }
    }
  }
  const checksum = `${hex(crc32c(header.bytes))}-${hex(crc)}`
  yield { bytes: new TextEncoder().encode(checksum), position: CHECKSUM_AT }
}

/**
 * Writes a checkpoint atomically, a MiB at a time, so that the event loop turns in between. The arrays must not change
 * until the promise resolves. ERR_FILE_WRITE; ERR_INVALID_ARGUMENT for NaN or infinity in config or progress.
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  filled(path, 'the path')
  const read = readCheckpointParts(checkpoint, 'the checkpoint')
  await writeAtomically(path, async (file) => {
    for (const piece of filePieces(read)) await file.write(piece.bytes, piece.position)
  })
}

/** writeCheckpoint for the last moments of a process. */
export function writeCheckpointSync(path: string, checkpoint: Checkpoint): void {
  filled(path, 'the path')
  const read = readCheckpointParts(checkpoint, 'the checkpoint')
  writeAtomicallySync(path, (file) => {
    for (const piece of filePieces(read)) file.write(piece.bytes, piece.position)
  })
}

/** Whether the metadata declares a checkpoint of gatecell, of any version. */
export function isCheckpoint({ metadata }: SafetensorsHeader): boolean {
  return metadata.get('format')?.startsWith('gatecell/') === true
}

function refuse(path: string, expected: string, found: string): GatecellError {
  return new GatecellError('ERR_FILE_FORMAT', `Expected ${expected} in ${path} but found ${found}.`)
}

/** Checks format, task and the header's checksum. */
async function readInfo(file: SafetensorsFile, path: string, task: string | undefined): Promise<CheckpointInfo> {
  const { metadata, tensors, dataBegin, fileBytes } = file.header
  const format = metadata.get('format')
  if (format !== checkpointFormat) {
    const found = !isCheckpoint(file.header)
      ? 'a safetensors file of another program: name a file that gatecell train wrote'
      : `format ${JSON.stringify(format)}: update gatecell`
    throw refuse(path, `a gatecell model (format ${checkpointFormat})`, found)
  }
  const checksum = metadata.get('checksum') ?? 'none'
  const raw = new Uint8Array(dataBegin)
  await file.readBytes(0, raw)
  const place = raw.subarray(CHECKSUM_AT, CHECKSUM_AT + NO_CHECKSUM.length)
  const digits = new TextDecoder('latin1').decode(place)
  place.set(new TextEncoder().encode(NO_CHECKSUM))
  const computed = hex(crc32c(raw))
  if (checksum !== `crc32c:${digits}` || digits.slice(0, 9) !== `${computed}-`) {
    throw refuse(
      path,
      `a header with checksum ${computed}`,
      `${JSON.stringify(checksum)}: it is damaged or was changed`
    )
  }
  const found = metadata.get('task') ?? ''
  if (task !== undefined && found !== task) {
    throw new GatecellError(
      'ERR_WRONG_TASK',
      `Expected a ${task} model but ${path} holds a ${JSON.stringify(found)} model: name one that was trained for ${task}.`
    )
  }
  const grouped = groupTensors(tensors, path)
  let parameters = 0
  for (const tensor of grouped.values()) {
    if (tensor.group === 'weights') parameters += elementCount(tensor.shape)
  }
  return {
    task: found,
    config: parseJsonObject(metadata.get('config') ?? '', `config of ${path}`),
    progress: parseJsonObject(metadata.get('progress') ?? '', `progress of ${path}`),
    tensors: grouped,
    parameters,
    fileBytes,
    checksum
  }
}

function groupTensors(tensors: ReadonlyMap<string, TensorInfo>, path: string): Map<string, CheckpointTensorInfo> {
  const grouped = new Map<string, CheckpointTensorInfo>()
  for (const info of tensors.values()) {
    const group = stateGroups.find((group) => info.name.startsWith(prefixes[group]))
    const key = group === undefined ? info.name : info.name.slice(prefixes[group].length)
    if (group !== undefined && group !== 'state') {
      const weight = tensors.get(key)
      if (weight === undefined || weight.end - weight.begin !== info.end - info.begin) {
        throw refuse(path, `a weight of the same size for ${info.name}`, weight === undefined ? 'none' : 'another size')
      }
    }
    grouped.set(info.name, { ...info, group: group ?? 'weights', key })
  }
  return grouped
}

async function load(
  file: SafetensorsFile,
  info: CheckpointInfo,
  path: string,
  place: PlaceTensor
): Promise<LoadedCheckpoint> {
  const groups = ['weights', ...stateGroups].map((group) => [group, new Map()] as const)
  const loaded = Object.fromEntries(groups) as Record<CheckpointGroup, Map<string, LoadedTensor>>
  const scratch = new Uint8Array(CHUNK_BYTES)
  let crc = 0
  for (const tensor of info.tensors.values()) {
    const target = place(tensor)
    const data = target === undefined ? allocateTensor(tensor) : target
    if (data !== null) {
      checkTarget(tensor, data)
      loaded[tensor.group].set(tensor.key, { dtype: tensor.dtype, shape: tensor.shape, data })
    }
    const bytes = data === null ? null : bytesOf(data)
    for (let at = tensor.begin; at < tensor.end; at += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, tensor.end - at)
      const piece = bytes === null ? scratch.subarray(0, length) : bytes.subarray(at - tensor.begin).subarray(0, length)
      await file.readBytes(file.header.dataBegin + at, piece)
      crc = crc32c(piece, crc)
    }
  }
  const expected = info.checksum.slice(-8)
  if (hex(crc) !== expected) throw refuse(path, `data with checksum ${expected}`, `${hex(crc)}: the file is damaged`)
  return loaded
}

const taskField = { task: optional(string) }
const readInfoOptions = optionsOf<{ task?: string }>(taskField)
const readLoadOptions = optionsOf<{ task?: string; place?: PlaceTensor }>({
  ...taskField,
  place: optional(syncFunction())
})

/** Opens a checkpoint and reads its header; with `task`, another task is refused (ERR_WRONG_TASK). */
export async function openCheckpoint(path: string, options: { task?: string } = {}): Promise<CheckpointFile> {
  const file = await openSafetensors(path)
  try {
    const info = await readInfo(file, path, options.task)
    return { info, load: (place = () => undefined) => load(file, info, path, place), close: file.close }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The header of a checkpoint, with its checksum verified; the tensors are not read. */
export async function readCheckpointInfo(path: string, options: { task?: string } = {}): Promise<CheckpointInfo> {
  const file = await openCheckpoint(path, readInfoOptions(options, 'the options'))
  await file.close()
  return file.info
}

/** Reads a whole checkpoint and verifies all of it. */
export async function readCheckpoint(
  path: string,
  options: { task?: string; place?: PlaceTensor } = {}
): Promise<CheckpointInfo & LoadedCheckpoint> {
  const { place, ...more } = readLoadOptions(options, 'the options')
  const file = await openCheckpoint(path, more)
  try {
    return { ...file.info, ...(await file.load(place)) }
  } finally {
    await file.close()
  }
}
