// The part of the addon's contract that trains and encodes byte pairs (native/include/gatecell/bpe.h).

/** Handle of a trainer of byte pairs. */
export type BpeTrainerHandle = { readonly __bpeTrainer: unique symbol }
/** Handle of an encoder of byte pairs: the tables of a vocabulary, and the state of one text. */
export type BpeEncoderHandle = { readonly __bpeEncoder: unique symbol }

/** Functions of the addon for byte pairs. Each checks type, length and attachment of its arguments, as those of `NativeAddon` do. */
export interface NativeBpe {
  /** gc_bpe_trainer: trains a BPE. maxBytes bounds the memory of distinct words. A trainer has one job at a time (ERR_BUSY). */
  bpeTrainerCreate(maxBytes: number): BpeTrainerHandle
  /** Counts the first `count` bytes, which are in a SharedArrayBuffer, on the engine's thread. end: 1 if a text ends with them. */
  bpeTrainerAdd(trainer: BpeTrainerHandle, bytes: Uint8Array, count: number, end: number): Promise<void>
  /** Merges for some milliseconds on the engine's thread; `out` in a SharedArrayBuffer receives 1 at the end, and the number of merges. */
  bpeTrainerStep(trainer: BpeTrainerHandle, symbols: number, minCount: number, out: Int32Array): Promise<void>
  /** Copies the symbols of all merges. out: [merges][2]. */
  bpeTrainerMerges(trainer: BpeTrainerHandle, out: Int32Array): void
  bpeTrainerDispose(trainer: BpeTrainerHandle): void
  /** gc_bpe_encoder. merges: [merges][3], left, right and result; bytes: the ids of the 256 bytes. */
  bpeEncoderCreate(merges: Int32Array, bytes: Int32Array): BpeEncoderHandle
  /** An encoder for another text with the same tables. */
  bpeEncoderFork(encoder: BpeEncoderHandle): BpeEncoderHandle
  /** The most ids that the next `count` bytes give. */
  bpeEncoderRoom(encoder: BpeEncoderHandle, count: number): number
  /** Encodes the next bytes on this thread and returns the number of ids in `out`, which has room for bpeEncoderRoom of them. */
  bpeEncode(encoder: BpeEncoderHandle, bytes: Uint8Array, end: number, out: Int32Array): number
  /**
   * Encodes a whole text with BPE dropout on this thread and returns the number of ids in `out`, which has room for an id a byte. draws: the
   * probability, the seed, the number of the text and that of the repetition, of which the ids are a function.
   */
  bpeEncodeDropped(encoder: BpeEncoderHandle, bytes: Uint8Array, draws: Float64Array, out: Int32Array): number
}
