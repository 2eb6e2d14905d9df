// A tensor of another program in its file.

import { arrayTypes, type Dtype, type TensorData } from '../../io/safetensors/dtypes.js'

/** A tensor in a file. */
export interface StoredTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** Reads the elements in row-major order into a new array. Throws ERR_FILE_FORMAT if the file is damaged. */
  read(): Promise<TensorData>
}

/** Returns the array of a type over bytes that begin at the begin of their memory. */
export function asArray(bytes: Uint8Array, dtype: Dtype): TensorData {
  const type = arrayTypes[dtype]
  return new type(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / type.BYTES_PER_ELEMENT)
}
