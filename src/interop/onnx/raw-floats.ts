// Floats of the raw bytes of an ONNX file, without a second copy of them in memory.

import { asFloat32 } from '../../io/float32.js'

/** Bytes of a field from which on its tag and length take at least 3 bytes. */
const LONG_FIELD = 128

/** Returns the floats of a field. Those of a long one move over its length, which was read, to the multiple of 4 before them. */
export function floatsAt(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = bytes
  const shift = byteOffset % 4
  if (length < LONG_FIELD) return new Float32Array(Uint8Array.from(bytes).buffer)
  const begin = byteOffset - shift
  if (shift > 0) new Uint8Array(buffer, begin, length + shift).copyWithin(0, shift)
  return new Float32Array(buffer as ArrayBuffer, begin, length / 4)
}

/** Bytes that are converted at a time, because a copy of all of them would take as much memory as the file. */
const PIECE = 2 ** 16

/** Returns numbers of another type as float32. */
export function converted(name: string, dtype: 'F64' | 'F16' | 'BF16', bytes: Uint8Array): Float32Array {
  const width = dtype === 'F64' ? 8 : 2
  const values = new Float32Array(bytes.length / width)
  for (let at = 0; at < bytes.length; at += PIECE) {
    const { buffer } = Uint8Array.from(bytes.subarray(at, at + PIECE))
    const piece = dtype === 'F64' ? new Float64Array(buffer) : new Uint16Array(buffer)
    values.set(asFloat32(name, dtype, piece), at / width)
  }
  return values
}
