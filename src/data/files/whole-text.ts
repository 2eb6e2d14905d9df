// Small text files read whole: word lists, styles, texts to trace.

import { expected } from '../../errors.js'
import { openFile } from './open.js'

const CHUNK_BYTES = 1 << 16

/**
 * Reads a file or FIFO of UTF-8 text with at most `maxBytes` bytes (default 16 MiB). A byte order mark is left out. Throws
 * ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT for a longer file or one that changes meanwhile, ERR_CORPUS_BINARY for other bytes,
 * ERR_ABORTED.
 */
export async function readWholeText(
  path: string,
  { maxBytes = 2 ** 24, signal }: { maxBytes?: number; signal?: AbortSignal | undefined } = {}
): Promise<string> {
  const file = await openFile(path, signal)
  const pieces: Uint8Array[] = []
  try {
    for (let size = 0; ;) {
      const piece = new Uint8Array(CHUNK_BYTES)
      const length = await file.readAt(piece, size)
      if (length === 0) break
      size += length
      if (size > maxBytes) {
        throw expected('ERR_FILE_FORMAT', `at most ${maxBytes} bytes in ${path}`, 'more', 'name a smaller file')
      }
      pieces.push(piece.subarray(0, length))
    }
    await file.check()
  } finally {
    await file.close()
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))
  } catch {
    throw expected('ERR_CORPUS_BINARY', `UTF-8 text in ${path}`, 'other bytes', 'convert it')
  }
}
