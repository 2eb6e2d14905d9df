// The header of NPY files, the arrays of NumPy (formats 1.0 to 3.0: numpy.lib.format), read strictly and without evaluating it, and written.
// Refused: anything but the three fields of a plain array of numbers, and sizes that are not those of the file.

import { expected, type GatecellError } from '../../errors.js'
import { dtypeBits, type Dtype } from '../../io/safetensors/dtypes.js'
import type { ByteReader } from './byte-reader.js'

/** The header of an array. */
export interface NpyHeader {
  /** The type of the elements, and its name in the file. */
  readonly dtype: Dtype
  readonly descr: string
  readonly shape: readonly number[]
  /** Whether the first index changes fastest (Fortran order); false also for arrays that are the same in both orders. */
  readonly fortran: boolean
  /** Where the elements begin in the file. */
  readonly dataBegin: number
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
const MAX_HEADER_BYTES = 2 ** 16
const MAX_RANK = 32
const MAX_SIDE = 2 ** 31

/** Types by their names in a header; NumPy has "|" where the order of bytes does not matter. */
const types: Readonly<Record<string, Dtype>> = {
  '<f2': 'F16',
  '<f4': 'F32',
  '<f8': 'F64',
  '|i1': 'I8',
  '<i1': 'I8',
  '<i2': 'I16',
  '<i4': 'I32',
  '<i8': 'I64',
  '|u1': 'U8',
  '<u1': 'U8',
  '<u2': 'U16',
  '<u4': 'U32',
  '<u8': 'U64',
  '|b1': 'BOOL'
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
  const dtype = Object.hasOwn(types, descr) ? types[descr]! : undefined
  if (dtype === undefined) {
    const what = `elements that are plain numbers, little-endian, in ${name}`
    throw expected('ERR_FILE_FORMAT', what, JSON.stringify(descr), "convert it, for example with array.astype('<f4')")
  }
  const shape = shapeOf(fields.get('shape')!, name)
  const fortran = fields.get('fortran_order') === 'True' && shape.filter((side) => side > 1).length > 1
  const dataBegin = begin + length
  // Sides are at most 2^31, so a product beyond 2^53 is not exact, but is not the size of a file either.
  const bytes = shape.reduce((product, side) => product * side, dtypeBits[dtype] / 8)
  if (dataBegin + bytes !== size)
    throw damaged(name, `${bytes} bytes of elements, as in its header,`, `${size - dataBegin}`)
  return { dtype, descr, shape, fortran, dataBegin }
}

/** Returns the header of an NPY file with elements of a type in C order; BF16 and other types that NumPy lacks give undefined. */
export function encodeNpyHeader(dtype: Dtype, shape: readonly number[]): Uint8Array | undefined {
  const descr = Object.keys(types).find((name) => types[name] === dtype)
  if (descr === undefined) return undefined
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sides}), }`
  // The elements begin at a multiple of 64 bytes.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const bytes = Buffer.alloc(10 + length, 0x20)
  bytes.set([...MAGIC, 1, 0])
  bytes.writeUInt16LE(length, 8)
  bytes.write(text, 10, 'latin1')
  bytes[10 + length - 1] = 0x0a
  return bytes
}
