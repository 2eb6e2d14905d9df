// The central directory of a zip archive, with the records of zip64 for archives of 4 GiB or more, read strictly.

import type { ByteReader } from '../../data/files/byte-reader.js'
import { expected, type GatecellError } from '../../errors.js'

/** An entry as the directory describes it. */
export interface ZipRecord {
  readonly name: string
  readonly nameBytes: Uint8Array
  readonly flags: number
  /** 0 is stored, 8 is deflate. */
  readonly method: number
  readonly crc: number
  /** Bytes in the file, and bytes of the content. */
  readonly packed: number
  readonly size: number
  /** Place of its header in the file. */
  readonly offset: number
}

/** The records of an archive. */
export interface ZipDirectory {
  readonly records: readonly ZipRecord[]
  /** The byte at which the data of entries ends. */
  readonly directoryBegin: number
}

const END_BYTES = 22
const LOCATOR_BYTES = 20
const WIDE_END_BYTES = 56
const RECORD_BYTES = 46
/** Most entries: 3 MiB of records, more than the storages of a checkpoint with its optimizer. */
const MAX_ENTRIES = 2 ** 13
const MAX_DIRECTORY = 2 ** 22
const MAX_NAME = 1024

function wrong(name: string, what: string, found: string): GatecellError {
  return expected('ERR_FILE_FORMAT', `${what} in ${name}`, found, 'the archive is damaged or truncated, save it again')
}

