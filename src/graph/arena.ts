// Arenas: one SharedArrayBuffer with slots of 16 elements (64 bytes). A SharedArrayBuffer cannot be detached,
// transferred away or shrunk while a native job reads it, and worker threads share it without a copy.

import { GatecellError } from '../errors.js'
import { native } from '../native.js'
import { SLOT_ELEMENTS } from './opcodes.js'
import { sizeOf, type DType, type Shape, type View } from './shape.js'

/** `elements` rounded up to whole slots. */
export function slotted(elements: number): number {
  return Math.ceil(elements / SLOT_ELEMENTS) * SLOT_ELEMENTS
}

/** Zeroed memory for `elements` 4-byte values whose first byte is 64-byte aligned. Throws ERR_OUT_OF_MEMORY. */
export function createArena(elements: number): Float32Array {
  const bytes = Math.max(elements, SLOT_ELEMENTS) * 4
  const buffer = allocate(bytes + 64)
  // V8 hands out large buffers at 16 mod 64: skip to the next line.
  const skip = (64 - native().alignment(new Uint8Array(buffer))) % 64
  return new Float32Array(buffer, skip, bytes / 4)
}

/** A block of `count` doubles that no caller can detach. */
export function createDoubles(count: number): Float64Array {
  return new Float64Array(allocate(count * 8))
}

function allocate(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes)
  } catch (cause) {
    throw new GatecellError(
      'ERR_OUT_OF_MEMORY',
      `Expected ${bytes} bytes of memory but the system refused them; use a smaller model, batch or length.`,
      { cause }
    )
  }
}

/** A view of `shape` in `arena` from element `slot` on. */
export function viewOf(arena: Float32Array, slot: number, shape: Shape, dtype: DType): View {
  const offset = arena.byteOffset + slot * 4
  return dtype === 'f32'
    ? new Float32Array(arena.buffer, offset, sizeOf(shape))
    : new Int32Array(arena.buffer, offset, sizeOf(shape))
}

const owners = new WeakMap<ArrayBufferLike, object>()

/** Keeps `owner` alive as long as somebody holds a view of the arena that `view` lies in. */
export function setOwner(view: View | undefined, owner: object): void {
  if (view) owners.set(view.buffer, owner)
}
