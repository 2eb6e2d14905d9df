// The ids of a corpus while they are written: in memory while they are few, then in a temporary file, so that memory does not grow with the
// corpus. Ids take one byte if the vocabulary is small enough, else two or four.

import { scratchFile, type ScratchFile } from './scratch-file.js'
import { makeTokens, type Tokens } from './tokens.js'

type Ids = Uint8Array | Uint16Array | Uint32Array

/** A writer of tokens, which are written once and in order. */
export interface TokenWriter {
  /** Number of ids that were written. */
  readonly length: number
  append(ids: Int32Array, count: number): Promise<void>
  /** Returns all tokens. Call it after the last append. */
  tokens(): Tokens
  /** Whether the tokens lie in a file. */
  readonly cached: boolean
  close(): void
}

/** Options of `tokenWriter`. */
export interface TokenWriterOptions {
  /** Number of ids of the vocabulary. */
  readonly size: number
  /** Number of tokens that will be written; null if it is not known before. */
  readonly expected: number | null
  /** Most memory of the tokens, in bytes; more lie in a file. */
  readonly memoryBytes: number
  /** Folder of that file; '' is the system's folder for temporary files. */
  readonly folder: string
}

/** Number of tokens for which room is made first if their number is not known. */
const FIRST = 2 ** 16

/** Returns an empty writer. Throws ERR_FILE_WRITE if the file cannot be made or written. */
export function tokenWriter({ size, expected, memoryBytes, folder }: TokenWriterOptions): TokenWriter {
  const make = (length: number): Ids =>
    size <= 1 << 8 ? new Uint8Array(length) : size <= 1 << 16 ? new Uint16Array(length) : new Uint32Array(length)
  const width = make(0).BYTES_PER_ELEMENT
  const most = Math.floor(memoryBytes / width)
  const first = expected ?? Math.min(FIRST, most)
  let memory = first > 0 && first <= most ? make(first) : null
  let file: ScratchFile | null = memory === null ? scratchFile(folder) : null
  let length = 0
  let buffer = make(0)
  const room = (count: number): Ids => (buffer.length < count ? (buffer = make(count)) : buffer)
  const bytesOf = (ids: Ids, count: number) => new Uint8Array(ids.buffer, 0, count * width)
  /** Makes the memory larger, or moves the tokens to a file. */
  const grow = async (from: Ids, needed: number): Promise<void> => {
    if (needed > most) {
      file = scratchFile(folder)
      await file.append(bytesOf(from, length))
      memory = null
      return
    }
    memory = make(Math.max(needed, Math.min(most, 2 * from.length)))
    memory.set(from.subarray(0, length))
  }
  return {
    get length() {
      return length
    },
    get cached() {
      return file !== null
    },
    async append(ids, count) {
      if (memory !== null && length + count > memory.length) await grow(memory, length + count)
      if (memory !== null) memory.set(ids.subarray(0, count), length)
      else if (count > 0) {
        const narrow = room(count)
        narrow.set(ids.subarray(0, count))
        await file!.append(bytesOf(narrow, count))
      }
      length += count
    },
    tokens() {
      const inMemory = memory
      if (inMemory !== null)
        return makeTokens(length, (begin, count, into, at) => into.set(inMemory.subarray(begin, begin + count), at))
      return makeTokens(length, (begin, count, into, at) => {
        const narrow = room(count)
        file!.read(bytesOf(narrow, count), begin * width)
        into.set(narrow.length === count ? narrow : narrow.subarray(0, count), at)
      })
    },
    close: () => file?.close()
  }
}
