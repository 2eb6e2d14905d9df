// Zip archives, read strictly: every size and place is compared with the file before anything of that size is allocated, and the central directory
// with the header before each entry. Refused: encryption, archives of several parts, methods other than stored and deflate, entries that overlap,
// names that occur twice, and compressed data that is larger than the caller allows.

import { promisify } from 'node:util'
import { constants, crc32, createInflateRaw, inflateRaw, type ZlibOptions } from 'node:zlib'
import type { ByteReader } from '../../data/files/byte-reader.js'
import { expected, type GatecellError } from '../../errors.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { readZipDirectory, type ZipRecord } from './zip-directory.js'

/** An entry of an archive. */
export interface ZipEntry {
  readonly name: string
  /** Bytes of its content. */
  readonly size: number
  /** Returns its first bytes, as many as there are up to `most`. The checksum is not compared. Throws ERR_FILE_FORMAT. */
  head(most: number): Promise<Uint8Array>
  /** Returns a part of its content, by default all of it; the checksum of all was compared. Throws ERR_FILE_FORMAT. */
  read(begin?: number, length?: number): Promise<Uint8Array>
}

const LOCAL_BYTES = 30
/** Bytes of a piece of an entry whose checksum is compared before a part of it is read. */
const PIECE = 2 ** 20
/** Bytes by which deflate may make data longer that it cannot compress, for 64 KiB of it. */
const DEFLATE_MORE = 2 ** 10

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

/** Returns the bytes that the compressed entries of an archive of `size` bytes may take after their decompression, unless the caller allows more. */
export function unpackedBound(size: number): number {
  return 4 * size + 2 ** 24
}

/**
 * Reads the directory of an archive and returns its entries by name. `maxBytes` is the most bytes of all compressed entries after their
 * decompression, by default `unpackedBound`. Throws ERR_FILE_FORMAT with the name of the file.
 */
export async function openZip(
  source: ByteReader,
  maxBytes = unpackedBound(source.size)
): Promise<ReadonlyMap<string, ZipEntry>> {
  const { records, directoryBegin } = await readZipDirectory(source)
  const entries = new Map<string, ZipEntry>()
  let [free, unpacked] = [0, 0]
  for (const record of [...records].sort((a, b) => a.offset - b.offset)) {
    const where = `${quoted(record.name)} of ${source.name}`
    if (record.offset < free)
      throw invalidZip(where, 'an entry after the one before it', `one at byte ${record.offset}`)
    const begin = await dataBegin(source, record, where, directoryBegin)
    free = begin + record.packed
    if (free > directoryBegin) throw invalidZip(where, `data before byte ${directoryBegin}`, `data up to byte ${free}`)
    if (record.method === 0 && record.packed !== record.size)
      throw invalidZip(where, `${record.packed} bytes of stored data`, `${record.size}`)
    if (record.method !== 0) unpacked += record.size
    if (entries.has(record.name)) throw invalidZip(source.name, 'each name once', `${quoted(record.name)} twice`)
    entries.set(record.name, record.method === 0 ? storedEntry(source, record, begin) : packedEntry(source, record, begin)) // prettier-ignore
  }
  if (unpacked > maxBytes) {
    const what = `at most ${maxBytes} bytes of compressed data in ${source.name}, after decompression,`
    throw expected('ERR_FILE_FORMAT', what, `${unpacked}`, 'save it without compression, or open it with a larger maxBytes') // prettier-ignore
  }
  return entries
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

function checkSum(found: number, { crc, name }: ZipRecord, { name: archive }: ByteReader): void {
  if (found === crc) return
  throw invalidZip(`${quoted(name)} of ${archive}`, `data with the checksum ${crc.toString(16)}`, found.toString(16))
}

/** Returns an entry without compression. Where a part of it is read, the checksum of all of it is compared once, piece by piece. */
function storedEntry(source: ByteReader, record: ZipRecord, begin: number): ZipEntry {
  const { name, size } = record
  let compared = false
  const compare = async () => {
    let found = 0
    for (let at = 0; at < size; at += PIECE)
      found = crc32(await source.read(begin + at, Math.min(PIECE, size - at)), found)
    checkSum(found, record, source)
  }
  return {
    name,
    size,
    head: (most) => source.read(begin, Math.min(most, size)),
    async read(from = 0, length = size - from) {
      const isMost = length > size / 2
      if (!compared && !isMost) await compare()
      const whole = !compared && isMost
      const bytes = await source.read(begin + (whole ? 0 : from), whole ? size : length)
      if (whole) checkSum(crc32(bytes), record, source)
      compared = true
      return whole ? bytes.subarray(from, from + length) : bytes
    }
  }
}

/** Returns a compressed entry, which is decompressed by each read. */
function packedEntry(source: ByteReader, record: ZipRecord, begin: number): ZipEntry {
  const { name, size, packed } = record
  const where = `${quoted(name)} of ${source.name}`
  return {
    name,
    size,
    async head(most) {
      const bytes = await source.read(begin, Math.min(packed, most + DEFLATE_MORE))
      return await inflatedHead(bytes, Math.min(most, size), where)
    },
    async read(from = 0, length = size - from) {
      const bytes = await inflated(await source.read(begin, packed), size, where)
      checkSum(crc32(bytes), record, source)
      return bytes.subarray(from, from + length)
    }
  }
}

function badData(where: string, size: number, found: string, cause?: unknown): GatecellError {
  const what = `${size} bytes of compressed data for ${where}`
  return expected('ERR_FILE_FORMAT', what, found, 'the archive is damaged, save it again', cause)
}

/** Returns the first `most` bytes. */
async function inflatedHead(bytes: Uint8Array, most: number, where: string): Promise<Uint8Array> {
  const stream = createInflateRaw({ chunkSize: Math.max(constants.Z_MIN_CHUNK, most), finishFlush: constants.Z_SYNC_FLUSH }) // prettier-ignore
  stream.end(bytes)
  const pieces: Uint8Array[] = []
  let length = 0
  try {
    for await (const piece of stream as AsyncIterable<Uint8Array>) {
      pieces.push(piece)
      length += piece.length
      if (length >= most) break
    }
  } catch (cause) {
    throw badData(where, most, 'data that does not decompress to that', cause)
  }
  if (length < most) throw badData(where, most, `${length}`)
  return Buffer.concat(pieces).subarray(0, most)
}

async function inflated(bytes: Uint8Array, size: number, where: string): Promise<Uint8Array> {
  // One piece that holds all: several would be in memory a second time while they are joined.
  const options = { maxOutputLength: Math.max(1, size), chunkSize: Math.max(constants.Z_MIN_CHUNK, size + 1), info: true } // prettier-ignore
  const { buffer, engine } = await inflate(bytes, options).catch((cause: unknown) => {
    throw badData(where, size, 'data that does not decompress to that', cause)
  })
  if (buffer.length !== size || engine.bytesWritten !== bytes.length)
    throw badData(where, size, `${buffer.length} bytes, or more data after them`)
  // Small pieces share the memory of others, which callers are not to see.
  return buffer.buffer.byteLength <= size + constants.Z_MIN_CHUNK ? buffer : Uint8Array.from(buffer)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
