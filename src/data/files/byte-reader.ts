// The bytes of a file at any place, or bytes in memory, for readers that take parts of large files.

import { expected } from '../../errors.js'
import { changedWhileRead, openFile } from './open.js'

/** Bytes that can be read at any place. */
export interface ByteReader {
  /** The path of the file, or a name for messages. */
  readonly name: string
  readonly size: number
  /** Returns `length` bytes in a new array. Throws ERR_FILE_FORMAT if the file has become shorter. */
  read(begin: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** Opens a regular file. Throws ERR_FILE_NOT_FOUND for everything else, ERR_ABORTED after an abort. */
export async function openBytes(path: string, signal?: AbortSignal): Promise<ByteReader> {
  const file = await openFile(path, signal)
  if (file.isPipe) {
    await file.close()
    throw expected('ERR_FILE_NOT_FOUND', 'a file', `${path}, which is a pipe`, 'name a file')
  }
  return {
    name: path,
    size: file.size,
    async read(begin, length) {
      const bytes = new Uint8Array(length)
      for (let done = 0; done < length;) {
        // 1 GiB at a time: one read call takes less than 2 GiB.
        const count = await file.readAt(bytes.subarray(done, done + 2 ** 30), begin + done)
        if (count === 0) throw changedWhileRead(path)
        done += count
      }
      return bytes
    },
    close: () => file.close()
  }
}

/** Returns the source of bytes in memory. */
export function bytesInMemory(bytes: Uint8Array, name: string): ByteReader {
  return {
    name,
    size: bytes.length,
    // A Buffer has a `slice` that does not copy.
    read: async (begin, length) => Uint8Array.prototype.slice.call(bytes, begin, begin + length),
    close: async () => {}
  }
}
