// One checkpoint is one safetensors file: tensors in groups (checkpoint-groups.ts); task, configuration and progress as JSON in the
// metadata. Two CRC-32C, of the header and of the data, cover every byte. The same content gives the same bytes, which do
// not depend on clock, host or thread count. Refused: damaged, truncated or foreign files, other versions, models of another task.

import { filled, made, optional, options as optionsOf, string, syncFunction } from '../check/index.js'
import { expected } from '../errors.js'
import { writeAtomically, writeAtomicallySync } from './atomic.js'
import { crc32c } from './crc32c.js'
import { canonicalJson, parseJsonObject, type JsonObject } from './json.js'
import {
  fileTensors,
  groupTensors,
  readCheckpointParts,
  invalidCheckpoint,
  stateGroups,
  type Checkpoint,
  type CheckpointGroup,
  type CheckpointTensorInfo
} from './checkpoint-groups.js'
import { openSafetensors, type SafetensorsFile, type SafetensorsHeader } from './safetensors/file.js'
import {
  allocateTensor,
  bytesOf,
  checkTarget,
  elementCount,
  type Dtype,
  type TensorData
} from './safetensors/dtypes.js'
import { encodeSafetensorsHeader } from './safetensors/header.js'

export type { Checkpoint, CheckpointGroup, CheckpointTensorInfo } from './checkpoint-groups.js'

/** Name and version of the format, in the metadata of every checkpoint. */
export const checkpointFormat = 'gatecell/1'

/** The header of a checkpoint. */
export interface CheckpointInfo {
  readonly task: string
  readonly config: JsonObject
  readonly progress: JsonObject
  /** By their names in the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensorInfo>
  /** Numbers in the weights. */
  readonly parameters: number
  readonly fileBytes: number
  /** "crc32c:", the checksum of the header, "-" and that of the data, in hexadecimal digits. */
  readonly checksum: string
}

/** One tensor of a checkpoint that was read. */
export interface LoadedTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: TensorData
}

/** The tensors of a checkpoint that was read, by group and then by their names without the group's prefix. */
export type LoadedCheckpoint = Readonly<Record<CheckpointGroup, ReadonlyMap<string, LoadedTensor>>>

/** Returns the array to read a tensor into, null to skip it, or undefined for a new array. */
export type PlaceTensor = (tensor: CheckpointTensorInfo) => TensorData | null | undefined

/** An open checkpoint. */
export interface CheckpointFile {
  readonly path: string
  readonly info: CheckpointInfo
  /**
   * Reads the tensors and compares the data's checksum; may be called again. Skipped tensors are read as well, for the checksum. Throws
   * ERR_FILE_FORMAT if it differs; the contents of the arrays are then invalid.
   */
  load(place?: PlaceTensor): Promise<LoadedCheckpoint>
  close(): Promise<void>
}

// "checksum" sorts first in the metadata, so that its digits are at one place in every file.
const CHECKSUM_LEAD = '{"__metadata__":{"checksum":"crc32c:'
const CHECKSUM_AT = 8 + CHECKSUM_LEAD.length
const NO_CHECKSUM = '00000000-00000000'
const CHUNK_BYTES = 1 << 20

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
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
 * until the promise resolves. Throws ERR_FILE_WRITE, and ERR_INVALID_ARGUMENT for NaN or infinity in config or progress.
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  filled(path, 'the path')
  const read = readCheckpointParts(checkpoint, 'the checkpoint')
  await writeAtomically(path, async (file) => {
    for (const piece of filePieces(read)) await file.write(piece.bytes, piece.position)
  })
}

/** Writes a checkpoint as `writeCheckpoint` does, but synchronously, for the end of a process. Throws the same errors. */
export function writeCheckpointSync(path: string, checkpoint: Checkpoint): void {
  filled(path, 'the path')
  const read = readCheckpointParts(checkpoint, 'the checkpoint')
  writeAtomicallySync(path, (file) => {
    for (const piece of filePieces(read)) file.write(piece.bytes, piece.position)
  })
}

/**
 * Reads the header of any safetensors file and, if it is a checkpoint, the contents of that; both of one opening, because another file
 * may replace this one at any time. Reads no tensor. Throws ERR_FILE_NOT_FOUND and ERR_FILE_FORMAT.
 */
