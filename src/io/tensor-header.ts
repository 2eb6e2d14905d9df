// The header of a safetensors file (the format of Hugging Face: 8 bytes header length, a JSON header, the tensors'
// bytes), read strictly and written canonically, without touching a file. Refused: anything but one JSON object of known
// fields, duplicate names, shapes that do not match their bytes, holes, overlaps, trailing bytes.

import { types } from 'node:util'
import { choice, expected, integer, list, open, optional, string, type Check } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import { parseStrictJson, type StrictJson } from './json.js'

/** Bits of one element by safetensors name: all formats of version 0.8. */
export const dtypeBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64
} as const

export type Dtype = keyof typeof dtypeBits

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/** One tensor of a file. `begin` and `end` count bytes within the data section. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

export interface SafetensorsHeader {
  /** In the order of the data section. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: ReadonlyMap<string, string>
  /** Where the data section begins in the file. */
  readonly dataBegin: number
  readonly fileBytes: number
}

/** A tensor to write. `dtype` says what the bits of a Uint8Array or Uint16Array mean (BOOL, BF16, F16, ...). */
export interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: TensorData
  readonly dtype?: Dtype
}

const readTensorParts = open<NamedTensor>({
  name: string,
  shape: list(integer(0)),
  data: (value, name) => {
    const type = Object.values(arrayTypes).find((one) => !types.isProxy(value) && value instanceof one)
    if (type === undefined) throw expected('a typed array', name, value)
    return value
  },
  dtype: optional(choice(...(Object.keys(dtypeBits) as Dtype[])))
})

/** A tensor to write, read once; whether shape, dtype and data fit each other is checked as the header is made. */
export const readTensor: Check<NamedTensor> = (value, name) => readTensorParts(value, name)

/** Enough for more than 100,000 tensors. Bounded, because a parsed header takes many times its size in memory. */
export const MAX_HEADER_BYTES = 16 * 1024 * 1024

/**
 * The typed array that holds each dtype; those that JavaScript has no numbers for come as their bits, those of less than a byte
 * packed, and complex numbers as pairs of real and imaginary part.
 */
const arrayTypes = {
  BOOL: Uint8Array,
  F4: Uint8Array,
  F6_E2M3: Uint8Array,
  F6_E3M2: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  F8_E5M2: Uint8Array,
  F8_E4M3: Uint8Array,
  F8_E8M0: Uint8Array,
  F8_E4M3FNUZ: Uint8Array,
  F8_E5M2FNUZ: Uint8Array,
  I16: Int16Array,
  U16: Uint16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  C64: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array
} as const satisfies Record<Dtype, unknown>

/** What an array is written as unless the caller says more. */
const ownDtypes: readonly Dtype[] = ['F32', 'F64', 'I8', 'U8', 'I16', 'U16', 'I32', 'U32', 'I64', 'U64']

/** ERR_FILE_FORMAT in the one sentence form of this format. */
export function formatError(source: string, expected: string, found: string): GatecellError {
  return new GatecellError(
    'ERR_FILE_FORMAT',
    `Expected ${expected} in ${source} but found ${found}: the file is damaged, truncated or no safetensors file.`
  )
}

/** Returns the ERR_FILE_FORMAT for a file that may be undamaged, but uses a feature that this version does not read. */
export function unsupportedError(source: string, expected: string, found: string): GatecellError {
  return new GatecellError(
    'ERR_FILE_FORMAT',
    `Expected ${expected} in ${source} but found ${found}, which is not supported yet: update gatecell or convert the file.`
  )
}

/** How names from a file are shown in messages: printable, in quotes and not too long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name)
}

/** Returns the bytes of a tensor; NaN if its bits are not whole bytes, or are 2^53 or more. */
function tensorBytes(shape: readonly number[], dtype: Dtype): number {
  const bits = elementCount(shape) * dtypeBits[dtype]
  return bits >= 0 && Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : NaN
}

/** Elements of a shape, or -1 when the product leaves 2^53 - 1. */
export function elementCount(shape: readonly number[]): number {
  if (shape.includes(0)) return 0
  let count = 1
  for (const size of shape) {
    if (count > Number.MAX_SAFE_INTEGER / size) return -1
    count *= size
  }
  return count
}

/**
 * Reads the header's JSON (`json` is the part after the 8-byte length) of a file of `fileBytes` bytes and checks it
 * against the file. `source` names the file in errors (ERR_FILE_FORMAT).
 */
export function parseSafetensorsHeader(json: Uint8Array, fileBytes: number, source: string): SafetensorsHeader {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
  } catch {
    throw formatError(source, 'UTF-8 in the header', 'other bytes')
  }
  if (text[0] !== '{') throw formatError(source, "a header that begins with '{'", quoted(text.slice(0, 8)))
  const header = parseStrictJson(text, source, true) as Map<string, StrictJson>
  const dataBegin = 8 + json.length
  const metadata = readMetadata(header.get('__metadata__'), source)
  header.delete('__metadata__')
  const tensors = [...header].map(([name, fields]) => readTensorInfo(name, fields, source))
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let end = 0
  for (const tensor of tensors) {
    if (tensor.begin !== end) {
      const place = `tensor ${quoted(tensor.name)} at byte ${end} of the data`
      throw formatError(source, place, `byte ${tensor.begin} (a hole or an overlap)`)
    }
    end = tensor.end
  }
  if (dataBegin + end !== fileBytes) {
    throw formatError(source, `${dataBegin + end} bytes as its header says`, `${fileBytes} bytes`)
  }
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata, dataBegin, fileBytes }
}

