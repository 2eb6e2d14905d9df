// Small text files read whole: word lists, styles, texts to trace.

import { expected } from '../../errors.js'
import { readWholeBytes } from './whole-bytes.js'

/**
 * Reads a file or FIFO of UTF-8 text with at most `maxBytes` bytes (default 16 MiB), unpacked if it begins as gzip does. A byte order mark is
 * left out. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT for a longer file, damaged gzip data or a file that changes meanwhile,
 * ERR_CORPUS_BINARY for other bytes, ERR_ABORTED.
 */
export async function readWholeText(
  path: string,
  { maxBytes = 2 ** 24, signal }: { maxBytes?: number; signal?: AbortSignal | undefined } = {}
): Promise<string> {
  const bytes = await readWholeBytes(path, { maxBytes, signal })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw expected('ERR_CORPUS_BINARY', `UTF-8 text in ${path}`, 'other bytes', 'convert it')
  }
}
