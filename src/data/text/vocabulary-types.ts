// The interfaces of vocabularies, and the checks of values that go into them.

import { boolean, int32Array, integer, optional, options as optionsOf, uint8Array } from '../../check/index.js'
import { expected } from '../../errors.js'
import type { BpeConfig } from './bpe-tables.js'
import type { SpecialToken } from './special-tokens.js'

/** The part of a model file from which its vocabulary is made again; plain JSON. `special`: the tokens of the first ids, in order. */
export type VocabularyConfig =
  | {
      readonly kind: 'character'
      readonly symbols: string
      /** The last id is `<unk>`. */
      readonly unknown: boolean
      readonly special?: readonly SpecialToken[]
    }
  | { readonly kind: 'byte'; readonly special?: readonly SpecialToken[] }
  | {
      readonly kind: 'word'
      readonly words: readonly string[]
      readonly lowerCase: boolean
      /** Whether words have the space before them. */
      readonly spaces?: boolean
      readonly special?: readonly SpecialToken[]
    }
  | BpeConfig

/** The kinds of vocabularies. */
export const vocabularyKinds = ['character', 'byte', 'word', 'bpe'] as const satisfies VocabularyConfig['kind'][]

/** Options of `Vocabulary.decode` and `Vocabulary.decoder`. */
export interface DecodeOptions {
  /**
   * Leaves `<blank>`, `<pad>`, `<begin>` and `<end>` out of the text; default false: their names are part of it. Unknown symbols are
   * U+FFFD either way, because they replace text.
   */
  readonly skipSpecial?: boolean
}

/** Ids for the symbols of a text: characters, bytes, words or the byte pairs of a BPE. */
export interface Vocabulary {
  readonly kind: 'character' | 'byte' | 'word' | 'bpe'
  /** Number of ids. */
  readonly size: number
  /** The id of `<unk>`, or -1 if unknown symbols are errors. */
  readonly unknownId: number
  /**
   * The special tokens in the order of their ids, which are the first ones; a minimum count puts `unknown` at the last id, and a tokenizer.json may
   * have any ids.
   */
  readonly special: readonly SpecialToken[]
  /** The value from which `vocabularyFromConfig` makes this vocabulary again; plain JSON. */
  readonly config: VocabularyConfig
  /** Returns the id of a special token. Throws ERR_INVALID_ARGUMENT if the vocabulary was made without it. */
  idOf(token: SpecialToken): number
  /**
   * Returns the ids of a text. A text that contains the name of a special token is ordinary text. Throws ERR_UNKNOWN_SYMBOL with the
   * symbols that are not in the vocabulary; `remedy` ends that sentence if the caller has a better one than the default, which is for
   * texts. Synchronous: about 5 ms of the calling thread for a million characters; `encoder` takes a text in pieces.
   */
  encode(text: string, remedy?: string): Int32Array
  /** Returns the text of ids; `<unk>` and broken UTF-8 give U+FFFD. Throws ERR_OUT_OF_RANGE. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string
  /** Returns one symbol for people: the character, the name of a special token, or `<0x0A>` for a byte that is not printable ASCII. */
  symbol(id: number): string
  /** Returns a decoder that turns ids into text one by one and holds unfinished characters back. */
  decoder(options?: DecodeOptions): Decoder
  /** Returns an encoder for the UTF-8 bytes of a file, which come in pieces of any size. */
  encoder(): Encoder
}

/** Text from ids, one by one. */
export interface Decoder {
  /** Returns the text that is finished with this id. Throws ERR_OUT_OF_RANGE. */
  write(id: number): string
  /** Returns the rest of the text; U+FFFD for an unfinished character. */
  end(): string
}

/** Ids from the bytes of a file, piece by piece. */
export interface Encoder {
  /** Returns the most ids that a write of this many bytes, or with 0 the end, can give. Throws ERR_INVALID_ARGUMENT. */
  room(bytes: number): number
  /**
   * Writes ids to the front of `into` and returns their number. Throws ERR_INVALID_SHAPE if `into` is shorter than `room(bytes.length)`,
   * ERR_FILE_FORMAT for bytes that are not UTF-8, ERR_UNKNOWN_SYMBOL, ERR_INVALID_ARGUMENT.
   */
  write(bytes: Uint8Array, into: Int32Array): number
  /**
   * Writes the ids that were held back to the front of `into`, which needs `room(0)` places and may be left out if that is 0, and returns
   * their number. Throws ERR_INVALID_SHAPE, ERR_FILE_FORMAT if a character is unfinished.
   */
  end(into?: Int32Array): number
}

const readDecodeOptions = optionsOf<DecodeOptions>({ skipSpecial: optional(boolean) })

/** Checks the options of a decoder and returns whether it leaves special tokens out. */
export function skipsSpecial(options: unknown): boolean {
  return readDecodeOptions(options, 'the options of the decoder').skipSpecial ?? false
}

/** Checks a number of bytes for `Encoder.room`. */
export const byteCount = integer(0)

/** Throws ERR_INVALID_SHAPE unless `into` has `count` places. */
export function checkRoom(into: Int32Array, count: number): void {
  int32Array()(into, 'into')
  if (into.length >= count) return
  throw expected(
    'ERR_INVALID_SHAPE',
    `room for ${count} ids in into`,
    `an array of ${into.length}`,
    'pass one of that length'
  )
}

/** Throws ERR_INVALID_SHAPE unless `into` has a place for each of `bytes`. */
export function checkByteRoom(bytes: Uint8Array, into: Int32Array): void {
  checkRoom(into, uint8Array(bytes, 'the bytes').length)
}
