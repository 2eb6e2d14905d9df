// Tensors of safetensors files: their element types, the typed arrays that hold them, and the views and sizes of both.

import { types } from 'node:util'
import { choice, invalid, integer, list, open, optional, string, type Check } from '../../check/index.js'
import { expected, show } from '../../errors.js'

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

/** The name of a format of elements in safetensors. */
export type Dtype = keyof typeof dtypeBits

/** The data of a tensor; formats without an array type are kept as their bits. */
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

/** The header of a file. */
export interface SafetensorsHeader {
  /** In the order of the data section. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: ReadonlyMap<string, string>
  /** Where the data section begins in the file. */
  readonly dataBegin: number
  readonly fileBytes: number
}

/** A tensor to write. `dtype` is the format of the elements of a Uint8Array or Uint16Array (BOOL, BF16, F16, ...). */
export interface WritableTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: TensorData
  readonly dtype?: Dtype
}

const readTensorParts = open<WritableTensor>({
  name: string,
  shape: list(integer(0)),
  data: (value, name) => {
    const type = Object.values(arrayTypes).find((one) => !types.isProxy(value) && value instanceof one)
    if (type === undefined) throw invalid('a typed array', name, value)
    return value
  },
  dtype: optional(choice(...(Object.keys(dtypeBits) as Dtype[])))
})

/**
 * Checks that a value is a tensor to write, and reads it once. Whether shape, dtype and data fit each other is checked as the header
 * is made.
 */
export const readTensor: Check<WritableTensor> = (value, name) => readTensorParts(value, name)

/**
 * The typed array that holds each dtype; those that JavaScript has no numbers for come as their bits, those of less than a byte
 * packed, and complex numbers as pairs of real and imaginary part.
 */
export const arrayTypes = {
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

/** The dtype of an array that is written without a `dtype` of the caller's. */
const ownDtypes: readonly Dtype[] = ['F32', 'F64', 'I8', 'U8', 'I16', 'U16', 'I32', 'U32', 'I64', 'U64']

/** Returns a name from a file as messages show it: printable, in quotes and not too long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name)
}

/** Returns the bytes of a tensor; NaN if its bits are not whole bytes, or are 2^53 or more. */
export function tensorBytes(shape: readonly number[], dtype: Dtype): number {
  const bits = elementCount(shape) * dtypeBits[dtype]
  return bits >= 0 && Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : NaN
}

/** Returns the number of elements of a shape, or -1 if it exceeds 2^53 - 1. */
export function elementCount(shape: readonly number[]): number {
  if (shape.includes(0)) return 0
  let count = 1
  for (const size of shape) {
    if (count > Number.MAX_SAFE_INTEGER / size) return -1
    count *= size
  }
  return count
}

/** Makes an array for a tensor, whose size was checked to be at most that of the file. Throws ERR_OUT_OF_MEMORY. */
export function allocateTensor(info: TensorInfo): TensorData {
  const type = arrayTypes[info.dtype]
  const bytes = info.end - info.begin
  try {
    return new type(bytes / type.BYTES_PER_ELEMENT)
  } catch (cause) {
    const what = `${bytes} bytes of memory for tensor ${quoted(info.name)}`
    throw expected('ERR_OUT_OF_MEMORY', what, 'a refusal of the system', 'free some memory', cause)
  }
}

/** Throws unless `target` can take the tensor as it is. */
export function checkTarget(info: TensorInfo, target: TensorData): void {
  const type = arrayTypes[info.dtype]
  if (types.isProxy(target) || !(target instanceof type)) {
    const found = show(target)
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `a ${type.name} for tensor ${quoted(info.name)} (${info.dtype})`,
      found,
      'pass an array of that type'
    )
  }
  if (target.byteLength !== info.end - info.begin) {
    const count = (info.end - info.begin) / type.BYTES_PER_ELEMENT
    const room = `${count} elements of a ${type.name} (${info.dtype} [${info.shape.join(', ')}])`
    throw expected(
      'ERR_INVALID_SHAPE',
      `room for ${room} of tensor ${quoted(info.name)}`,
      `${target.length}`,
      'pass an array of that length'
    )
  }
}

/** Returns the bytes of a typed array, without a copy. */
export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** Returns the dtype of a tensor: its own, or the default of the class of its array. Throws ERR_INVALID_ARGUMENT for another value. */
export function dtypeOf(tensor: WritableTensor): Dtype {
  if (tensor.dtype !== undefined) return tensor.dtype
  const found = ownDtypes.find((dtype) => tensor.data instanceof arrayTypes[dtype])
  if (found !== undefined) return found
  throw expected(
    'ERR_INVALID_ARGUMENT',
    `a typed array for tensor ${quoted(tensor.name)}`,
    'another value',
    'pass its data in one'
  )
}
