// The header of NPY files, the arrays of NumPy (formats 1.0 to 3.0: numpy.lib.format), read strictly and without evaluating it. Refused: anything but
// the three fields of a plain array of numbers in C order, and sizes that are not those of the file.

import { expected, type GatecellError } from '../../errors.js'
import type { ByteReader } from '../files/byte-reader.js'

/** Types of the elements that are read: floating point numbers of 2, 4 and 8 bytes, and bytes; little-endian. */
export type NpyType = 'f2' | 'f4' | 'f8' | 'u1'

/** The header of an array. */
export interface NpyHeader {
  readonly type: NpyType
  readonly shape: readonly number[]
  /** Where the elements begin in the file. */
  readonly dataBegin: number
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
const MAX_HEADER_BYTES = 2 ** 16
const MAX_RANK = 32
const MAX_SIDE = 2 ** 31

const typeBytes: Readonly<Record<NpyType, number>> = { f2: 2, f4: 4, f8: 8, u1: 1 }
/** Types by their names in a header; NumPy has "|" where the order of bytes does not matter. */
const types: Readonly<Record<string, NpyType>> = {
  '<f2': 'f2',
  '<f4': 'f4',
  '<f8': 'f8',
  '|u1': 'u1',
  '<u1': 'u1'
}

/** A field of the header, which is a dictionary as Python prints it. */
const FIELD =
  /\s*(['"])(descr|fortran_order|shape)\1\s*:\s*(?:(['"])([<>|=]?[A-Za-z]\d{0,4})\3|(True|False)|\(([\d\s,]{0,600})\))\s*(?:,|(?=\}))/y

/** Returns whether a file begins as an NPY file. */
export function isNpy(head: Uint8Array): boolean {
  return MAGIC.every((byte, at) => head[at] === byte)
}

function damaged(name: string, what: string, found: string): GatecellError {
  return expected('ERR_FILE_FORMAT', `${what} in ${name}`, found, 'save the array again with numpy.save')
}

/** Returns the fields of a header by their names. Throws ERR_FILE_FORMAT unless there are exactly the three. */
function fieldsOf(text: string, name: string): Map<string, string> {
  const fields = new Map<string, string>()
  const body = text.trim()
  const wrong = () => damaged(name, 'the fields descr, fortran_order and shape of a plain array', JSON.stringify(body.slice(0, 80))) // prettier-ignore
  if (!body.startsWith('{')) throw wrong()
  FIELD.lastIndex = 1
  let end = 1
  for (let found = FIELD.exec(body); found; found = FIELD.exec(body)) {
    const [, , field, , type, order, shape] = found
    if (fields.has(field!)) throw wrong()
    const value = { descr: type, fortran_order: order, shape }[field as 'descr']
    if (value === undefined) throw wrong()
    fields.set(field!, value)
    end = FIELD.lastIndex
  }
  if (fields.size !== 3 || body.slice(end).trim() !== '}') throw wrong()
  return fields
}

/** Returns the sizes of a shape such as "3, 4" or "3,". */
function shapeOf(text: string, name: string): number[] {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.at(-1) === '') parts.pop()
  const fits = parts.length <= MAX_RANK && parts.every((part) => /^\d{1,10}$/.test(part) && Number(part) <= MAX_SIDE)
  if (!fits) throw damaged(name, 'a shape of integers', JSON.stringify(text.slice(0, 80)))
  return parts.map(Number)
}

/** Reads the length of the header, and the place at which it begins. Throws ERR_FILE_FORMAT. */
async function headerPlace({ name, size, read }: ByteReader): Promise<{ begin: number; length: number }> {
  if (size < 12) throw damaged(name, 'at least 12 bytes', `${size}`)
  const head = await read(0, 12)
  const version = head[6]!
  if (version < 1 || version > 3) throw damaged(name, 'the version 1, 2 or 3 of NPY', `${version}`)
  const view = new DataView(head.buffer, head.byteOffset, head.length)
  const [begin, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)]
  const most = Math.min(MAX_HEADER_BYTES, size - begin)
  if (length > most) throw damaged(name, `a header of at most ${most} bytes`, `${length}`)
  return { begin, length }
}

/**
 * Reads the header of an NPY file and compares it with the size of the file, before anything of that size is allocated. Throws ERR_FILE_FORMAT with
 * the name of the file.
 */
export async function readNpyHeader(source: ByteReader): Promise<NpyHeader> {
  const { name, size } = source
  const { begin, length } = await headerPlace(source)
  const text = Buffer.from(await source.read(begin, length)).toString('latin1')
  const fields = fieldsOf(text, name)
  const descr = fields.get('descr')!
  const type = Object.hasOwn(types, descr) ? types[descr]! : undefined
  if (type === undefined) {
    const what = `elements of the type f2, f4, f8 or u1, little-endian, in ${name}`
    throw expected('ERR_FILE_FORMAT', what, JSON.stringify(descr), "convert it, for example with array.astype('<f4')")
  }
  const shape = shapeOf(fields.get('shape')!, name)
  if (fields.get('fortran_order') === 'True' && shape.filter((side) => side > 1).length > 1) {
    const what = `an array in C order in ${name}`
    throw expected('ERR_FILE_FORMAT', what, 'Fortran order', 'save numpy.ascontiguousarray(array)')
  }
  const dataBegin = begin + length
  // Sides are at most 2^31, so a product beyond 2^53 is not exact, but is not the size of a file either.
  const bytes = shape.reduce((product, side) => product * side, typeBytes[type])
  if (dataBegin + bytes !== size)
    throw damaged(name, `${bytes} bytes of elements, as in its header,`, `${size - dataBegin}`)
  return { type, shape, dataBegin }
}
