// Safetensors files made by hand, for tests of readers.

/** Makes a file from a header in text, or an object, and a number of data bytes. */
export function makeFile(header: unknown, dataBytes = 0, length?: bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header), 'latin1')
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(length ?? BigInt(json.length))
  return Buffer.concat([start, json, Buffer.alloc(dataBytes, 1)])
}

/** Returns the entry of a tensor in a header. */
export const tensor = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype = 'F32'): unknown => ({
  dtype,
  shape,
  data_offsets: [begin, end]
})
