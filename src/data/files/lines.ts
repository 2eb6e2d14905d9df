// The lines of a UTF-8 file one by one, so that a line of other bytes is a fault of that line only.

import { expected } from '../../errors.js'

/** Longest line in bytes: a sentence of 10,000 English words has about 60,000. */
const MAX_LINE_BYTES = 2 ** 16

const LINE_FEED = 10
const CARRIAGE_RETURN = 13

/** A line without its end; or the reason why it is not text: other bytes than UTF-8 or a NUL, or more than `MAX_LINE_BYTES` bytes. */
export type FileLine = { readonly text: string } | { readonly fault: 'bytes' | 'length' }

/** Returns the text of a line at `place`. Throws ERR_CORPUS_BINARY if it is not UTF-8, and ERR_FILE_FORMAT if it is too long. */
export function lineText(line: FileLine, place: string): string {
  if ('text' in line) return line.text
  if (line.fault === 'bytes')
    throw expected('ERR_CORPUS_BINARY', `UTF-8 text at ${place}`, 'other bytes', 'convert or leave out the line')
  const what = `a line of at most ${MAX_LINE_BYTES} bytes at ${place}`
  throw expected('ERR_FILE_FORMAT', what, 'a longer one', 'split or leave out the sentence')
}

/** Bytes of a line whose end has not been read. */
interface Partial {
  pieces: Uint8Array[]
  size: number
}

/** Adds bytes to a line. Those of a line that is too long are counted and not kept. */
function extend(line: Partial, bytes: Uint8Array): void {
  line.size += bytes.length
  if (line.size > MAX_LINE_BYTES) line.pieces = []
  else line.pieces.push(bytes)
}

/** Returns a line of whole bytes. */
function finishLine({ pieces, size }: Partial, decoder: InstanceType<typeof TextDecoder>): FileLine {
  if (size > MAX_LINE_BYTES) return { fault: 'length' }
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length
  try {
    const text = decoder.decode(bytes.subarray(0, end))
    return text.includes('\0') ? { fault: 'bytes' } : { text }
  } catch {
    return { fault: 'bytes' }
  }
}

/**
 * Yields the lines of a file, those of each of its `pieces` at once; a line ends with a line feed, before which a carriage return is left out. A byte
 * order mark at the beginning is left out. `path` is for errors. Throws ERR_CORPUS_BINARY for UTF-16 with a byte order mark.
 */
export async function* fileLines(pieces: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<FileLine[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let open: Partial = { pieces: [], size: 0 }
  let first = true
  for await (const bytes of pieces) {
    const lines: FileLine[] = []
    let begin = first ? headLength(bytes, path) : 0
    first = false
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, begin)) {
      extend(open, bytes.subarray(begin, end))
      lines.push(finishLine(open, decoder))
      open = { pieces: [], size: 0 }
      begin = end + 1
    }
    // Copied, because the piece is valid only until the next one.
    if (begin < bytes.length) extend(open, bytes.slice(begin))
    yield lines
  }
  if (open.size > 0) yield [finishLine(open, decoder)]
}

/** Returns the length of a byte order mark of UTF-8. Throws ERR_CORPUS_BINARY for one of UTF-16. */
function headLength(bytes: Uint8Array, path: string): number {
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (!wide) return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  const remedy = 'convert the file to UTF-8, for example with iconv -f UTF-16 -t UTF-8'
  throw expected('ERR_CORPUS_BINARY', `UTF-8 text in ${path}`, 'UTF-16', remedy)
}