export async function readHeaders(
  path: string
): Promise<{ header: SafetensorsHeader; checkpoint: CheckpointInfo | null }> {
  const file = await openSafetensors(path)
  try {
    const checkpoint = isCheckpoint(file.header) ? await readInfo(file, path, undefined) : null
    return { header: file.header, checkpoint }
  } finally {
    await file.close()
  }
}

/** Whether the metadata declares a checkpoint of gatecell, of any version. */
function isCheckpoint({ metadata }: SafetensorsHeader): boolean {
  return metadata.get('format')?.startsWith('gatecell/') === true
}

/** Checks format, task and the header's checksum. */
async function readInfo(file: SafetensorsFile, path: string, task: string | undefined): Promise<CheckpointInfo> {
  const { metadata, tensors, dataBegin, fileBytes } = file.header
  const format = metadata.get('format')
  if (format !== checkpointFormat) {
    const what = `a gatecell model (format ${checkpointFormat})`
    throw isCheckpoint(file.header)
      ? invalidCheckpoint(path, what, `format ${JSON.stringify(format)}`, 'update gatecell')
      : invalidCheckpoint(path, what, 'a safetensors file of another program', 'name a file that gatecell train wrote')
  }
  const checksum = metadata.get('checksum') ?? 'none'
  const raw = new Uint8Array(dataBegin)
  await file.readBytes(0, raw)
  const place = raw.subarray(CHECKSUM_AT, CHECKSUM_AT + NO_CHECKSUM.length)
  const digits = new TextDecoder('latin1').decode(place)
  place.set(new TextEncoder().encode(NO_CHECKSUM))
  const computed = hex(crc32c(raw))
  if (checksum !== `crc32c:${digits}` || digits.slice(0, 9) !== `${computed}-`) {
    throw invalidCheckpoint(
      path,
      `a header with checksum ${computed}`,
      JSON.stringify(checksum),
      'it is damaged or was changed, copy it again'
    )
  }
  const found = metadata.get('task') ?? ''
  if (task !== undefined) checkTask(found, [task], path)
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
  if (hex(crc) !== expected)
    throw invalidCheckpoint(path, `data with checksum ${expected}`, hex(crc), 'the file is damaged, copy it again')
  return loaded
}

const files = new WeakSet<CheckpointFile>()

/** Checks that a value is a checkpoint that `openCheckpoint` opened. */
export const checkCheckpointFile = made<CheckpointFile>('an open checkpoint', files)

/** Throws ERR_WRONG_TASK unless a checkpoint of task `found` is one of `tasks`, whose first one is named in the message. */
export function checkTask(found: string, tasks: readonly string[], path: string): void {
  if (tasks.includes(found)) return
  throw expected(
    'ERR_WRONG_TASK',
    `a ${tasks[0]} model`,
    `a ${JSON.stringify(found)} model in ${path}`,
    `name one that was trained for ${tasks[0]}`
  )
}

const taskField = { task: optional(string) }
const readInfoOptions = optionsOf<{ task?: string }>(taskField)
const readLoadOptions = optionsOf<{ task?: string; place?: PlaceTensor }>({
  ...taskField,
  place: optional(syncFunction())
})

/** Opens a checkpoint and reads its header. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, and ERR_WRONG_TASK if `task` is set and differs. */
export async function openCheckpoint(path: string, options: { task?: string } = {}): Promise<CheckpointFile> {
  const file = await openSafetensors(path)
  try {
    const info = await readInfo(file, path, options.task)
    const opened: CheckpointFile = {
      path,
      info,
      load: (place = () => undefined) => load(file, info, path, place),
      close: file.close
    }
    files.add(opened)
    return opened
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Reads the header of a checkpoint and verifies its checksum; the tensors are not read. Throws the errors of `openCheckpoint`. */
export async function readCheckpointInfo(path: string, options: { task?: string } = {}): Promise<CheckpointInfo> {
  const file = await openCheckpoint(path, readInfoOptions(options, 'the options'))
  await file.close()
  return file.info
}

/** Reads a whole checkpoint and verifies both checksums. Throws the errors of `openCheckpoint`. */
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
