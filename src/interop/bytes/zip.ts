// Zip archives, read strictly: every size and place is compared with the file before anything of that size is allocated, and the central directory
// with the header before each entry. Refused: encryption, archives of several parts, methods other than stored and deflate, entries that overlap,
// names that occur twice, and data that is more than 100 times as large as in the file.

import { promisify } from 'node:util'
import { crc32, inflateRaw, type ZlibOptions } from 'node:zlib'
import type { ByteReader } from '../../data/files/byte-reader.js'
import { expected, type GatecellError } from '../../errors.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { readZipDirectory, type ZipRecord } from './zip-directory.js'

/** An entry of an archive. */
export interface ZipEntry {
  readonly name: string
  /** Bytes of its content. */
  readonly size: number
  /** Returns its content in a new array, whose checksum was compared. Throws ERR_FILE_FORMAT. */
  read(): Promise<Uint8Array>
}

/** The most bytes of a compressed entry, as a multiple of its bytes in the file. */
const MOST_RATIO = 100
/** Entries of at most this size may have any ratio. */
const ALWAYS_FITS = 2 ** 16
const LOCAL_BYTES = 30

/** The result of a decompression with the option `info`, which the types of Node.js lack. */
interface Inflated {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

const inflate = promisify(
  inflateRaw as unknown as (
    bytes: Uint8Array,
    options: ZlibOptions,
    done: (error: Error | null, result: Inflated) => void
  ) => void
)

/** Returns the ERR_FILE_FORMAT for an archive. */
export function invalidZip(where: string, what: string, found: string): GatecellError {
  return expected(
    'ERR_FILE_FORMAT',
    `${what} in ${where}`,
    found,
    'the archive is damaged or was made by another tool, save it again'
  )
}

/** Returns whether bytes begin as a zip archive. */
export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5)
}

/** Reads the directory of an archive and returns its entries by name. Throws ERR_FILE_FORMAT with the name of the file. */
export async function openZip(source: ByteReader): Promise<ReadonlyMap<string, ZipEntry>> {
  const { records, directoryBegin } = await readZipDirectory(source)
  const entries = new Map<string, ZipEntry>()
  let free = 0
  for (const record of [...records].sort((a, b) => a.offset - b.offset)) {
    const where = `${quoted(record.name)} of ${source.name}`
    if (record.offset < free)
      throw invalidZip(where, 'an entry after the one before it', `one at byte ${record.offset}`)
    const begin = await dataBegin(source, record, where, directoryBegin)
    free = begin + record.packed
    if (free > directoryBegin) throw invalidZip(where, `data before byte ${directoryBegin}`, `data up to byte ${free}`)
    checkSizes(record, where)
    if (entries.has(record.name)) throw invalidZip(source.name, 'each name once', `${quoted(record.name)} twice`)
    entries.set(record.name, {
      name: record.name,
      size: record.size,
      read: () => readEntry(source, record, begin, where)
    })
  }
  return entries
}

function checkSizes({ method, packed, size }: ZipRecord, where: string): void {
  if (method === 0 && packed !== size) throw invalidZip(where, `${packed} bytes of stored data`, `${size}`)
  if (method === 0 || size <= ALWAYS_FITS || size <= packed * MOST_RATIO) return
  const what = `at most ${MOST_RATIO} times the ${packed} bytes that are in the file, for ${where},`
  throw expected('ERR_FILE_FORMAT', what, `${size} bytes`, 'save it without compression')
}

/** Returns the begin of the data of an entry, after its header was compared with the directory. */
async function dataBegin(source: ByteReader, record: ZipRecord, where: string, end: number): Promise<number> {
  const { offset, nameBytes } = record
  if (offset + LOCAL_BYTES > end) throw invalidZip(where, `an entry before byte ${end}`, `one at byte ${offset}`)
  const local = viewOf(await source.read(offset, LOCAL_BYTES))
  const differs = (what: string) => invalidZip(where, `the ${what} of the directory`, 'another one before the data')
  if (local.getUint32(0, true) !== 0x04034b50) throw invalidZip(where, 'the header of an entry', 'other bytes')
  if (local.getUint16(6, true) !== record.flags) throw differs('flags')
  if (local.getUint16(8, true) !== record.method) throw differs('method')
  const [nameLength, extraLength] = [local.getUint16(26, true), local.getUint16(28, true)]
  const begin = offset + LOCAL_BYTES + nameLength + extraLength
  if (begin > end) throw invalidZip(where, `data before byte ${end}`, `data at byte ${begin}`)
  const rest = await source.read(offset + LOCAL_BYTES, nameLength + extraLength)
  if (Buffer.compare(rest.subarray(0, nameLength), nameBytes) !== 0) throw differs('name')
  checkLocalSizes(local, rest.subarray(nameLength), record, differs)
  return begin
}

/** Compares checksum and sizes of a header with the directory; in archives that were written without going back they are zeros. */
function checkLocalSizes(
  local: DataView,
  extra: Uint8Array,
  { flags, crc, packed, size }: ZipRecord,
  differs: (what: string) => GatecellError
): void {
  const found = [local.getUint32(14, true), local.getUint32(18, true), local.getUint32(22, true)]
  if ((flags & 8) !== 0 && found.every((value) => value === 0)) return
  if (found[0] !== crc) throw differs('checksum')
  const wide = found[1] === 0xffffffff && found[2] === 0xffffffff && extra.length >= 20
  if (wide) {
    const view = viewOf(extra)
    if (view.getUint16(0, true) === 1 && view.getUint16(2, true) >= 16) {
      found[2] = Number(view.getBigUint64(4, true))
      found[1] = Number(view.getBigUint64(12, true))
    }
  }
  if (found[1] !== packed || found[2] !== size) throw differs('size')
}

async function readEntry(source: ByteReader, record: ZipRecord, begin: number, where: string): Promise<Uint8Array> {
  const { method, packed, size, crc } = record
  let bytes = await source.read(begin, packed)
  if (method === 8) bytes = await inflated(bytes, size, where)
  const found = crc32(bytes)
  if (found !== crc) throw invalidZip(where, `data with the checksum ${crc.toString(16)}`, found.toString(16))
  return bytes
}

async function inflated(bytes: Uint8Array, size: number, where: string): Promise<Uint8Array> {
  const wrong = (found: string, cause?: unknown) =>
    expected(
      'ERR_FILE_FORMAT',
      `${size} bytes of compressed data for ${where}`,
      found,
      'the archive is damaged, save it again',
      cause
    )
  const options = { maxOutputLength: Math.max(1, size), info: true }
  const { buffer, engine } = await inflate(bytes, options).catch((cause: unknown) => {
    throw wrong('data that does not decompress to that', cause)
  })
  if (buffer.length !== size || engine.bytesWritten !== bytes.length)
    throw wrong(`${buffer.length} bytes, or more data after them`)
  // A copy that begins at the begin of its memory, as typed arrays of wider elements need it.
  return buffer.byteOffset === 0 && buffer.buffer.byteLength === size
    ? new Uint8Array(buffer.buffer)
    : Uint8Array.from(buffer)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
