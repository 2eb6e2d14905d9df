// Objects of HDF5 files: the messages of their headers, and of these dataspaces, types of elements, places of data and attributes. The numbers are
// those of the HDF5 File Format Specification 3.0, section IV.

import type { Dtype } from '../../io/safetensors/dtypes.js'
import { NO_ADDRESS, type Hdf5Bytes } from './hdf5-bytes.js'

/** A message of an object's header. */
export interface HeaderMessage {
  readonly type: number
  /** The place and number of its bytes. */
  readonly at: number
  readonly size: number
}

/** Numbers of messages. */
export const messageTypes = { dataspace: 1, linkInfo: 2, datatype: 3, link: 6, external: 7, layout: 8, attribute: 12, continuation: 16, symbolTable: 17, attributeInfo: 21 } as const // prettier-ignore

/** Returns the messages of the object at an address. Throws ERR_FILE_FORMAT. */
export function messagesOf(file: Hdf5Bytes, address: number): HeaderMessage[] {
  file.step()
  const isNew = file.u8(address) === 0x4f
  if (isNew) file.signature(address, 'OHDR')
  const version = file.u8(isNew ? address + 4 : address)
  if (version !== (isNew ? 2 : 1)) throw file.wrong(`the header of an object at byte ${address}`, `version ${version}`)
  const flags = isNew ? file.u8(address + 5) : 0
  const blocks: [begin: number, length: number][] = []
  if (isNew) {
    const sizeAt = address + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0)
    const width = 1 << (flags & 3)
    blocks.push([sizeAt + width, file.number(sizeAt, width)])
  } else blocks.push([address + 16, file.u32(address + 8)])
  const messages: HeaderMessage[] = []
  for (const [begin, length] of blocks) {
    file.part(begin, length)
    file.claim(length)
    for (const message of blockMessages(file, begin, begin + length, isNew ? ((flags & 4) === 0 ? 4 : 6) : 8)) {
      if (message.type !== messageTypes.continuation) messages.push(message)
      else if (isNew) {
        const [at, size] = [file.u64(message.at), file.u64(message.at + 8)]
        file.signature(at, 'OCHK')
        blocks.push([at + 4, size - 8])
      } else blocks.push([file.u64(message.at), file.u64(message.at + 8)])
    }
  }
  return messages
}

/** Returns the messages between two places; the header of each has `header` bytes, 8 in objects of version 1. */
function* blockMessages(file: Hdf5Bytes, begin: number, end: number, header: number): Generator<HeaderMessage> {
  const isOld = header === 8
  for (let at = begin; at + header <= end;) {
    file.step()
    const type = isOld ? file.u16(at) : file.u8(at)
    const size = file.u16(at + (isOld ? 2 : 1))
    const flags = file.u8(at + (isOld ? 4 : 3))
    const message = { type, at: at + header, size }
    if (message.at + size > end) throw file.wrong(`a message before byte ${end}`, `${size} bytes at byte ${message.at}`)
    if ((flags & 2) !== 0 && type !== 0) throw file.refuse('messages of objects', 'a shared message')
    if (type !== 0) yield message
    at = message.at + size
  }
}

/** Returns the sizes of a dataspace; none for a scalar. */
export function shapeAt(file: Hdf5Bytes, at: number): number[] {
  const version = file.u8(at)
  const rank = file.u8(at + 1)
  const isNull = version === 2 && file.u8(at + 3) === 2
  if ((version !== 1 && version !== 2) || rank > 8 || isNull)
    throw file.wrong('a shape of at most 8 dimensions', isNull ? 'none' : `version ${version} with ${rank}`)
  const shape = Array.from({ length: rank }, (_, i) => file.u64(at + (version === 1 ? 8 : 4) + 8 * i))
  if (shape.includes(NO_ADDRESS)) throw file.wrong('sizes', 'one without bound')
  return shape
}

/** The type of elements: numbers, or texts. */
export type ElementType =
  | { readonly kind: 'number'; readonly dtype: Dtype; readonly width: number }
  | { readonly kind: 'text'; readonly width: number }
  | { readonly kind: 'heap text'; readonly width: 16 }
  | { readonly kind: 'other'; readonly name: string; readonly width: number }

const classes = ['integers', 'floats', 'times', 'texts', 'bits', 'opaque elements', 'records', 'references', 'enumerations', 'sequences', 'arrays'] // prettier-ignore
/** Floats by width and the bits of their exponents. */
const floats: Readonly<Record<string, Dtype>> = { '2,5': 'F16', '2,8': 'BF16', '4,8': 'F32', '8,11': 'F64' }
const integers: Readonly<Record<string, Dtype>> = { 1: 'I8', 2: 'I16', 4: 'I32', 8: 'I64' }

