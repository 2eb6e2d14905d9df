// Converts tensors of other floating point formats to float32. float16 and bfloat16 are subsets of float32, so their values do
// not change; a float64 is rounded to the nearest float32, ties to even (IEEE 754).

import { types } from 'node:util'
import { expected } from '../errors.js'
import { quoted, type Dtype, type TensorData } from './safetensors/dtypes.js'

/** Formats that are converted to float32. */
export const floatDtypes: readonly Dtype[] = ['F32', 'F16', 'BF16', 'F64']

/**
 * Returns the values of a tensor called `name` as float32: the array itself for F32, otherwise a new one. Throws ERR_UNSUPPORTED, with
 * the name, for other formats and for float64 values whose nearest float32 is infinite.
 */
export function asFloat32(name: string, dtype: string, data: TensorData): Float32Array {
  if (dtype === 'F32' && types.isFloat32Array(data)) return data
  if (dtype === 'F16' && types.isUint16Array(data)) return fromBits(data, float16Bits)
  if (dtype === 'BF16' && types.isUint16Array(data)) return fromBits(data, (bits) => bits << 16)
  if (dtype === 'F64' && types.isFloat64Array(data)) return fromFloat64(name, data)
  throw expected(
    'ERR_UNSUPPORTED',
    `${floatDtypes.join(', ')} for weights`,
    `${dtype} for tensor ${quoted(name)}, which is not supported yet`,
    'convert it to F32'
  )
}

function fromBits(data: Uint16Array, float32Bits: (bits: number) => number): Float32Array {
  const values = new Float32Array(data.length)
  const words = new Uint32Array(values.buffer)
  for (let i = 0; i < data.length; i++) words[i] = float32Bits(data[i]!)
  return values
}

/** The float32 of the same value: exponents are biased by 127 and not by 15, fractions have 13 bits more. */
function float16Bits(bits: number): number {
  const sign = (bits & 0x8000) << 16
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  // A subnormal number is normal as a float32: its first 1 becomes the bit in front of the fraction.
  const shift = Math.clz32(fraction) - 21
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}

function fromFloat64(name: string, data: Float64Array): Float32Array {
  const values = Float32Array.from(data)
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i]) || !Number.isFinite(data[i])) continue
    throw expected(
      'ERR_UNSUPPORTED',
      `values of tensor ${quoted(name)} within the range of float32`,
      `${data[i]}`,
      'scale the weights'
    )
  }
  return values
}
