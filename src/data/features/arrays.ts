// Arrays of features in NPY and safetensors files, read part by part, so that a file may be larger than the memory.

import { expected } from '../../errors.js'
import { asFloat32 } from '../../io/float32.js'
import { dtypeBits, quoted, type Dtype } from '../../io/safetensors/dtypes.js'
import { parseSafetensorsHeader, safetensorsHeaderLength } from '../../io/safetensors/header.js'
import type { ByteReader } from '../files/byte-reader.js'
import { isNpy, readNpyHeader } from '../files/npy.js'

/** An array of numbers in a file. */
export interface NumberArray {
  /** Its place for messages: the path of an NPY file, or a tensor of a safetensors file. */
  readonly where: string
  readonly shape: readonly number[]
  /** Returns `count` elements from `begin` on as float32. Throws ERR_FILE_FORMAT for numbers that are not finite. */
  read(begin: number, count: number): Promise<Float32Array>
}

/** The arrays of a file: one of an NPY file, whose name is empty, or the tensors of a safetensors file by their names. */
export interface ArrayFile {
  readonly path: string
  readonly format: 'npy' | 'safetensors'
  readonly arrays: ReadonlyMap<string, NumberArray>
  close(): Promise<void>
}

/** The types of elements, by the names of safetensors. */
const readable: readonly Dtype[] = ['F32', 'F64', 'F16', 'BF16', 'U8']

/** Returns the elements of a type as float32. `bytes` begins at the begin of its buffer. */
function floats(bytes: Uint8Array, dtype: Dtype, where: string): Float32Array {
  const { buffer } = bytes
  if (dtype === 'U8') return Float32Array.from(bytes)
  if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer))
  return asFloat32(where, dtype, dtype === 'F32' ? new Float32Array(buffer) : new Uint16Array(buffer))
}

/** Returns an array of elements of a type that begin at `from` in a file. */
function arrayAt(
  source: ByteReader,
  { dtype, shape, from, where }: { dtype: Dtype; shape: readonly number[]; from: number; where: string }
): NumberArray {
  const size = dtypeBits[dtype] / 8
  return {
    where,
    shape,
    async read(begin, count) {
      const values = floats(await source.read(from + size * begin, size * count), dtype, where)
      const at = values.findIndex((value) => !Number.isFinite(value))
      if (at < 0) return values
      const what = `finite numbers of float32 in ${where}`
      throw expected('ERR_FILE_FORMAT', what, `${values[at]} as element ${begin + at}`, 'correct or scale the features')
    }
  }
}

async function npyArray(source: ByteReader): Promise<NumberArray> {
  const { name } = source
  const { dtype, descr, shape, fortran, dataBegin } = await readNpyHeader(source)
  if (!readable.includes(dtype)) {
    const what = `elements of the type f2, f4, f8 or u1, little-endian, in ${name}`
    throw expected('ERR_FILE_FORMAT', what, JSON.stringify(descr), "convert it, for example with array.astype('<f4')")
  }
  if (fortran) {
    const what = `an array in C order in ${name}`
    throw expected('ERR_FILE_FORMAT', what, 'Fortran order', 'save numpy.ascontiguousarray(array)')
  }
  return arrayAt(source, { dtype, shape, from: dataBegin, where: name })
}

async function safetensorsArrays(source: ByteReader): Promise<Map<string, NumberArray>> {
  const { name: path, size } = source
  const length = safetensorsHeaderLength(await source.read(0, Math.min(8, size)), size, path)
  const { tensors, dataBegin } = parseSafetensorsHeader(await source.read(8, length), size, path)
  const arrays = [...tensors.values()].map(({ name, dtype, shape, begin }): readonly [string, NumberArray] => {
    const where = `tensor ${quoted(name)} of ${path}`
    if (readable.includes(dtype)) return [name, arrayAt(source, { dtype, shape, from: dataBegin + begin, where })]
    throw expected(
      'ERR_FILE_FORMAT',
      `one of the types ${readable.join(', ')} for ${where}`,
      dtype,
      'convert it to F32'
    )
  })
  return new Map(arrays)
}

/** Returns whether bytes begin as a safetensors file: the length of its header is followed by a brace. */
function isSafetensors(head: Uint8Array): boolean {
  return head.length >= 9 && head[8] === 0x7b
}

/**
 * Reads the header of an NPY or safetensors file and checks it against the size of the file. The source is closed with the result, or if an error is
 * thrown. Throws ERR_FILE_FORMAT with the name of the file.
 */
export async function openArrays(source: ByteReader): Promise<ArrayFile> {
  const { name: path, size } = source
  try {
    const head = await source.read(0, Math.min(16, size))
    const file = { path, close: () => source.close() }
    if (isNpy(head)) {
      return { ...file, format: 'npy', arrays: new Map([['', await npyArray(source)]]) }
    }
    if (isSafetensors(head)) return { ...file, format: 'safetensors', arrays: await safetensorsArrays(source) }
    const isArchive = head[0] === 0x50 && head[1] === 0x4b
    const found = size === 0 ? 'an empty file' : isArchive ? 'an archive (npz)' : 'another format'
    throw expected(
      'ERR_FILE_FORMAT',
      `an NPY or safetensors file in ${path}`,
      found,
      'save the features with numpy.save'
    )
  } catch (error) {
    await source.close()
    throw error
  }
}
