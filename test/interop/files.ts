// The files of test/golden/interop, which make_interop.py wrote with PyTorch and NumPy, and what they hold.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bytesInMemory } from '../../src/data/files/byte-reader.js'
import { tensorsFrom, type TensorFile } from '../../src/interop/tensors/tensor-file.js'
import { asFloat32 } from '../../src/io/float32.js'

/** A tensor as Python described it. */
export interface Described {
  dtype: string
  shape: number[]
  data: number[]
}

/** Returns the path of a file. */
export const goldenPath = (name: string) => fileURLToPath(new URL(`../golden/interop/${name}`, import.meta.url))

export const golden = JSON.parse(readFileSync(goldenPath('expected.json'), 'utf8')) as Record<
  'lstm' | 'views' | 'text' | 'arrays',
  Record<string, Described>
> & { logits: { ids: number[]; shape: number[]; data: number[] } }

/** Opens bytes as a file of tensors. */
export const openBytesOf = (bytes: Uint8Array, name = 'a file') => tensorsFrom(bytesInMemory(bytes, name))

const names: Record<string, string> = {
  F32: 'float32',
  F64: 'float64',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I16: 'int16',
  U8: 'uint8',
  BOOL: 'bool'
}

/** Returns the tensors of a file in the form in which Python described them. */
export async function describe({ tensors }: TensorFile): Promise<Record<string, Described>> {
  const found: Record<string, Described> = {}
  for (const [name, { dtype, shape, read }] of tensors) {
    const data = await read()
    const floats = data instanceof Uint16Array && dtype.endsWith('F16') ? asFloat32(name, dtype, data) : data
    found[name] = { dtype: names[dtype]!, shape: [...shape], data: Array.from(floats as ArrayLike<number>, Number) }
  }
  return found
}
