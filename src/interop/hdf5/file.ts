// HDF5 files as Keras and h5py write them, read strictly: groups, attributes with texts, and datasets whose elements are next to each other. Refused
// by name: soft and external links, external and virtual data, chunks and their filters. Only these bytes are read, and each object once.

import { elementCount, quoted } from '../../io/safetensors/dtypes.js'
import { asArray, type StoredTensor } from '../tensors/stored-tensor.js'
import { linksOf } from './links.js'
import { attributeOf, dataAt, elementTypeAt, messagesOf, messageTypes, shapeAt, type HeaderMessage, type Hdf5Attribute } from './objects.js' // prettier-ignore
import { Hdf5Bytes, NO_ADDRESS } from './hdf5-bytes.js'

/** A file. */
export interface Hdf5File {
  /** The datasets by their paths, such as `layers/lstm/cell/vars/0`. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** Paths of the groups; that of the file is empty. */
  readonly groups: ReadonlySet<string>
  /** Returns the texts of an attribute of a group or dataset; null if it has none. Throws ERR_FILE_FORMAT for values that are not texts. */
  texts(path: string, attribute: string): string[] | null
}

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
const MAX_DEPTH = 32
const MAX_NAME = 1024

/** Returns whether a file begins as an HDF5 file. */
export function isHdf5(head: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => head[i] === byte)
}

/** Reads the names, types and shapes of a file in memory. Throws ERR_FILE_FORMAT, and ERR_UNSUPPORTED by name. */
export function readHdf5(bytes: Uint8Array, path: string): Hdf5File {
  const file = new Hdf5Bytes(bytes, path)
  if (!isHdf5(bytes)) throw file.wrong('an HDF5 file', 'another format')
  const state: State = { file, tensors: new Map(), groups: new Set(), attributes: new Map(), seen: new Set() }
  visit(state, rootOf(file), '', 0)
  const heap = new TextHeap(file)
  const texts = (path: string, attribute: string) => {
    const found = state.attributes.get(path)?.get(attribute)
    return found ? heap.textsOf(found) : null
  }
  return { tensors: state.tensors, groups: state.groups, texts }
}

/** Returns the address of the root group. */
function rootOf(file: Hdf5Bytes): number {
  const version = file.u8(8)
  if (version > 3) throw file.refuse('HDF5 of version 0 to 3', `version ${version}`)
  const isOld = version < 2
  const sizes = isOld ? 13 : 9
  if (file.u8(sizes) !== 8 || file.u8(sizes + 1) !== 8) throw file.refuse('addresses of 8 bytes', 'others')
  const base = isOld ? (version === 1 ? 28 : 24) : 12
  if (file.u64(base) !== 0) throw file.refuse('addresses from the beginning of the file', 'others')
  const end = file.u64(base + 16)
  if (end > file.size) throw file.wrong(`${end} bytes`, `${file.size}, as of a file that was cut off`)
  return file.u64(isOld ? base + 40 : 36)
}

interface State {
  readonly file: Hdf5Bytes
  readonly tensors: Map<string, StoredTensor>
  readonly groups: Set<string>
  readonly attributes: Map<string, Map<string, Hdf5Attribute>>
  /** Addresses of the objects that were read. */
  readonly seen: Set<number>
}

/** Reads an object and the members of a group. */
function visit(state: State, address: number, path: string, depth: number): void {
  const { file, seen } = state
  if (depth > MAX_DEPTH || path.length > MAX_NAME)
    throw file.wrong(`at most ${MAX_DEPTH} groups in each other, and names of at most ${MAX_NAME} characters`, 'more')
  if (seen.has(address)) throw file.refuse(`an object of its own as ${quoted(path)}`, 'a second link to one')
  seen.add(address)
  const messages = messagesOf(file, address)
  const attributes = messages.filter(({ type }) => type === messageTypes.attribute)
  state.attributes.set(path, new Map(attributes.map((message) => { const one = attributeOf(file, message); return [one.name, one] }))) // prettier-ignore
  const dense = messages.find(({ type }) => type === messageTypes.attributeInfo)
  if (dense && file.u64(dense.at + 2 + (file.u8(dense.at + 1) & 1 ? 2 : 0)) !== NO_ADDRESS)
    throw file.refuse(`attributes in the header of ${quoted(path)}`, 'a heap of attributes')
  if (messages.some(({ type }) => type === messageTypes.dataspace)) {
    addTensor(state, messages, path)
    return
  }
  state.groups.add(path)
  for (const { name, target } of linksOf(file, messages, path))
    visit(state, target, path === '' ? name : `${path}/${name}`, depth + 1)
}

