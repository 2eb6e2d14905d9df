// HDF5 files of float32 datasets in groups, in the oldest form, which every reader has: version 0 of the superblock, a symbol table for each group,
// and the elements of a dataset next to each other. The same content gives the same bytes.

import { bytesOf } from '../../io/safetensors/dtypes.js'

/** A dataset to write: its path has the names of its groups. */
export interface Hdf5Dataset {
  readonly path: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

interface GroupTree {
  readonly members: Map<string, GroupTree | Hdf5Dataset>
}

const UNDEFINED = 0xffff_ffff_ffff_ffffn
const SUPERBLOCK_BYTES = 96
const ENTRY_BYTES = 40
/** Most of half the members of a group: a group has one symbol table, half of whose size the superblock gives. */
const MOST_LEAF = 2 ** 15 - 1

/** Bytes of a structure, written from its beginning to its end. */
class Block {
  readonly bytes: Buffer
  #at = 0

  constructor(size: number) {
    this.bytes = Buffer.alloc(size)
  }

  text(letters: string): this {
    this.#at += this.bytes.write(letters, this.#at, 'latin1')
    return this
  }

  /** Writes numbers of `width` bytes. */
  numbers(width: 1 | 2 | 4, ...values: readonly number[]): this {
    for (const value of values) this.#at = this.bytes.writeUIntLE(value, this.#at, width)
    return this
  }

  sizes(...values: readonly (number | bigint)[]): this {
    for (const value of values) this.#at = this.bytes.writeBigUInt64LE(BigInt(value), this.#at)
    return this
  }

  skip(count: number): this {
    this.#at += count
    return this
  }
}

/** The pieces of a file, each at a place that is a multiple of 8. */
class Hdf5Pieces {
  readonly pieces: Uint8Array[] = []
  size = 0

  /** Adds bytes and returns their place. */
  add(bytes: Uint8Array): number {
    const at = this.size
    const padding = -bytes.length & 7
    this.pieces.push(bytes)
    if (padding > 0) this.pieces.push(new Uint8Array(padding))
    this.size += bytes.length + padding
    return at
  }
}

/** Returns the header of an object of version 1 with messages. */
function objectHeader(messages: readonly (readonly [type: number, data: Uint8Array])[]): Uint8Array {
  const size = messages.reduce((sum, [, { length }]) => sum + 8 + length, 0)
  const block = new Block(16 + size).numbers(1, 1, 0).numbers(2, messages.length).numbers(4, 1, size).skip(4)
  for (const [type, data] of messages) {
    block.numbers(2, type, data.length).skip(4)
    block.numbers(1, ...data)
  }
  return block.bytes
}

function addDataset(pieces: Hdf5Pieces, { shape, data }: Hdf5Dataset): number {
  const at = data.length === 0 ? UNDEFINED : BigInt(pieces.add(bytesOf(data)))
  const space = new Block(8 + 8 * shape.length)
    .numbers(1, 1, shape.length)
    .skip(6)
    .sizes(...shape).bytes
  // A little-endian IEEE float of 4 bytes: class 1 of version 1, sign at bit 31, 8 bits of exponent from bit 23, 23 of fraction, bias 127.
  const type = new Block(24).numbers(1, 0x11, 0x20, 31, 0).numbers(4, 4).numbers(2, 0, 32).numbers(1, 23, 8, 0, 23).numbers(4, 127).bytes // prettier-ignore
  const fill = new Block(8).numbers(1, 2, 2, 2, 0).bytes
  const layout = new Block(24).numbers(1, 3, 1).sizes(at, data.byteLength).bytes
  return pieces.add(objectHeader([[1, space], [3, type], [5, fill], [8, layout]])) // prettier-ignore
}

/** The places of a group. */
interface GroupPlace {
  readonly header: number
  readonly tree: number
  readonly heap: number
}

function addGroup(pieces: Hdf5Pieces, { members }: GroupTree, leaf: number): GroupPlace {
  const entries = [...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => {
    const place = 'members' in member ? addGroup(pieces, member, leaf) : addDataset(pieces, member)
    return { name, place }
  }) // prettier-ignore
  let used = 8
  const names = entries.map(({ name }) => {
    const bytes = Buffer.from(name)
    const at = used
    used += Math.ceil((bytes.length + 1) / 8) * 8
    return { bytes, at }
  })
  const data = Buffer.alloc(used)
  for (const { bytes, at } of names) bytes.copy(data, at)
  const dataAt = pieces.add(data)
  // 1 is the end of a list of free parts.
  const heap = pieces.add(new Block(32).text('HEAP').skip(4).sizes(used, 1, dataAt).bytes)
  const table = new Block(8 + 2 * leaf * ENTRY_BYTES).text('SNOD').numbers(1, 1, 0).numbers(2, entries.length)
  for (const [i, { place }] of entries.entries()) {
    const isGroup = typeof place === 'object'
    table.sizes(names[i]!.at, isGroup ? place.header : place).numbers(4, isGroup ? 1 : 0, 0)
    table.sizes(isGroup ? place.tree : 0, isGroup ? place.heap : 0)
  }
  const tableAt = pieces.add(table.bytes)
  // A tree of one node, with room for 32 symbol tables: its keys are the names before and of the last entry of a table.
  const node = new Block(24 + 8 * 65)
    .text('TREE')
    .numbers(1, 0, 0)
    .numbers(2, entries.length === 0 ? 0 : 1)
  node.sizes(UNDEFINED, UNDEFINED)
  if (entries.length > 0) node.sizes(0, tableAt, names[names.length - 1]!.at)
  const tree = pieces.add(node.bytes)
  const header = pieces.add(objectHeader([[17, new Block(16).sizes(tree, heap).bytes]]))
  return { header, tree, heap }
}

/** Returns the pieces of a file with datasets of different paths. */
export function hdf5Pieces(datasets: readonly Hdf5Dataset[]): Uint8Array[] {
  const root: GroupTree = { members: new Map() }
  let most = 1
  for (const dataset of datasets) {
    const names = dataset.path.split('/')
    let group = root
    for (const name of names.slice(0, -1)) {
      const next = (group.members.get(name) as GroupTree | undefined) ?? { members: new Map() }
      group.members.set(name, next)
      most = Math.max(most, group.members.size)
      group = next
    }
    group.members.set(names[names.length - 1]!, dataset)
    most = Math.max(most, group.members.size)
  }
  const leaf = Math.min(MOST_LEAF, Math.max(4, Math.ceil(most / 2)))
  const pieces = new Hdf5Pieces()
  pieces.size = SUPERBLOCK_BYTES
  const { header, tree, heap } = addGroup(pieces, root, leaf)
  const block = new Block(SUPERBLOCK_BYTES)
  block.numbers(1, 0x89).text('HDF\r\n').numbers(1, 0x1a).text('\n')
  // Versions, sizes of addresses and lengths, entries of half a symbol table and half a node of a tree.
  block.numbers(1, 0, 0, 0, 0, 0, 8, 8, 0).numbers(2, leaf, 16).numbers(4, 0)
  block.sizes(0, UNDEFINED, pieces.size, UNDEFINED)
  block.sizes(0, header).numbers(4, 1, 0).sizes(tree, heap)
  return [block.bytes, ...pieces.pieces]
}
