// A sequence of ids that is read by position: in memory while it is small, else in a temporary file that has no name (on
// POSIX it is unlinked as soon as it is open), so that a killed process leaves no file and memory does not grow
// with the corpus. Ids take one byte if the vocabulary is small enough, else two or four.

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { int32Array, integer, integers, methods } from '../../check/index.js'
import { expected, type GatecellError, show } from '../../errors.js'
import { readError } from '../../io/read-error.js'

/** A sequence of ids. */
export interface Tokens {
  readonly length: number
  /** Copies `length` ids from `begin` on to into[at...]. Throws ERR_OUT_OF_RANGE outside of the tokens or of `into`. */
  read(begin: number, length: number, into: Int32Array, at?: number): void
  /** Returns the tokens from `begin` up to, not including, `end`, without a copy. Throws ERR_OUT_OF_RANGE. */
  slice(begin: number, end: number): Tokens
}

/** Throws ERR_INVALID_ARGUMENT unless `value` is a sequence of tokens (of this file or of the caller's making). */
export const checkTokens = methods<Tokens>(['read', 'slice'], { length: integer(0) })

const checkLength = integer(0)

/** Returns the number of tokens, read once: the property may be a getter of the caller. Throws ERR_INVALID_ARGUMENT for no such number. */
export function lengthOf(tokens: Tokens): number {
  return checkLength(tokens.length, 'the length of the tokens')
}

const place = integer(0, Number.MAX_SAFE_INTEGER, 'ERR_OUT_OF_RANGE')

type Ids = Uint8Array | Uint16Array | Uint32Array

function checkRange(begin: number, end: number, length: number, what: string): void {
  if (Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0 && begin <= end && end <= length) return
  throw expected(
    'ERR_OUT_OF_RANGE',
    `a range within the ${length} ${what}`,
    `${show(begin)} up to ${show(end)}`,
    'stay within the length'
  )
}

function makeTokens(
  length: number,
  copy: (begin: number, length: number, into: Int32Array, at: number) => void
): Tokens {
  return {
    length,
    read(begin, count, into, at = 0) {
      int32Array()(into, 'into')
      place(begin, 'begin')
      place(count, 'length')
      place(at, 'at')
      checkRange(begin, begin + count, length, 'tokens')
      checkRange(at, at + count, into.length, 'places of the array')
      copy(begin, count, into, at)
    },
    slice(first, end) {
      checkRange(first, end, length, 'tokens')
      return makeTokens(end - first, (begin, count, into, at) => copy(first + begin, count, into, at))
    }
  }
}

/**
 * Returns tokens in memory, for tests and small programs. The ids, integers from 0 to 2^31 - 1, are copied. Throws
 * ERR_INVALID_ARGUMENT for other values. Synchronous: 2 to 4 ms of the calling thread for a million ids of a typed array, 70 ms of an
 * array; `openCorpus` reads large texts without holding the event loop.
 */
export function tokensOf(ids: ArrayLike<number>): Tokens {
  const copied = integers(0)(ids, 'ids')
  return makeTokens(copied.length, (begin, length, into, at) => into.set(copied.subarray(begin, begin + length), at))
}

/** A writer of tokens, which are written once and in order. */
export interface TokenWriter {
  append(ids: Int32Array, count: number): Promise<void>
  /** Call after the last append. */
  tokens(): Tokens
  /** Whether the tokens lie in a file. */
  readonly cached: boolean
  close(): void
}

/** Makes room for exactly `length` ids below `size`: in memory up to `memoryBytes`, else in a file in `folder`. */
export function tokenWriter(length: number, size: number, memoryBytes: number, folder: string): TokenWriter {
  const make = (length: number): Ids =>
    size <= 1 << 8 ? new Uint8Array(length) : size <= 1 << 16 ? new Uint16Array(length) : new Uint32Array(length)
  const width = make(0).BYTES_PER_ELEMENT
  if (length * width <= memoryBytes) return memoryWriter(make(length))
  const file = scratchFile(folder)
  let buffer = make(0)
  const room = (count: number): Ids => (buffer.length < count ? (buffer = make(count)) : buffer)
  return {
    cached: true,
    async append(ids, count) {
      const narrow = room(count)
      narrow.set(ids.subarray(0, count))
      await file.append(new Uint8Array(narrow.buffer, 0, count * width))
    },
    tokens: () =>
      makeTokens(length, (begin, count, into, at) => {
        const narrow = room(count)
        file.read(new Uint8Array(narrow.buffer, 0, count * width), begin * width)
        into.set(narrow.length === count ? narrow : narrow.subarray(0, count), at)
      }),
    close: file.close
  }
}

function memoryWriter(ids: Ids): TokenWriter {
  let end = 0
  return {
    cached: false,
    async append(from, count) {
      ids.set(from.subarray(0, count), end)
      end += count
    },
    tokens: () =>
      makeTokens(ids.length, (begin, length, into, at) => into.set(ids.subarray(begin, begin + length), at)),
    close() {}
  }
}

/** A temporary file without a name. */
export interface ScratchFile {
  readonly size: number
  append(bytes: Uint8Array): Promise<void>
  /** Reads all of `target`, at once. */
  read(target: Uint8Array, position: number): void
  /** Reads some bytes, 0 at the end. */
  readSome(target: Uint8Array, position: number): Promise<number>
  close(): void
}

const writeAt = promisify(fs.write)
const readAt = promisify(fs.read)

/** Opens a scratch file in `folder` (the system's folder for temporary files if it is empty). Throws ERR_FILE_WRITE. */
export function scratchFile(folder: string): ScratchFile {
  const path = join(folder || tmpdir(), `gatecell-${process.pid}-${randomBytes(6).toString('hex')}.tmp`)
  const refuse = (cause: unknown): GatecellError => {
    const code = (cause as NodeJS.ErrnoException).code ?? 'an error'
    return expected(
      'ERR_FILE_WRITE',
      `room for the tokens of the corpus in ${folder || tmpdir()}`,
      code,
      'name another cache folder',
      cause
    )
  }
  let fd: number
  try {
    fd = fs.openSync(path, 'wx+', 0o600)
  } catch (error) {
    throw refuse(error)
  }
  // Windows removes no open file: there the name stays until close.
  const unlinked = process.platform !== 'win32'
  if (unlinked) fs.unlinkSync(path)
  let size = 0
  let open = true
  return {
    get size() {
      return size
    },
    async append(bytes) {
      try {
        for (let done = 0; done < bytes.length;) {
          done += (await writeAt(fd, bytes, done, bytes.length - done, size + done)).bytesWritten
        }
      } catch (error) {
        throw refuse(error)
      }
      size += bytes.length
    },
    read(target, position) {
      if (!open) throw expected('ERR_DISPOSED', 'an open corpus', 'one that was closed', 'open it again')
      for (let done = 0; done < target.length;) {
        const length = readSync(fd, target, done, position + done)
        if (length === 0) throw readError('the token cache', new Error('it ends early'))
        done += length
      }
    },
    readSome: async (target, position) => (await readAt(fd, target, 0, target.length, position)).bytesRead,
    close() {
      if (!open) return
      open = false
      fs.closeSync(fd)
      if (!unlinked) fs.rmSync(path, { force: true })
    }
  }
}

function readSync(fd: number, target: Uint8Array, done: number, position: number): number {
  try {
    return fs.readSync(fd, target, done, target.length - done, position)
  } catch (error) {
    throw readError('the token cache', error)
  }
}
