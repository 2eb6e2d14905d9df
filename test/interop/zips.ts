// Zip archives for tests, made by hand so that they can be wrong in one place.
import { crc32, deflateRawSync } from 'node:zlib'

export interface MadeEntry {
  name: string
  data: Uint8Array
  deflate?: boolean
  /** Size in the headers, if it is not that of the data. */
  size?: number
}

/** Returns an archive. `wide`: with the records of zip64; `repeated`: the directory names the first entry twice, under two names. */
export function zipOf(entries: MadeEntry[], { wide = false, repeated = false } = {}): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { name, data, deflate = false, size = data.length } of entries) {
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data)
    const extra = Buffer.alloc(wide ? 20 : 0)
    if (wide) {
      extra.writeUInt32LE(0x100001, 0)
      extra.writeBigUInt64LE(BigInt(size), 4)
      extra.writeBigUInt64LE(BigInt(packed.length), 12)
    }
    const header = (begin: number[], nameBytes: string, more: number[]) => {
      const fixed = Buffer.from(Uint16Array.from([...begin, 0, deflate ? 8 : 0, 0, 0]).buffer)
      const sizes = Buffer.from(
        Uint32Array.of(crc32(data), wide ? 0xffffffff : packed.length, wide ? 0xffffffff : size).buffer
      )
      const lengths = Buffer.from(Uint16Array.of(nameBytes.length, extra.length, ...more).buffer)
      return Buffer.concat([fixed, sizes, lengths])
    }
    const place = Buffer.from(Uint32Array.of(at).buffer)
    const entry = (called: string) =>
      directory.push(
        Buffer.concat([header([0x4b50, 0x0201, 45, 45], called, [0, 0, 0, 0, 0]), place, Buffer.from(called), extra])
      )
    entry(name)
    if (repeated) entry(`again-${name}`)
    const local = Buffer.concat([header([0x4b50, 0x0403, 45], name, []), Buffer.from(name), extra, packed])
    parts.push(local)
    at += local.length
  }
  const all = Buffer.concat(directory)
  const count = directory.length
  const ends: Buffer[] = []
  if (wide) {
    const end = Buffer.alloc(76)
    end.writeUInt32LE(0x06064b50, 0)
    end.writeBigUInt64LE(44n, 4)
    for (const place of [24, 32]) end.writeBigUInt64LE(BigInt(count), place)
    end.writeBigUInt64LE(BigInt(all.length), 40)
    end.writeBigUInt64LE(BigInt(at), 48)
    end.writeUInt32LE(0x07064b50, 56)
    end.writeBigUInt64LE(BigInt(at + all.length), 64)
    end.writeUInt32LE(1, 72)
    ends.push(end)
  }
  const last = Buffer.from(Uint32Array.of(0x06054b50, 0, (count << 16) | count, all.length, at).buffer)
  return Buffer.concat([...parts, all, ...ends, last, Buffer.alloc(2)])
}
