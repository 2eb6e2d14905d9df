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

/** Most tensors of an archive of PyTorch or NumPy: they take about 2 MiB of memory before one is read. */
export const MAX_TENSORS = 2 ** 12

/** Returns the array of a type over bytes, without a copy unless they begin between two elements. */
export function asArray(bytes: Uint8Array, dtype: Dtype): TensorData {
  const type = arrayTypes[dtype]
  const whole = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : Uint8Array.from(bytes)
  return new type(whole.buffer as ArrayBuffer, whole.byteOffset, whole.length / type.BYTES_PER_ELEMENT)
}
