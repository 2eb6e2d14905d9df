// Elements of a tensor at any strides, as PyTorch's views and NumPy's Fortran order have them, in row-major order.

import { bytesOf, elementCount, type TensorData } from '../../io/safetensors/dtypes.js'

/** The place of a tensor's elements in an array: offset and strides count elements. */
export interface Layout {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
}

/** Returns the strides of elements in row-major order, or with `fortran` in column-major order. */
export function stridesOf(shape: readonly number[], fortran = false): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = 0; i < shape.length; i++) {
    const axis = fortran ? i : shape.length - 1 - i
    strides[axis] = step
    step *= Math.max(1, shape[axis]!)
  }
  return strides
}

/** Returns the number of elements from the first one of a layout to its last one; 0 if it has none. */
export function elementSpan({ shape, strides }: Layout): number {
  if (shape.includes(0)) return 0
  return 1 + shape.reduce((last, size, axis) => last + (size - 1) * strides[axis]!, 0)
}

/** Whether the elements are next to each other in row-major order. */
function isContiguous({ shape, strides }: Layout): boolean {
  const plain = stridesOf(shape)
  return shape.every((size, axis) => size <= 1 || strides[axis] === plain[axis])
}

/** Returns the elements of a layout as an array of the type of `data`: `data` itself if it holds exactly these, otherwise a copy. */
export function gatherElements<D extends TensorData>(data: D, layout: Layout): D {
  const { shape, strides, offset } = layout
  const count = elementCount(shape)
  if (isContiguous(layout)) {
    if (offset === 0 && count === data.length) return data
    return data.slice(offset, offset + count) as D
  }
  // The bits are copied, so that NaN keeps its payload.
  const width = data.BYTES_PER_ELEMENT
  const from = wordsOf(bytesOf(data), width)
  const result = new (data.constructor as new (length: number) => D)(count)
  const to = wordsOf(bytesOf(result), width)
  const index = new Array<number>(shape.length).fill(0)
  let at = offset
  for (let i = 0; i < count; i++) {
    to[i] = from[at]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      at -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return result
}

/** Returns equal blocks of values in another order, such as gates of other programs in ours: block `order[i]` becomes block i. */
export function blocksInOrder(values: Float32Array, order: readonly number[]): Float32Array {
  const size = values.length / order.length
  const result = new Float32Array(values.length)
  for (const [to, from] of order.entries()) result.set(values.subarray(from * size, (from + 1) * size), to * size)
  return result
}

/** Returns a matrix [rows, columns] as [columns, rows]. */
export function transposedMatrix(data: Float32Array, rows: number, columns: number): Float32Array {
  return gatherElements(data, { shape: [columns, rows], strides: [1, columns], offset: 0 })
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array, width: number) {
  if (width === 8) return new BigUint64Array(buffer, byteOffset, byteLength / 8) as unknown as Uint32Array
  if (width === 4) return new Uint32Array(buffer, byteOffset, byteLength / 4)
  if (width === 2) return new Uint16Array(buffer, byteOffset, byteLength / 2)
  return new Uint8Array(buffer, byteOffset, byteLength)
}