function addTensor(state: State, messages: readonly HeaderMessage[], name: string): void {
  const { file } = state
  const only = (type: number, what: string) => {
    const found = messages.filter((message) => message.type === type)
    if (found.length !== 1) throw file.wrong(`one ${what} of ${quoted(name)}`, `${found.length}`)
    return found[0]!
  }
  if (messages.some(({ type }) => type === messageTypes.external))
    throw file.refuse(`the elements of ${quoted(name)} in the file`, 'external data')
  const shape = shapeAt(file, only(messageTypes.dataspace, 'shape').at)
  const type = elementTypeAt(file, only(messageTypes.datatype, 'type').at)
  if (type.kind !== 'number')
    throw file.refuse(`numbers in ${quoted(name)}`, type.kind === 'other' ? type.name : 'texts')
  const { dtype, width } = type
  const { at, bytes, isOutside } = dataAt(file, only(messageTypes.layout, 'layout'))
  const count = elementCount(shape)
  if (count < 0 || count * width !== bytes)
    throw file.wrong(`${bytes} bytes of elements of ${quoted(name)}`, `the shape [${shape.join(', ')}] of ${dtype}`)
  if (bytes > 0) file.part(at, bytes)
  if (isOutside) file.claim(bytes)
  const read = async () => asArray(bytes === 0 ? new Uint8Array(0) : Uint8Array.from(file.part(at, bytes)), dtype)
  state.tensors.set(name, { name, dtype, shape, read })
}

/** Texts of attributes; those of a variable length are in heaps of the file. */
class TextHeap {
  readonly #file: Hdf5Bytes
  /** Places of the objects by the address of their heap and their number. */
  readonly #heaps = new Map<number, Map<number, [at: number, bytes: number]>>()
  /** Texts that were read, by the place of their attribute. */
  readonly #texts = new Map<number, string[]>()

  constructor(file: Hdf5Bytes) {
    this.#file = file
  }

  textsOf({ name, type, count, at }: Hdf5Attribute): string[] {
    if (count === 0) return []
    if (type.kind === 'text')
      return Array.from({ length: count }, (_, i) => this.#file.text(at + i * type.width, type.width))
    if (type.kind !== 'heap text') throw this.#file.wrong(`texts as the attribute ${quoted(name)}`, 'other values')
    const known = this.#texts.get(at)
    if (known) return known
    const texts = Array.from({ length: count }, (_, i) => this.#heapText(at + 16 * i))
    this.#texts.set(at, texts)
    return texts
  }

  #heapText(at: number): string {
    const file = this.#file
    file.step()
    const [length, address, index] = [file.u32(at), file.u64(at + 4), file.u32(at + 12)]
    if (length === 0) return ''
    file.claim(length)
    const place = this.#heap(address).get(index)
    if (place && length <= place[1]) return file.text(place[0], length)
    throw file.wrong(`a text of ${length} bytes in the heap at byte ${address}`, place ? `${place[1]}` : 'none')
  }

  #heap(address: number): ReadonlyMap<number, [at: number, bytes: number]> {
    const file = this.#file
    const before = this.#heaps.get(address)
    if (before) return before
    file.signature(address, 'GCOL')
    const end = address + file.u64(address + 8)
    file.part(address, end - address)
    const objects = new Map<number, [number, number]>()
    for (let at = address + 16; at + 16 <= end;) {
      file.step()
      const [index, bytes] = [file.u16(at), file.u64(at + 8)]
      if (index === 0) break
      objects.set(index, [at + 16, bytes])
      at += 16 + Math.ceil(bytes / 8) * 8
    }
    this.#heaps.set(address, objects)
    return objects
  }
}