function readMetadata(fields: StrictJson | undefined, source: string): Map<string, string> {
  if (fields === undefined) return new Map()
  if (!(fields instanceof Map)) throw formatError(source, 'an object as __metadata__', 'another value')
  for (const [key, value] of fields) {
    if (typeof value !== 'string') throw formatError(source, `a string as metadata ${quoted(key)}`, typeof value)
  }
  return fields as Map<string, string>
}

function readTensorInfo(name: string, fields: StrictJson, source: string): TensorInfo {
  const refuse = (expected: string, found: string): never => {
    throw formatError(source, `${expected} for tensor ${quoted(name)}`, found)
  }
  if (!(fields instanceof Map) || fields.size !== 3) return refuse('the fields dtype, shape and data_offsets', 'others')
  const dtype = fields.get('dtype')
  const shape = fields.get('shape')
  const offsets = fields.get('data_offsets')
  if (typeof dtype !== 'string') return refuse('a name as dtype', 'none')
  if (!Object.hasOwn(dtypeBits, dtype)) {
    const expected = `one of the dtypes ${Object.keys(dtypeBits).join(' ')} for tensor ${quoted(name)}`
    throw unsupportedError(source, expected, quoted(dtype))
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

/** A new array for a tensor. The header was checked against the file, so that its size is no more than the file's. */
export function allocateTensor(info: TensorInfo): TensorData {
  const type = arrayTypes[info.dtype]
  const bytes = info.end - info.begin
  try {
    return new type(bytes / type.BYTES_PER_ELEMENT)
  } catch (cause) {
    const message = `Expected ${bytes} bytes of memory for tensor ${quoted(info.name)} but the system refused them: free some memory.`
    throw new GatecellError('ERR_OUT_OF_MEMORY', message, { cause })
  }
}

/** Throws unless `target` can take the tensor as it is. */
export function checkTarget(info: TensorInfo, target: TensorData): void {
  const type = arrayTypes[info.dtype]
  if (types.isProxy(target) || !(target instanceof type)) {
    const found = show(target)
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `Expected a ${type.name} for tensor ${quoted(info.name)} (${info.dtype}) but received ${found}.`
    )
  }
  if (target.byteLength !== info.end - info.begin) {
    const count = (info.end - info.begin) / type.BYTES_PER_ELEMENT
    const expected = `${count} elements of a ${type.name} (${info.dtype} [${info.shape.join(', ')}])`
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected room for ${expected} of tensor ${quoted(info.name)} but received ${target.length}.`
    )
  }
}

/** The bytes of a typed array, without a copy. */
export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

function dtypeOf(tensor: NamedTensor): Dtype {
  if (tensor.dtype !== undefined) return tensor.dtype
  const found = ownDtypes.find((dtype) => tensor.data instanceof arrayTypes[dtype])
  if (found !== undefined) return found
  throw new GatecellError('ERR_INVALID_ARGUMENT', `Expected a typed array for tensor ${quoted(tensor.name)}.`)
}

/** A header ready to be written, and the tensors in the order of their bytes. */
export interface EncodedHeader {
  /** Length, JSON and the padding that puts the data at a multiple of 8. */
  readonly bytes: Uint8Array
  readonly tensors: readonly NamedTensor[]
}

/**
 * Lays out a file: tensors sorted by name, metadata in front and sorted, no spaces but the padding. The same content
 * gives the same bytes. ERR_INVALID_SHAPE and ERR_INVALID_ARGUMENT for tensors that the reader would refuse.
 */
export function encodeSafetensorsHeader(
  tensors: Iterable<NamedTensor>,
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

function refuse(expected: string, received: string): never {
  throw new GatecellError('ERR_INVALID_ARGUMENT', `Expected ${expected} but received ${received}.`)
}

function checkWritable(tensor: NamedTensor): void {
  const { name, shape, data } = tensor
  if (name === '__metadata__') refuse('a tensor name', quoted(name))
  if (/\p{Surrogate}/u.test(name)) refuse('a tensor name without lone surrogates', quoted(name))
  const dtype = dtypeOf(tensor)
  if (!(data instanceof arrayTypes[dtype]))
    refuse(`a ${arrayTypes[dtype].name} for ${dtype} ${quoted(name)}`, 'another')
  const valid = shape.every((size) => Number.isSafeInteger(size) && size >= 0)
  if (!valid || tensorBytes(shape, dtype) !== data.byteLength) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected a shape of ${data.byteLength} bytes as ${dtype} for tensor ${quoted(name)} but received [${shape.join(', ')}].`
    )
  }
}
