// The bytes of a data file in pieces, gzip unpacked within bounds.

import { expected, type GatecellError } from '../../errors.js'
import { isGzip, unpack, type ReadAt } from './resolve.js'
import { openFile, sequential, untilAborted } from './open.js'

/** Maximum size of a file in bytes, unpacked. */
const MAX_BYTES = 2 ** 28
/** Default of the maximum ratio of unpacked to packed bytes beyond the first MiB: ink packs to a fifth, seldom to a twentieth. */
const MAX_RATIO = 32
const FREE_BYTES = 2 ** 20
/** Maximum size of gzip that is kept because it can be read only once. */
const MAX_KEPT = MAX_BYTES / MAX_RATIO

/** A file or standard input that is read. */
export interface ByteSource {
  path: string
  /** Whether `path` is `-`, standard input. */
  isStdin: boolean
  stdin: AsyncIterable<Uint8Array>
  signal: AbortSignal | undefined
  /** The maximum ratio of unpacked to packed bytes beyond the first MiB. Default 32. */
  maxRatio?: number
}

function tooMuch(path: string, limit: string): GatecellError {
  return expected('ERR_FILE_FORMAT', `at most ${limit} in ${path}`, 'more', 'split the file')
}

/**
 * Yields the bytes of a file, FIFO or standard input. A piece is valid until the next one is read. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT
 * for damaged gzip, gzip that unpacks to more than `maxRatio` times its size, more than 256 MiB, or a file that changes meanwhile, and ERR_ABORTED.
 */
export async function* bytePieces(source: ByteSource): AsyncGenerator<Uint8Array> {
  const { path, isStdin, stdin, signal, maxRatio = MAX_RATIO } = source
  const opened = isStdin ? null : await openFile(path, signal)
  try {
    let readAt = opened ? opened.readAt : sequential(untilAborted(stdin, signal))
    if (await isGzip(readAt, path)) {
      if (!opened || opened.isPipe) readAt = await gather(readAt, path)
      await checkRatio(readAt, path, maxRatio, signal)
    }
    let size = 0
    for await (const bytes of unpack(readAt, path, signal)) {
      size += bytes.length
      if (size > MAX_BYTES) throw tooMuch(path, `${MAX_BYTES} bytes`)
      yield bytes
    }
    await opened?.check()
  } finally {
    await opened?.close()
  }
}

/** Unpacks a file once without keeping the result, because its unpacked size is not known before. */
async function checkRatio(
  readAt: ReadAt,
  path: string,
  maxRatio: number,
  signal: AbortSignal | undefined
): Promise<void> {
  let [packed, size] = [0, 0]
  const counted: ReadAt = async (target, position) => {
    const length = await readAt(target, position)
    packed = Math.max(packed, position + length)
    return length
  }
  for await (const { length } of unpack(counted, path, signal)) {
    size += length
    if (size > MAX_BYTES) throw tooMuch(path, `${MAX_BYTES} bytes`)
  }
  if (size <= FREE_BYTES + maxRatio * packed) return
  throw expected(
    'ERR_FILE_FORMAT',
    `gzip data that unpacks to at most ${maxRatio} times its size in ${path}`,
    `${Math.round(size / packed)} times`,
    'unpack it if it is your own'
  )
}

/** Keeps the bytes of a source that can be read only once. */
async function gather(readAt: ReadAt, path: string): Promise<ReadAt> {
  const pieces: Uint8Array[] = []
  for (let size = 0; ;) {
    const piece = new Uint8Array(1 << 16)
    const length = await readAt(piece, size)
    if (length === 0) break
    size += length
    if (size > MAX_KEPT) throw tooMuch(path, `${MAX_KEPT} bytes of gzip from a pipe`)
    pieces.push(piece.subarray(0, length))
  }
  const all = Buffer.concat(pieces)
  return async (target, position) => all.copy(target, 0, position, position + target.length)
}
