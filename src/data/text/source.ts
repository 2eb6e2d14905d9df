// One file, pipe or standard input as text: opened for each pass, unpacked, decoded and checked. A source that can be
// read only once is first copied to a temporary file.

import * as fs from 'node:fs'
import { expected, GatecellError } from '../../errors.js'
import { readError } from '../../io/read-error.js'
import { aborted, unpack, type ReadAt, type SourceFile } from '../files/resolve.js'
import { changedWhileRead, openFile, sequential, untilAborted } from '../files/open.js'
import type { SymbolCounts } from './counts.js'
import { scratchFile, type ScratchFile, type TokenWriter } from './tokens.js'
import { InvalidUtf8, utf8Reader } from './utf8.js'
import type { Vocabulary } from './vocabulary.js'

type OnBytes = (bytes: number) => void

/** A source whose size on the disk is known; its text is read twice. */
export interface Source {
  readonly path: string
  readonly named: boolean
  /** Size on the disk in bytes, packed if it is packed. */
  readonly diskBytes: number
  /** Number of symbols that the first pass found. */
  readonly symbols: number
  /** Reads the source for the first time and counts its code points into `counts`, or its bytes if that is undefined. */
  count(counts: SymbolCounts | undefined, onBytes: OnBytes): Promise<void>
  /** Reads the source again and writes its symbols as ids. Throws ERR_FILE_FORMAT if the file changed in between. */
  encode(vocabulary: Vocabulary, writer: TokenWriter, onBytes: OnBytes): Promise<void>
  close(): void
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
  let symbols = 0
  const read = sourceReader(path, spool, signal)

  return {
    path,
    named,
    diskBytes,
    get symbols() {
      return symbols
    },
    async count(counts, onBytes) {
      const reader = utf8Reader()
      symbols = 0
      await read((bytes, ids) => {
        if (counts === undefined) {
          if (!named && bytes.includes(0)) throw binary(path, 'a NUL byte')
          symbols += bytes.length
          return
        }
        const length = reader.write(bytes, ids)
        counts.add(ids, length)
        if (counts.seen(0)) throw binary(path, 'a NUL byte')
        symbols += length
      }, onBytes)
      endText(path, reader.end)
    },
    async encode(vocabulary, writer, onBytes) {
      const encoder = vocabulary.encoder()
      let encoded = 0
      await read(async (bytes, ids) => {
        const length = encoder.write(bytes, ids)
        encoded += length
        if (encoded > symbols) throw changedWhileRead(path)
        await writer.append(ids, length)
      }, onBytes)
      endText(path, encoder.end)
      if (encoded !== symbols) throw changedWhileRead(path)
    },
    close: () => spool?.close()
  }
}

/** Takes a piece of the source, and an array with room for its ids. */
type TakePiece = (bytes: Uint8Array, ids: Int32Array) => Promise<void> | void

/**
 * Returns a function that reads a source from the beginning and passes its unpacked pieces to `take`. It throws ERR_FILE_FORMAT if the file
 * is not the one that the first pass read.
 */
function sourceReader(path: string, spool: ScratchFile | undefined, signal: AbortSignal | undefined) {
  let identity = '' // of the file in the first pass
  return async (take: TakePiece, onBytes: OnBytes): Promise<void> => {
    let ids = new Int32Array(0)
    const opened = spool === undefined ? await openFile(path, signal) : { ...spooled, readAt: spool.readSome }
    try {
      const replaced = identity !== '' && opened.identity !== identity
      if (replaced || (spool === undefined && opened.identity === '')) throw changedWhileRead(path)
      identity = opened.identity
      for await (const bytes of unpack(metered(opened.readAt, onBytes), path, signal)) {
        if (ids.length < bytes.length) ids = new Int32Array(bytes.length)
        await take(bytes, ids)
      }
      await opened.check()
    } catch (error) {
      throw error instanceof InvalidUtf8 ? binary(path, `other bytes at ${error.offset}`) : error
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

function endText(path: string, end: () => void): void {
  try {
    end()
  } catch (error) {
    throw error instanceof InvalidUtf8 ? binary(path, 'half a character at its end') : error
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
