// The only array of a file, as the numbers that models take.

import { expected } from '../../errors.js'
import { asFloat32 } from '../../io/float32.js'
import { openTensorFile, type OpenTensorFileOptions } from './tensor-file.js'

/**
 * Reads the array of an NPY file, or of another file with one tensor: floats as float32, integers as int32. Options are those of
 * `openTensorFile`. Throws the errors of `openTensorFile`, ERR_FILE_FORMAT for several tensors, and ERR_OUT_OF_RANGE for integers that are not int32.
 */
export async function readArray(
  path: string,
  options: OpenTensorFileOptions = {}
): Promise<{ shape: readonly number[]; data: Float32Array | Int32Array }> {
  const file = await openTensorFile(path, options)
  try {
    const [tensor, ...others] = file.tensors.values()
    if (!tensor || others.length > 0)
      throw expected('ERR_FILE_FORMAT', `one array in ${path}`, `${file.tensors.size}`, 'save it with numpy.save')
    const { dtype, shape } = tensor
    const data = await tensor.read()
    if (dtype.startsWith('F') || dtype === 'BF16') return { shape, data: asFloat32(path, dtype, data) }
    const values = Array.from(data as ArrayLike<number | bigint>, Number)
    const odd = values.find((value) => value !== (value | 0))
    if (odd === undefined) return { shape, data: Int32Array.from(values) }
    throw expected('ERR_OUT_OF_RANGE', `integers of 32 bits in ${path}`, `${odd}`, 'use smaller ones')
  } finally {
    await file.close()
  }
}
