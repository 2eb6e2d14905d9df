// Zip archives written without compression, as numpy.savez writes them. The same content gives the same bytes.

import { crc32 } from 'node:zlib'
import { expected } from '../../errors.js'
import type { AtomicFile } from '../../io/atomic.js'

/** An entry to write: its content is in parts. */
export interface WritableEntry {
  readonly name: string
  readonly parts: readonly Uint8Array[]
}

const MOST = 2 ** 32 - 2

/** Writes an archive. Throws ERR_UNSUPPORTED for 4 GiB or more, or 65,535 entries or more. */
export async function writeZip(file: AtomicFile, entries: readonly WritableEntry[]): Promise<void> {
  const total = entries.reduce(
    (sum, { name, parts }) => parts.reduce((all, part) => all + part.length, sum + 2 * name.length + 76),
    22
  )
  if (total > MOST || entries.length >= 0xffff) {
    const what = 'less than 4 GiB and 65,535 arrays for an archive'
    throw expected('ERR_UNSUPPORTED', what, `${total} bytes of ${entries.length}`, 'write a safetensors file')
  }
  const directory: Buffer[] = []
  let at = 0
  for (const { name, parts } of entries) {
    const called = Buffer.from(name)
    const size = parts.reduce((sum, part) => sum + part.length, 0)
    // Version 2.0, no flags but UTF-8, stored, and 1980-01-01 as the time, because the bytes depend only on the content.
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(0x800, 2)
    common.writeUInt16LE(0x21, 8)
    common.writeUInt32LE(
      parts.reduce((crc, part) => crc32(part, crc), 0),
      10
    )
    common.writeUInt32LE(size, 14)
    common.writeUInt32LE(size, 18)
    common.writeUInt16LE(called.length, 22)
    await file.write(Buffer.concat([Buffer.from('PK\x03\x04'), common, called]))
    for (const part of parts) await file.write(part)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.of(20, 3), common, place, called]))
    at += 30 + called.length + size
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  for (const place of [8, 10]) end.writeUInt16LE(entries.length, place)
  end.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    12
  )
  end.writeUInt32LE(at, 16)
  await file.write(Buffer.concat([...directory, end]))
}
