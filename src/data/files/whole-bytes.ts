// Small files of any bytes read whole, gzip unpacked: MIDI files, piano rolls.

import { expected } from '../../errors.js'
import { openFile } from './open.js'
import { unpack } from './resolve.js'

/**
 * Reads a file or FIFO with at most `maxBytes` bytes, unpacked if it begins as gzip does. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT for more
 * bytes, damaged gzip data or a file that changes meanwhile, ERR_ABORTED.
 */
export async function readWholeBytes(
  path: string,
  { maxBytes, signal }: { maxBytes: number; signal?: AbortSignal | undefined }
): Promise<Buffer> {
  const file = await openFile(path, signal)
  const pieces: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of unpack(file.readAt, path, signal)) {
      size += piece.length
      if (size > maxBytes)
        throw expected('ERR_FILE_FORMAT', `at most ${maxBytes} bytes in ${path}`, 'more', 'name a smaller file')
      pieces.push(piece.slice())
    }
    await file.check()
  } finally {
    await file.close()
  }
  return Buffer.concat(pieces)
}
