// The parts of a corpus: a text is cut by position, in characters or bytes, before it has ids, so that the parts are the same text for any
// vocabulary of characters, words or byte pairs. Each part is encoded by itself, and its size is counted.

import { changedWhileRead } from '../files/open.js'
import { createPace } from '../files/pace.js'
import { sourceError, type Source } from './source.js'
import type { TokenWriter } from './token-writer.js'
import type { Encoder, Vocabulary } from './vocabulary-types.js'

/** Size of a text, in the ids of a vocabulary and as text. */
export interface TextSize {
  /** Number of ids. */
  readonly tokens: number
  /** Number of Unicode code points, byte order marks not counted; null if the text is not UTF-8, which only a vocabulary of bytes reads. */
  readonly characters: number | null
  /** Number of bytes of the text in UTF-8. */
  readonly bytes: number
  /** Number of ids that are `<unk>`: symbols that the vocabulary does not have. */
  readonly unknown: number
}

type Counts = { -readonly [K in keyof TextSize]: number }

/** Returns whether a text begins with a byte order mark. */
function hasMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}

/** Returns whether a byte of UTF-8 continues a character. */
const continues = (byte: number): boolean => (byte & 0xc0) === 0x80

/** Returns the place in UTF-8 bytes after `count` characters and the rest of the one before them, and the number of characters up to there. */
function skipCharacters(bytes: Uint8Array, begin: number, count: number): { end: number; characters: number } {
  let characters = 0
  for (let at = begin; at < bytes.length; at++) {
    if (continues(bytes[at]!)) continue
    if (characters === count) return { end: at, characters }
    characters++
  }
  return { end: bytes.length, characters }
}

/** Yields the texts of the sources up to the first `count` characters, each as pieces of bytes without its byte order mark. */
export async function* firstCharacters(
  sources: readonly Source[],
  count: number,
  onBytes: (bytes: number) => void
): AsyncGenerator<AsyncIterable<Uint8Array>> {
  let left = count
  for (const source of sources) {
    if (left === 0) return
    yield beginning(source, Math.min(left, source.units), onBytes)
    left -= Math.min(left, source.units)
  }
}

async function* beginning(source: Source, count: number, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let [left, first] = [count, true]
  for await (const bytes of source.pieces(onBytes)) {
    const begin = first && hasMark(bytes) ? 3 : 0
    first = false
    const { end, characters } = skipCharacters(bytes, begin, left)
    left -= characters
    yield bytes.subarray(begin, end)
    if (end < bytes.length) return
  }
}

/** Most bytes that are encoded between two looks at the time. */
const SLICE_BYTES = 2 ** 16

/** The work of `encodeParts`. */
export interface EncodeOptions {
  readonly vocabulary: Vocabulary
  /** Positions in the sources together at which parts end, in units of the sources, in order. */
  readonly cuts: readonly number[]
  readonly writer: TokenWriter
  readonly onBytes: (bytes: number) => void
  readonly signal: AbortSignal | undefined
}

/**
 * Writes the ids of the sources, which the first pass has counted, and returns the sizes of all text before each cut and of the whole text.
 * Throws ERR_FILE_FORMAT if a source changed, ERR_UNKNOWN_SYMBOL, ERR_FILE_WRITE, ERR_ABORTED.
 */
export async function encodeParts(sources: readonly Source[], options: EncodeOptions): Promise<TextSize[]> {
  const { onBytes } = options
  const parts = new PartEncoder(options)
  let end = 0
  for (const source of sources) {
    end += source.units
    try {
      parts.begin()
      for await (const bytes of source.pieces(onBytes)) {
        await parts.write(bytes)
        if (parts.units > end) throw changedWhileRead(source.path)
      }
      await parts.end()
    } catch (error) {
      throw sourceError(source.path, error)
    }
    if (parts.units !== end) throw changedWhileRead(source.path)
  }
  const utf8 = sources.every(({ isUtf8 }) => isUtf8)
  return parts.finish().map((size) => (utf8 ? size : { ...size, characters: null }))
}

/** Encodes texts one after the other and notes the size of the text before each cut. */
class PartEncoder {
  units = 0
  readonly #options: EncodeOptions
  readonly #pace: ReturnType<typeof createPace>
  readonly #counts: Counts = { tokens: 0, characters: 0, bytes: 0, unknown: 0 }
  readonly #ends: TextSize[] = []
  #encoder!: Encoder
  #ids = new Int32Array(0)
  #first = true

  constructor(options: EncodeOptions) {
    this.#options = options
    this.#pace = createPace(options.signal)
  }

  get #cut(): number {
    return this.#options.cuts[this.#ends.length] ?? Infinity
  }

  begin(): void {
    this.#encoder = this.#options.vocabulary.encoder()
    this.#first = true
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { kind } = this.#options.vocabulary
    let at = 0
    if (this.#first && kind !== 'byte' && hasMark(bytes)) {
      // The encoder of characters leaves out one mark itself: it takes this one, so that it keeps a second one, which is text.
      if (kind === 'character') this.#encoder.write(bytes.subarray(0, 3), this.#room(3))
      at = 3
    }
    this.#first = false
    while (at < bytes.length) {
      const left = this.#cut - this.units
      const piece = bytes.subarray(0, at + Math.min(SLICE_BYTES, kind === 'byte' ? left : Infinity))
      const { end, characters } = skipCharacters(piece, at, kind === 'byte' ? Infinity : left)
      if (end > at) await this.#encode(bytes.subarray(at, end))
      this.units += kind === 'byte' ? end - at : characters
      this.#counts.bytes += end - at
      this.#counts.characters += characters
      at = end
      // A slice may end within the last character before a cut.
      const whole = at < bytes.length && (kind === 'byte' || !continues(bytes[at]!))
      if (whole && this.units === this.#cut) await this.#part()
      if (this.#pace.due()) await this.#pace.turn()
    }
  }

  /** Ends a text. */
  async end(): Promise<void> {
    await this.#flush()
  }

  /** Returns the sizes before the cuts and of the whole text. */
  finish(): TextSize[] {
    const { cuts } = this.#options
    while (this.#ends.length <= cuts.length) this.#ends.push({ ...this.#counts })
    return this.#ends
  }

  /** Ends the parts that end here. Words and byte pairs end with their part. */
  async #part(): Promise<void> {
    const { kind } = this.#options.vocabulary
    if (kind === 'word' || kind === 'bpe') {
      await this.#flush()
      this.#encoder = this.#options.vocabulary.encoder()
    }
    while (this.#cut === this.units) this.#ends.push({ ...this.#counts })
  }

  async #encode(bytes: Uint8Array): Promise<void> {
    const ids = this.#room(bytes.length)
    await this.#append(ids, this.#encoder.write(bytes, ids))
  }

  async #flush(): Promise<void> {
    const ids = this.#room(0)
    await this.#append(ids, this.#encoder.end(ids))
  }

  #room(bytes: number): Int32Array {
    const room = this.#encoder.room(bytes)
    if (this.#ids.length < room) this.#ids = new Int32Array(room)
    return this.#ids
  }

  async #append(ids: Int32Array, count: number): Promise<void> {
    const { unknownId } = this.#options.vocabulary
    if (unknownId >= 0) for (let at = 0; at < count; at++) if (ids[at] === unknownId) this.#counts.unknown++
    this.#counts.tokens += count
    await this.#options.writer.append(ids, count)
  }
}
