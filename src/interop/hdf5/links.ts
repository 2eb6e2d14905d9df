// The members of a group of an HDF5 file, of both forms: a B-tree of symbol tables, which h5py writes, and messages of links. Soft and external
// links are refused.

import { quoted } from '../../io/safetensors/dtypes.js'
import { NO_ADDRESS, type Hdf5Bytes } from './hdf5-bytes.js'
import { messageTypes, type HeaderMessage } from './objects.js'

/** A member of a group: a name and the address of an object. */
export interface Hdf5Link {
  readonly name: string
  readonly target: number
}

/** Returns the members of a group with the messages of its header. Throws ERR_FILE_FORMAT, and ERR_UNSUPPORTED for links that are not hard. */
export function linksOf(file: Hdf5Bytes, messages: readonly HeaderMessage[], path: string): Hdf5Link[] {
  const links = messages.flatMap((message) => {
    if (message.type === messageTypes.link) return [linkOf(file, message, path)]
    if (message.type === messageTypes.symbolTable) return symbolsOf(file, message, path)
    if (message.type === messageTypes.linkInfo) refuseHeap(file, message, path)
    return []
  })
  const names = new Set<string>()
  const twice = links.find(({ name }) => name === '' || names.size === names.add(name).size)
  if (twice) throw file.wrong(`names of members of ${quoted(path)}`, `${quoted(twice.name)} twice or an empty one`)
  return links
}

function refuseHeap(file: Hdf5Bytes, { at }: HeaderMessage, path: string): void {
  const heap = file.u64(at + 2 + (file.u8(at + 1) & 1 ? 8 : 0))
  if (heap !== NO_ADDRESS) throw file.refuse(`a group of the form that h5py writes by default as ${quoted(path)}`, 'a heap of links') // prettier-ignore
}

function linkOf(file: Hdf5Bytes, { at, size }: HeaderMessage, path: string): Hdf5Link {
  const flags = file.u8(at + 1)
  const kindAt = at + 2
  const kind = flags & 8 ? file.u8(kindAt) : 0
  const width = 1 << (flags & 3)
  const lengthAt = kindAt + (flags & 8 ? 1 : 0) + (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0)
  const length = file.number(lengthAt, width)
  if (!(lengthAt + width + length <= at + size)) throw file.wrong('a name within its message', `${length} bytes`)
  const name = file.text(lengthAt + width, length)
  if (kind !== 0) throw refuseLink(file, path, name, kind === 64 ? 'an external link' : 'a soft link')
  return { name, target: file.u64(lengthAt + width + length) }
}

const refuseLink = (file: Hdf5Bytes, path: string, name: string, found: string) =>
  file.refuse(`a member ${quoted(name)} of ${quoted(path)} in the file itself`, found)

/** Returns the members in the symbol tables under a B-tree. */
function symbolsOf(file: Hdf5Bytes, { at }: HeaderMessage, path: string): Hdf5Link[] {
  const [tree, heap] = [file.u64(at), file.u64(at + 8)]
  file.signature(heap, 'HEAP')
  const [heapBytes, heapData] = [file.u64(heap + 8), file.u64(heap + 24)]
  file.part(heapData, heapBytes)
  const links: Hdf5Link[] = []
  for (const table of tablesOf(file, tree, null)) {
    file.signature(table, 'SNOD')
    const count = file.u16(table + 6)
    for (let i = 0; i < count; i++) {
      file.step()
      const entry = table + 8 + 40 * i
      const nameAt = file.u64(entry)
      if (nameAt >= heapBytes) throw file.wrong(`names within the ${heapBytes} bytes of a heap`, `byte ${nameAt}`)
      const name = file.text(heapData + nameAt, Math.min(heapBytes - nameAt, 1025))
      file.claim(name.length)
      if (file.u32(entry + 16) === 2) throw refuseLink(file, path, name, 'a soft link')
      links.push({ name, target: file.u64(entry + 8) })
    }
  }
  return links
}

/** Returns the addresses of the symbol tables under a node of a B-tree: levels become smaller on the way down. */
function* tablesOf(file: Hdf5Bytes, address: number, level: number | null): Generator<number> {
  file.signature(address, 'TREE')
  const [kind, own, count] = [file.u8(address + 4), file.u8(address + 5), file.u16(address + 6)]
  if (kind !== 0 || own > 16 || (level !== null && own !== level - 1))
    throw file.wrong('a tree of groups', `a node of kind ${kind} and level ${own}`)
  for (let i = 0; i < count; i++) {
    file.step()
    const child = file.u64(address + 32 + 16 * i)
    if (own === 0) yield child
    else yield* tablesOf(file, child, own)
  }
}
