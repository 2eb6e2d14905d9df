// The header of a safetensors file (the format of Hugging Face: 8 bytes header length, a JSON header, the tensors'
// bytes), read strictly and written canonically, without touching a file. Refused: anything but one JSON object of known
// fields, duplicate names, shapes that do not match their bytes, holes, overlaps, trailing bytes.

import { expected, type GatecellError } from '../../errors.js'
import { parseStrictJson, type StrictJson } from '../json.js'
import {
  arrayTypes,
  dtypeBits,
  dtypeOf,
  quoted,
  tensorBytes,
  type Dtype,
  type WritableTensor,
  type SafetensorsHeader,
  type TensorInfo
} from './dtypes.js'

/** Enough for more than 100,000 tensors. Bounded, because a parsed header takes many times its size in memory. */
export const MAX_HEADER_BYTES = 16 * 1024 * 1024

/** Returns the ERR_FILE_FORMAT for a file that is not a safetensors file, or a damaged one. */
export function invalidSafetensors(source: string, what: string, found: string): GatecellError {
  return expected(
    'ERR_FILE_FORMAT',
    `${what} in ${source}`,
    found,
    'the file is damaged, truncated or not a safetensors file'
  )
}

/** Returns the ERR_FILE_FORMAT for a file that may be undamaged, but uses a feature that this version does not read. */
export function unsupportedSafetensors(source: string, what: string, found: string): GatecellError {
  return expected(
    'ERR_FILE_FORMAT',
    `${what} in ${source}`,
    `${found}, which is not supported yet`,
    'update gatecell or convert the file'
  )
}

/** Returns the length of the header's JSON from the first 8 bytes of a file of `fileBytes` bytes. Throws ERR_FILE_FORMAT if it is too long. */
export function safetensorsHeaderLength(
  head: Uint8Array,
  fileBytes: number,
  source: string,
  most = MAX_HEADER_BYTES
): number {
  if (fileBytes < 10) throw invalidSafetensors(source, 'at least 10 bytes', `${fileBytes}`)
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true)
  if (length > BigInt(fileBytes - 8))
    throw invalidSafetensors(source, `a header of at most ${fileBytes - 8} bytes`, `${length}`)
  if (length > BigInt(most)) throw unsupportedSafetensors(source, `a header of at most ${most} bytes`, `${length}`)
  return Number(length)
}

/**
 * Reads the header's JSON (`json` is the part after the 8-byte length) of a file of `fileBytes` bytes and checks it
 * against the file. `source` names the file in errors (ERR_FILE_FORMAT); `most` is the most values of the header, names included.
 */
export function parseSafetensorsHeader(
  json: Uint8Array,
  fileBytes: number,
  source: string,
  most = Infinity
): SafetensorsHeader {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
  } catch {
    throw invalidSafetensors(source, 'UTF-8 in the header', 'other bytes')
  }
  if (text[0] !== '{') throw invalidSafetensors(source, "a header that begins with '{'", quoted(text.slice(0, 8)))
  const header = parseStrictJson(text, source, { integersOnly: true, most }) as Map<string, StrictJson>
  const dataBegin = 8 + json.length
  const metadata = readMetadata(header.get('__metadata__'), source)
  header.delete('__metadata__')
  const tensors = [...header].map(([name, fields]) => readTensorInfo(name, fields, source))
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let end = 0
  for (const tensor of tensors) {
    if (tensor.begin !== end) {
      const place = `tensor ${quoted(tensor.name)} at byte ${end} of the data`
      throw invalidSafetensors(source, place, `byte ${tensor.begin} (a hole or an overlap)`)
    }
    end = tensor.end
  }
  if (dataBegin + end !== fileBytes) {
    throw invalidSafetensors(source, `${dataBegin + end} bytes as in its header`, `${fileBytes} bytes`)
  }
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata, dataBegin, fileBytes }
}

function readMetadata(fields: StrictJson | undefined, source: string): Map<string, string> {
  if (fields === undefined) return new Map()
  if (!(fields instanceof Map)) throw invalidSafetensors(source, 'an object as __metadata__', 'another value')
  for (const [key, value] of fields) {
    if (typeof value !== 'string') throw invalidSafetensors(source, `a string as metadata ${quoted(key)}`, typeof value)
  }
  return fields as Map<string, string>
}