/** Returns the type of elements at a place. */
export function elementTypeAt(file: Hdf5Bytes, at: number): ElementType {
  const kind = file.u8(at) & 15
  const bits = file.u8(at + 1)
  const width = file.u32(at + 4)
  const other = (name: string): ElementType => ({ kind: 'other', name, width })
  if (kind === 3) return { kind: 'text', width }
  if (kind === 9 && (bits & 15) === 1 && width === 16) return { kind: 'heap text', width }
  if (kind > 1) return other(classes[kind] ?? `the class ${kind}`)
  if ((bits & 1) !== 0) return other('big-endian numbers')
  const whole = file.u16(at + 8) === 0 && file.u16(at + 10) === 8 * width && (kind === 0 || isPlainFloat(file, at, width)) // prettier-ignore
  const signed = (bits & 8) !== 0
  const dtype = kind === 1 ? floats[`${width},${file.u8(at + 13)}`] : integers[width]?.replace('I', signed ? 'I' : 'U')
  return dtype && whole
    ? { kind: 'number', dtype: dtype as Dtype, width }
    : other(`${classes[kind]} of ${width} bytes with unusual bits`)
}

/** Whether the sign is before the exponent and that before the fraction, with the bias and the first digit of the types of IEEE 754. */
function isPlainFloat(file: Hdf5Bytes, at: number, width: number): boolean {
  const [exponentAt, exponent, fractionAt, fraction] = [12, 13, 14, 15].map((place) => file.u8(at + place))
  const isInOrder = fractionAt === 0 && exponentAt === fraction && exponent! + fraction! + 1 === 8 * width
  const isImplied = (file.u8(at + 1) & 0x30) === 0x20 && file.u8(at + 2) === 8 * width - 1
  return isInOrder && isImplied && file.u32(at + 16) === 2 ** (exponent! - 1) - 1
}

/**
 * Returns the place and number of bytes of a dataset's elements, and whether they are outside of its header. Throws ERR_UNSUPPORTED unless they are
 * next to each other in the file.
 */
export function dataAt(
  file: Hdf5Bytes,
  { at, size }: HeaderMessage
): { at: number; bytes: number; isOutside: boolean } {
  const [version, kind] = [file.u8(at), file.u8(at + 1)]
  if (version === 3 || version === 4) {
    if (kind === 0) {
      const bytes = file.u16(at + 2)
      if (bytes > size - 4) throw file.wrong(`elements within a message of ${size} bytes`, `${bytes}`)
      return { at: at + 4, bytes, isOutside: false }
    }
    if (kind === 1) return { at: file.u64(at + 2), bytes: file.u64(at + 10), isOutside: true }
    if (kind === 2) throw file.refuse('elements of a dataset next to each other', 'chunks, which may be compressed')
    if (kind === 3) throw file.refuse('elements of a dataset in the file', 'a virtual dataset')
  }
  throw file.refuse('a dataset of HDF5 1.6.3 or newer', `layout ${kind} of version ${version}`)
}

/** An attribute whose value was not read. */
export interface Hdf5Attribute {
  readonly name: string
  readonly type: ElementType
  readonly count: number
  /** The place of its first value; the values are in the file. */
  readonly at: number
}

/** Returns an attribute of an object. */
export function attributeOf(file: Hdf5Bytes, { at, size }: HeaderMessage): Hdf5Attribute {
  const version = file.u8(at)
  if (version < 1 || version > 3) throw file.wrong('an attribute', `version ${version}`)
  if (version > 1 && file.u8(at + 1) !== 0) throw file.refuse('attributes with types of their own', 'a shared type')
  const padded = (bytes: number) => (version === 1 ? Math.ceil(bytes / 8) * 8 : bytes)
  const [nameBytes, typeBytes, spaceBytes] = [2, 4, 6].map((place) => file.u16(at + place)) as [number, number, number]
  const nameAt = at + (version === 3 ? 9 : 8)
  const typeAt = nameAt + padded(nameBytes)
  const spaceAt = typeAt + padded(typeBytes)
  const valueAt = spaceAt + padded(spaceBytes)
  if (valueAt > at + size) throw file.wrong(`an attribute of ${size} bytes`, `${valueAt - at}`)
  const name = file.text(nameAt, nameBytes)
  const type = elementTypeAt(file, typeAt)
  const count = shapeAt(file, spaceAt).reduce((all, one) => all * one, 1)
  if (!(count * Math.max(1, type.width) <= at + size - valueAt))
    throw file.wrong(`values of the attribute ${JSON.stringify(name)} within its ${size} bytes`, `${count} of ${type.width}`) // prettier-ignore
  return { name, type, count, at: valueAt }
}