/** Returns a 64-bit number of the file. Throws ERR_FILE_FORMAT from 2^53 on. */
function wide(view: DataView, at: number, name: string): number {
  const value = view.getBigUint64(at, true)
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  throw wrong(name, 'a size below 2^53', `${value}`)
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** Reads the directory of an archive. Throws ERR_FILE_FORMAT. */
export async function readZipDirectory(source: ByteReader): Promise<ZipDirectory> {
  const { name, size } = source
  const { count, begin, bytes } = await readEnd(source)
  if (count > MAX_ENTRIES || bytes > MAX_DIRECTORY) {
    const what = `at most ${MAX_ENTRIES} entries and ${MAX_DIRECTORY} bytes of a directory in ${name}`
    throw expected('ERR_FILE_FORMAT', what, `${count} and ${bytes}`, 'divide the archive')
  }
  if (begin + bytes > size) throw wrong(name, `a directory within ${size} bytes`, `bytes ${begin} to ${begin + bytes}`)
  const directory = await source.read(begin, bytes)
  const records: ZipRecord[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const { record, end } = readRecord(directory, at, name)
    records.push(record)
    at = end
  }
  if (at !== bytes) throw wrong(name, `${bytes} bytes of a directory`, `${at}`)
  return { records, directoryBegin: begin }
}

/** The place of the directory. */
interface End {
  readonly count: number
  readonly begin: number
  readonly bytes: number
}

/** Reads the record at the end of the file, which a comment may follow. */
async function readEnd(source: ByteReader): Promise<End> {
  const { name, size } = source
  const length = Math.min(size, END_BYTES + 0xffff)
  const tail = viewOf(await source.read(size - length, length))
  let at = length - END_BYTES
  while (
    at >= 0 &&
    !(tail.getUint32(at, true) === 0x06054b50 && at + END_BYTES + tail.getUint16(at + 20, true) === length)
  )
    at--
  if (at < 0) throw wrong(name, 'the directory of an archive at the end', 'other bytes')
  const found = {
    count: tail.getUint16(at + 10, true),
    bytes: tail.getUint32(at + 12, true),
    begin: tail.getUint32(at + 16, true)
  }
  const parts = [tail.getUint16(at + 4, true), tail.getUint16(at + 6, true)]
  const endAt = size - length + at
  const larger = await readWideEnd(source, endAt)
  if (larger === null) {
    if (parts.some((part) => part !== 0) || tail.getUint16(at + 8, true) !== found.count)
      throw wrong(name, 'an archive of one part', 'one of several')
    if (found.begin + found.bytes !== endAt)
      throw wrong(name, `a directory up to byte ${endAt}`, `one up to byte ${found.begin + found.bytes}`)
    return found
  }
  const fits = (narrow: number, most: number, whole: number) => narrow === most || narrow === whole
  if (
    fits(found.count, 0xffff, larger.count) &&
    fits(found.bytes, 0xffffffff, larger.bytes) &&
    fits(found.begin, 0xffffffff, larger.begin)
  )
    // prettier-ignore
    return larger
  throw wrong(name, 'two equal ends of the directory', 'different ones')
}

/** Reads the end record of zip64 before the byte `endAt`; null if there is none. */
async function readWideEnd(source: ByteReader, endAt: number): Promise<End | null> {
  const { name } = source
  const locatorAt = endAt - LOCATOR_BYTES
  if (locatorAt < WIDE_END_BYTES) return null
  const locator = viewOf(await source.read(locatorAt, LOCATOR_BYTES))
  if (locator.getUint32(0, true) !== 0x07064b50) return null
  const at = wide(locator, 8, name)
  if (at !== locatorAt - WIDE_END_BYTES)
    throw wrong(name, `the end record of zip64 at byte ${locatorAt - WIDE_END_BYTES}`, `byte ${at}`)
  const end = viewOf(await source.read(at, WIDE_END_BYTES))
  if (end.getUint32(0, true) !== 0x06064b50 || end.getUint32(16, true) !== 0 || end.getUint32(20, true) !== 0)
    throw wrong(name, 'the end record of zip64 of an archive of one part', 'another one')
  const [here, count] = [wide(end, 24, name), wide(end, 32, name)]
  const [bytes, begin] = [wide(end, 40, name), wide(end, 48, name)]
  if (here !== count || begin + bytes !== at)
    throw wrong(name, `a directory up to byte ${at}`, `one up to byte ${begin + bytes}`)
  return { count, bytes, begin }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readRecord(directory: Uint8Array, at: number, archive: string): { record: ZipRecord; end: number } {
  if (at + RECORD_BYTES > directory.length) throw wrong(archive, 'as many entries as the directory counts', 'fewer')
  const view = new DataView(directory.buffer, directory.byteOffset + at, directory.length - at)
  if (view.getUint32(0, true) !== 0x02014b50) throw wrong(archive, 'an entry of the directory', 'other bytes')
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((place) => view.getUint16(place, true)) as [
    number,
    number,
    number
  ]
  const end = at + RECORD_BYTES + nameLength + extraLength + commentLength
  if (end > directory.length || nameLength === 0 || nameLength > MAX_NAME)
    throw wrong(archive, `a name of 1 to ${MAX_NAME} bytes`, `${nameLength}`)
  const nameBytes = directory.subarray(at + RECORD_BYTES, at + RECORD_BYTES + nameLength)
  const [flags, method] = [view.getUint16(8, true), view.getUint16(10, true)]
  const name = nameOf(nameBytes, archive)
  if ((flags & ~0x080e) !== 0)
    throw wrong(archive, `${JSON.stringify(name)} without encryption`, `the flags 0x${flags.toString(16)}`)
  if (method !== 0 && method !== 8) {
    const what = `${JSON.stringify(name)} of ${archive} stored or compressed with deflate`
    throw expected('ERR_FILE_FORMAT', what, `method ${method}`, 'save it again with one of these')
  }
  const extra = directory.subarray(at + RECORD_BYTES + nameLength, end - commentLength)
  const sizes = sizesOf(view, extra, archive)
  return { record: { name, nameBytes, flags, method, crc: view.getUint32(16, true), ...sizes }, end }
}

function nameOf(bytes: Uint8Array, archive: string): string {
  try {
    const name = decoder.decode(bytes)
    if (!name.includes('\0')) return name
  } catch {
    // The error below names the archive.
  }
  throw wrong(archive, 'names in UTF-8', 'other bytes')
}

/** Returns sizes and place of an entry; those of 4 GiB or more are in its extra field. */
function sizesOf(view: DataView, extra: Uint8Array, archive: string): Pick<ZipRecord, 'packed' | 'size' | 'offset'> {
  const narrow = { size: view.getUint32(24, true), packed: view.getUint32(20, true), offset: view.getUint32(42, true) }
  const lacking = (['size', 'packed', 'offset'] as const).filter((key) => narrow[key] === 0xffffffff)
  if (lacking.length === 0) {
    if (view.getUint16(34, true) !== 0) throw wrong(archive, 'an archive of one part', 'one of several')
    return narrow
  }
  const fields = viewOf(extra)
  for (let at = 0; at + 4 <= extra.length;) {
    const [id, length] = [fields.getUint16(at, true), fields.getUint16(at + 2, true)]
    if (at + 4 + length > extra.length) break
    if (id === 1 && length >= 8 * lacking.length) {
      for (const [i, key] of lacking.entries()) narrow[key] = wide(fields, at + 4 + 8 * i, archive)
      return narrow
    }
    at += 4 + length
  }
  throw wrong(archive, 'the sizes of zip64', 'none')
}