function readTensorInfo(name: string, fields: StrictJson, source: string): TensorInfo {
  const refuse = (what: string, found: string): never => {
    throw invalidSafetensors(source, `${what} for tensor ${quoted(name)}`, found)
  }
  if (!(fields instanceof Map) || fields.size !== 3) return refuse('the fields dtype, shape and data_offsets', 'others')
  const dtype = fields.get('dtype')
  const shape = fields.get('shape')
  const offsets = fields.get('data_offsets')
  if (typeof dtype !== 'string') return refuse('a name as dtype', 'none')
  if (!Object.hasOwn(dtypeBits, dtype)) {
    const what = `one of the dtypes ${Object.keys(dtypeBits).join(' ')} for tensor ${quoted(name)}`
    throw unsupportedSafetensors(source, what, quoted(dtype))
  }
  if (!isIntegers(shape)) return refuse('a shape of integers', 'another value')
  if (!isIntegers(offsets) || offsets.length !== 2) return refuse('two integers as data_offsets', 'another value')
  const [begin, end] = offsets as [number, number]
  const bytes = tensorBytes(shape, dtype as Dtype)
  if (Number.isNaN(bytes)) refuse('a shape of whole bytes below 2^53 bits', `[${shape.join(', ')}]`)
  if (end - begin !== bytes) {
    refuse(`${bytes} bytes (${dtype} [${shape.join(', ')}])`, `data_offsets [${begin}, ${end}]`)
  }
  return { name, dtype: dtype as Dtype, shape, begin, end }
}

function isIntegers(value: StrictJson | undefined): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number')
}

/** A header ready to be written, and the tensors in the order of their bytes. */
export interface EncodedHeader {
  /** Length, JSON and the padding that puts the data at a multiple of 8. */
  readonly bytes: Uint8Array
  readonly tensors: readonly WritableTensor[]
}

/**
 * Lays out a file: metadata first and sorted, tensors sorted by name, no spaces except the padding. The same content
 * gives the same bytes. Throws ERR_INVALID_SHAPE and ERR_INVALID_ARGUMENT for tensors that the reader would refuse.
 */
export function encodeSafetensorsHeader(
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = {}
): EncodedHeader {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const parts: string[] = []
  const keys = Object.keys(metadata).sort()
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`)
    parts.push(`"__metadata__":{${pairs.join(',')}}`)
  }
  let end = 0
  let previous: string | undefined
  for (const tensor of sorted) {
    const { name, shape, data } = tensor
    if (name === previous) refuse('each tensor name once', quoted(name))
    checkWritable(tensor)
    parts.push(
      `${JSON.stringify(name)}:{"dtype":"${dtypeOf(tensor)}","shape":[${shape.join(',')}],` +
        `"data_offsets":[${end},${end + data.byteLength}]}`
    )
    end += data.byteLength
    previous = name
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`)
  const length = Math.ceil(json.length / 8) * 8
  if (length > MAX_HEADER_BYTES) refuse(`a header of at most ${MAX_HEADER_BYTES} bytes`, String(length))
  const bytes = new Uint8Array(8 + length).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(json, 8)
  return { bytes, tensors: sorted }
}

function refuse(what: string, received: string): never {
  throw expected('ERR_INVALID_ARGUMENT', what, received, 'change the tensors or the metadata')
}

function checkWritable(tensor: WritableTensor): void {
  const { name, shape, data } = tensor
  if (name === '__metadata__') refuse('a tensor name', quoted(name))
  if (/\p{Surrogate}/u.test(name)) refuse('a tensor name without lone surrogates', quoted(name))
  const dtype = dtypeOf(tensor)
  if (!(data instanceof arrayTypes[dtype]))
    refuse(`a ${arrayTypes[dtype].name} for ${dtype} ${quoted(name)}`, 'another')
  const valid = shape.every((size) => Number.isSafeInteger(size) && size >= 0)
  if (!valid || tensorBytes(shape, dtype) !== data.byteLength) {
    throw expected(
      'ERR_INVALID_SHAPE',
      `a shape of ${data.byteLength} bytes as ${dtype} for tensor ${quoted(name)}`,
      `[${shape.join(', ')}]`,
      'make shape and data agree'
    )
  }
}
