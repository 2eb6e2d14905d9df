// The text of a data file in pieces: gzip unpacked within bounds, bytes decoded.

import { expected } from '../../errors.js'
import { bytePieces, type ByteSource } from './byte-pieces.js'

/** A file or standard input whose text is read. */
export interface TextSource extends ByteSource {
  /** Takes the number of bytes of each piece, unpacked. */
  onBytes: (bytes: number) => void
}

/** Yields the text of a file, FIFO or standard input. Throws the errors of `bytePieces`, and ERR_CORPUS_BINARY for other bytes than text. */
export function textPieces(source: TextSource): AsyncGenerator<string> {
  return decode(bytePieces(source), source.path, source.onBytes)
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
  let lines = 1
  try {
    for await (const bytes of pieces) {
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
