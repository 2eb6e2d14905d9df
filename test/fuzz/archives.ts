// Archives for the fuzzer: their entries are changed, and the archive around them is whole, because a wrong checksum would hide the entry from the
// readers after it.

import { inflateRawSync } from 'node:zlib'
import type { Random } from '../../src/random.js'
import { zipOf, type MadeEntry } from '../interop/zips.js'
import { mutated, oneOf, type Material } from './mutate.js'

/** Returns the entries of a whole archive. */
export function entriesOf(archive: Uint8Array): MadeEntry[] {
  const bytes = Buffer.from(archive)
  const entries: MadeEntry[] = []
  let at = bytes.readUInt32LE(bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1') + 16)
  while (bytes.readUInt32LE(at) === 0x02014b50) {
    const nameLength = bytes.readUInt16LE(at + 28)
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength)
    const local = bytes.readUInt32LE(at + 42)
    const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
    const packed = bytes.subarray(begin, begin + bytes.readUInt32LE(at + 20))
    const deflate = bytes.readUInt16LE(at + 10) === 8
    entries.push({ name, data: deflate ? inflateRawSync(packed) : packed })
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  return entries
}

/** Returns an archive in which one entry is changed, seldom also left out, renamed or repeated. */
export function changedArchive(entries: readonly MadeEntry[], random: Random, material: Material): Uint8Array {
  const made = entries.map((entry) => ({ ...entry, deflate: random.below(8) === 0 }))
  // The first entry of a state_dict is its pickle, of which most can be wrong.
  const chosen = random.below(2) === 0 ? 0 : random.below(made.length)
  made[chosen]!.data = mutated(made[chosen]!.data, random, material)
  const kind = random.below(16)
  if (kind === 0 && made.length > 1) made.splice(random.below(made.length), 1)
  if (kind === 1) made.push({ ...oneOf(random, made) })
  if (kind === 2) oneOf(random, made).name = oneOf(random, made).name
  if (kind === 3) oneOf(random, made).size = random.below(2 ** 17)
  return zipOf(made, { wide: random.below(16) === 0, repeated: random.below(64) === 0 })
}
