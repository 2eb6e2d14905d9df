// One file, pipe or standard input as text: opened for each pass, unpacked, decoded and checked. A source that can be
// read only once is first copied to a temporary file.

import * as fs from 'node:fs'
import { expected, GatecellError } from '../../errors.js'
import { readError } from '../../io/read-error.js'
import { aborted, unpack, type ReadAt, type SourceFile } from '../files/resolve.js'
import { changedWhileRead, openFile, sequential, untilAborted } from '../files/open.js'
import type { SymbolCounts } from './counts.js'
import { scratchFile, type ScratchFile } from './scratch-file.js'
import { InvalidUtf8, utf8Reader } from './utf8.js'

type OnBytes = (bytes: number) => void

/** A source whose size on the disk is known; its text is read several times. */
export interface Source {
  readonly path: string
  readonly named: boolean
  /** Size on the disk in bytes, packed if it is packed. */
  readonly diskBytes: number
  /** Number of its units that the first pass found: code points without a byte order mark, or bytes. */
  readonly units: number
  /** Whether the first pass found it to be UTF-8. */
  readonly isUtf8: boolean
  /**
   * Reads the source for the first time: counts its code points into `counts`, which throws ERR_CORPUS_BINARY for other bytes, or its bytes if
   * that is undefined.
   */
  count(counts: SymbolCounts | undefined, onBytes: OnBytes): Promise<void>
  /**
   * Reads the source again and yields its pieces, each of which is valid until the next one is read. The first one has three bytes, so that it
   * holds a byte order mark whole, unless the source is shorter. Throws ERR_FILE_FORMAT if the file changed in between.
   */
  pieces(onBytes: OnBytes): AsyncGenerator<Uint8Array>
  close(): void
}

/** Returns the error of reading a source: one with the code `ERR_CORPUS_BINARY` for bytes that are not UTF-8, otherwise the error itself. */
export function sourceError(path: string, error: unknown): unknown {
  return error instanceof InvalidUtf8 ? binary(path, `other bytes at ${error.offset}`) : error
}

function binary(path: string, found: string): GatecellError {
  return expected(
    'ERR_CORPUS_BINARY',
    `UTF-8 text in ${path}`,
    found,
    'name a text file, convert it, or use the byte vocabulary'
  )
}

/** Opens a source: copies a stream to a temporary file in `cacheDir`, or takes the size of a file. Throws ERR_FILE_NOT_FOUND, ERR_ABORTED. */
export async function openSource(
  file: SourceFile,
  cacheDir: string,
  stdin: AsyncIterable<Uint8Array>,
  signal?: AbortSignal
): Promise<Source> {
  const { path, named } = file
  const spool = file.stream ? await spoolStream(path, cacheDir, stdin, signal) : undefined
  const diskBytes = spool?.size ?? (await fs.promises.stat(path).catch(() => undefined))?.size ?? 0
  const read = sourceReader(path, spool, signal)
  let found = { units: 0, isUtf8: true }
  return {
    path,
    named,
    diskBytes,
    get units() {
      return found.units
    },
    get isUtf8() {
      return found.isUtf8
    },
    async count(counts, onBytes) {
      found =
        counts === undefined
          ? await countBytes(read(onBytes), file)
          : await countCharacters(read(onBytes), path, counts)
    },
    pieces: (onBytes) => headed(read(onBytes)),
    close: () => spool?.close()
  }
}

async function countCharacters(pieces: AsyncIterable<Uint8Array>, path: string, counts: SymbolCounts) {
  const reader = utf8Reader()
  let codePoints = new Int32Array(0)
  let units = 0
  try {
    for await (const bytes of pieces) {
      if (codePoints.length < bytes.length) codePoints = new Int32Array(bytes.length)
      const length = reader.write(bytes, codePoints)
      counts.add(codePoints, length)
      if (counts.seen(0)) throw binary(path, 'a NUL byte')
      units += length
    }
  } catch (error) {
    throw sourceError(path, error)
  }
  if (!ends(reader)) throw binary(path, 'half a character at its end')
  return { units, isUtf8: true }
}

async function countBytes(pieces: AsyncIterable<Uint8Array>, { path, named }: SourceFile) {
  const reader = utf8Reader()
  let codePoints = new Int32Array(0)
  let [units, isUtf8] = [0, true]
  for await (const bytes of pieces) {
    if (!named && bytes.includes(0)) throw binary(path, 'a NUL byte')
    units += bytes.length
    if (!isUtf8) continue
    if (codePoints.length < bytes.length) codePoints = new Int32Array(bytes.length)
    try {
      reader.write(bytes, codePoints)
    } catch {
      isUtf8 = false
    }
  }
  return { units, isUtf8: isUtf8 && ends(reader) }
}

/** Returns whether the last character of a text is whole. */
function ends(reader: { end(): void }): boolean {
  try {
    reader.end()
    return true
  } catch {
    return false
  }
}

/** Length of a byte order mark. */
const HEAD_BYTES = 3

/** Yields the same bytes, of which the first piece has at least `HEAD_BYTES`. */
async function* headed(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | null = new Uint8Array(0)
  for await (const bytes of pieces) {
    if (head === null) yield bytes
    else {
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes])
      if (head.length < HEAD_BYTES) {
        head = Uint8Array.from(head)
        continue
      }
      yield head
      head = null
    }
  }
  if (head !== null && head.length > 0) yield head
}

/**
 * Returns a function that reads a source from the beginning and yields its unpacked pieces. It throws ERR_FILE_FORMAT if the file is not the
 * one that the first pass read.
 */
function sourceReader(path: string, spool: ScratchFile | undefined, signal: AbortSignal | undefined) {
  let identity = '' // of the file in the first pass
  return async function* (onBytes: OnBytes): AsyncGenerator<Uint8Array> {
    const opened = spool === undefined ? await openFile(path, signal) : { ...spooled, readAt: spool.readSome }
    try {
      const replaced = identity !== '' && opened.identity !== identity
      if (replaced || (spool === undefined && opened.identity === '')) throw changedWhileRead(path)
      identity = opened.identity
      yield* unpack(metered(opened.readAt, onBytes), path, signal)
      await opened.check()
    } finally {
      await opened.close()
    }
  }
}

/** Returns `readAt` with a report of the bytes that were read for the first time. */
function metered(readAt: ReadAt, onBytes: OnBytes): ReadAt {
  let furthest = 0
  return async (target, position) => {
    const length = await readAt(target, position)
    onBytes(Math.max(0, position + length - furthest))
    furthest = Math.max(furthest, position + length)
    return length
  }
}

/** A scratch file belongs to this process: it does not change, and its owner closes it. */
const spooled = { identity: '', check: async () => {}, close: async () => {} }

async function spoolStream(
  path: string,
  cacheDir: string,
  stdin: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined
): Promise<ScratchFile> {
  const opened = path === '-' ? null : await openFile(path, signal)
  const readAt = opened ? opened.readAt : sequential(untilAborted(stdin, signal))
  const bytes = new Uint8Array(1 << 16)
  let spool: ScratchFile | undefined
  try {
    spool = scratchFile(cacheDir)
    for (;;) {
      if (signal?.aborted) throw aborted()
      const length = await readAt(bytes, spool.size)
      if (length === 0) return spool
      await spool.append(bytes.subarray(0, length))
    }
  } catch (error) {
    spool?.close()
    throw error instanceof GatecellError ? error : readError(path, error)
  } finally {
    await opened?.close()
  }
}
