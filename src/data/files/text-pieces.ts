// The text of a data file in pieces: gzip unpacked within bounds, bytes decoded.

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

/** A file or standard input whose text is read. */
export interface TextSource {
  path: string
  /** Whether `path` is `-`, standard input. */
  isStdin: boolean
  stdin: AsyncIterable<Uint8Array>
  signal: AbortSignal | undefined
  /** Takes the number of bytes of each piece, unpacked. */
  onBytes: (bytes: number) => void
  /** The maximum ratio of unpacked to packed bytes beyond the first MiB. Default 32. */
  maxRatio?: number
}

function tooMuch(path: string, limit: string): GatecellError {
  return expected('ERR_FILE_FORMAT', `at most ${limit} in ${path}`, 'more', 'split the file')
}

/**
 * Yields the text of a file, FIFO or standard input. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT for damaged gzip, gzip that
 * unpacks to more than `maxRatio` times its size, more than 256 MiB, or a file that changes meanwhile, ERR_CORPUS_BINARY for other bytes than text,
 * and ERR_ABORTED.
 */
export async function* textPieces(source: TextSource): AsyncGenerator<string> {
  const { path, isStdin, stdin, signal, onBytes, maxRatio = MAX_RATIO } = source
  const opened = isStdin ? null : await openFile(path, signal)
  try {
    let readAt = opened ? opened.readAt : sequential(untilAborted(stdin, signal))
    if (await isGzip(readAt, path)) {
      if (!opened || opened.isPipe) readAt = await gather(readAt, path)
      await checkRatio(readAt, path, maxRatio, signal)
    }
    yield* decode(unpack(readAt, path, signal), path, onBytes)
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

type Decoder = InstanceType<typeof TextDecoder>

const XML_ENCODING = /^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.-]{1,40})["']/

/** Returns a decoder for text that begins with `bytes`: UTF-16 by its byte order mark, XML as it declares, else UTF-8. */
function decoderFor(bytes: Uint8Array, path: string): Decoder {
  const wide =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : null
  const head = Buffer.from(bytes.subarray(0, 300)).toString('latin1').replace(/^\xef\xbb\xbf/, '') // prettier-ignore
  const declared = XML_ENCODING.exec(head)?.[1] ?? 'utf-8'
  // What can be read as bytes is not UTF-16, though some files of Windows claim it.
  const label = wide ?? (/^utf-?16/i.test(declared) ? 'utf-8' : declared)
  try {
    return new TextDecoder(label, { fatal: true })
  } catch {
    throw expected('ERR_FILE_FORMAT', `an encoding that is known in ${path}`, `"${label}"`, 'convert the file to UTF-8')
  }
}

async function* decode(
  pieces: AsyncIterable<Uint8Array>,
  path: string,
  onBytes: (bytes: number) => void
): AsyncGenerator<string> {
  let decoder: Decoder | undefined
  let [size, lines] = [0, 1]
  try {
    for await (const bytes of pieces) {
      size += bytes.length
      if (size > MAX_BYTES) throw tooMuch(path, `${MAX_BYTES} bytes`)
      onBytes(bytes.length)
      const text = (decoder ??= decoderFor(bytes, path)).decode(bytes, { stream: true })
      yield text
      for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) lines++
    }
    if (decoder) yield decoder.decode()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const encoding = decoder?.encoding === 'utf-8' ? 'UTF-8' : (decoder?.encoding ?? 'UTF-8')
    throw expected(
      'ERR_CORPUS_BINARY',
      `${encoding} text in ${path}`,
      `other bytes after line ${lines}`,
      'convert the file to UTF-8, for example with iconv'
    )
  }
}
