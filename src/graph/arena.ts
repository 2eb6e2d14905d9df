// Arenas: blocks of memory for many tensors, each in a SharedArrayBuffer with slots of 16 elements (64 bytes). A SharedArrayBuffer cannot
// be detached, transferred or shrunk while a native job reads it, and worker threads share it without a copy.

import { expected } from '../errors.js'
import { native } from '../native.js'
import { SLOT_ELEMENTS } from './opcodes.js'
import { sizeOf, type DType, type Shape, type View } from './shape.js'

/** Returns `elements` rounded up to whole slots. */
export function slotted(elements: number): number {
  return Math.ceil(elements / SLOT_ELEMENTS) * SLOT_ELEMENTS
}

/** Allocates zeroed memory, aligned to 64 bytes, for `elements` values of 4 bytes. Throws ERR_OUT_OF_MEMORY. */
export function createArena(elements: number): Float32Array {
  const bytes = Math.max(elements, SLOT_ELEMENTS) * 4
  const buffer = allocate(bytes + 64)
  // V8 allocates large buffers at addresses of 16 modulo 64: skip to the next cache line.
  const skip = (64 - native().alignment(new Uint8Array(buffer))) % 64
  return new Float32Array(buffer, skip, bytes / 4)
}

/** Allocates a block of `count` doubles that no caller can detach. Throws ERR_OUT_OF_MEMORY. */
export function createDoubles(count: number): Float64Array {
  return new Float64Array(allocate(count * 8))
}

function allocate(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes)
  } catch (cause) {
    const remedy = 'use a smaller model, batch or length'
    throw expected('ERR_OUT_OF_MEMORY', `${bytes} bytes of memory`, 'a refusal by the system', remedy, cause)
  }
}

/** Returns a view of `shape` in `arena` that begins at the element `slot`. */
export function viewOf(arena: Float32Array, slot: number, shape: Shape, dtype: DType): View {
  const offset = arena.byteOffset + slot * 4
  return dtype === 'f32'
    ? new Float32Array(arena.buffer, offset, sizeOf(shape))
    : new Int32Array(arena.buffer, offset, sizeOf(shape))
}

const owners = new WeakMap<ArrayBufferLike, object>()

/** Keeps `owner` from garbage collection as long as the program holds a view of the arena of `view`. */
export function setOwner(view: View | undefined, owner: object): void {
  if (view) owners.set(view.buffer, owner)
}
