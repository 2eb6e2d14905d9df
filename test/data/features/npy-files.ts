// NPY files as numpy.save writes them, and damaged ones.

/** Returns the bytes of an NPY file with a header and elements. */
export function npyOf(
  header: string,
  data: Uint8Array = new Uint8Array(0),
  { version = 1, length }: { version?: number; length?: number } = {}
): Buffer {
  const begin = version === 1 ? 10 : 12
  const padded = `${header}${' '.repeat((64 - ((begin + header.length + 1) % 64)) % 64)}\n`
  const head = Buffer.alloc(begin)
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  if (version === 1) head.writeUInt16LE(length ?? padded.length, 8)
  else head.writeUInt32LE(length ?? padded.length, 8)
  return Buffer.concat([head, Buffer.from(padded, 'latin1'), data])
}

/** Returns the header of a plain array. */
export function npyHeader(descr: string, shape: readonly number[], order = 'False'): string {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${sides}), }`
}

/** Returns the bytes of an NPY file with an array of float32. */
export function npyOfFloats(values: Float32Array, shape: readonly number[]): Buffer {
  return npyOf(npyHeader('<f4', shape), new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}
