// The training of a BPE: texts go to the core in pieces of bounded size, and the merges are found on the engine's thread in steps of some
// milliseconds, so that neither the event loop nor runs of models wait.

import {
  asyncIterable,
  awaitable,
  callback,
  integer,
  invalid,
  iterable,
  optional,
  object,
  signal as signalOf,
  uint8Array
} from '../../check/index.js'
import { expected, isObject } from '../../errors.js'
import type { BpeTrainerHandle } from '../../native-bpe.js'
import { awaitNative, callNative } from '../../native-call.js'
import { native } from '../../native.js'
import { aborted } from '../files/resolve.js'
import { withFirstTokens } from './bpe-tables.js'
import { bpeFromConfig, type BpeVocabulary } from './bpe-vocabulary.js'
import { byteCharacters, rankedBytes } from './byte-level.js'
import { refuseSurrogates } from './characters.js'
import { specialTokens, type SpecialToken } from './special-tokens.js'

/** A text of a training: a string, its UTF-8 bytes, or a stream of them, such as `createReadStream(path)`. */
export type BpeText = string | Uint8Array | AsyncIterable<Uint8Array>

/** Options of `trainBpe`. */
export interface BpeTrainingOptions {
  /** Number of ids, the 256 bytes and the special tokens included; fewer if no pair is left that is frequent enough. */
  readonly size: number
  /** Special tokens, which have the first ids in this order; default: none. */
  readonly special?: readonly SpecialToken[]
  /** The count that a pair needs to be merged; default 2. */
  readonly minCount?: number
  /** Bound on the memory of the distinct words in bytes, which is about a tenth to a third of the memory of the training; default 2^30. */
  readonly memoryBytes?: number
  /** Ends the training with ERR_ABORTED. */
  readonly signal?: AbortSignal
  /** Called after steps of some milliseconds with the number of merges that were found. */
  readonly onProgress?: (merges: number) => void
}

const readOptions = object<BpeTrainingOptions>({
  size: integer(256, 2 ** 20),
  special: optional(specialTokens),
  minCount: optional(integer(1, 2 ** 31 - 1)),
  memoryBytes: optional(integer(0)),
  signal: optional(signalOf),
  onProgress: optional(callback())
})

const PIECE = 2 ** 18

/**
 * Trains a byte-level BPE on texts and returns its vocabulary: special tokens, the 256 bytes in GPT-2's order, then one token for each
 * merge. Words are cut by GPT-2's pattern (Unicode 16) and end with their text. The pair that occurs most often is merged next, of equal
 * ones the pair of the smaller ids, as in Hugging Face's tokenizers. The order of the texts does not change the result. Throws
 * ERR_INVALID_ARGUMENT, ERR_OUT_OF_RANGE for a word above 1 MiB or more distinct words than `memoryBytes` holds, ERR_CORPUS_EMPTY,
 * ERR_ABORTED, and errors of the caller's own streams.
 *
 * @example
 * const vocabulary = await trainBpe(['low lower lowest'], { size: 259, special: ['end'] })
 * vocabulary.decode(vocabulary.encode('lower')) // 'lower'
 */
export async function trainBpe(
  texts: Iterable<BpeText> | AsyncIterable<BpeText>,
  trainingOptions: BpeTrainingOptions
): Promise<BpeVocabulary> {
  const options = readOptions(trainingOptions, 'the options of trainBpe')
  const { size, special = [], memoryBytes = 2 ** 30 } = options
  const list = isStream(texts) ? asyncIterable()(texts, 'the texts') : iterable(awaitable)(texts, 'the texts')
  const symbols = size - special.length
  if (symbols < 256) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `a size of at least ${256 + special.length}, for the bytes and the special tokens`,
      `${size}`,
      'choose a larger one'
    )
  }
  const trainer = callNative(() => native().bpeTrainerCreate(memoryBytes))
  const feed = feeder(trainer, options.signal)
  try {
    for await (const text of list) await feed(text)
    if (feed.bytes() === 0) throw expected('ERR_CORPUS_EMPTY', 'text to train on', 'none', 'give more data')
    const merges = await mergesOf(trainer, symbols, options)
    const config = withFirstTokens({ kind: 'bpe', ...namedTokens(merges), added: [], special: {} }, special)
    return bpeFromConfig(config, (what, found) => {
      throw invalid(what, 'the result of the training', found)
    })
  } finally {
    await feed.idle()
    native().bpeTrainerDispose(trainer)
  }
}

const isStream = (value: unknown): boolean => isObject(value) && Symbol.asyncIterator in value

/** Returns a function that hands a text to the trainer in pieces. */
function feeder(trainer: BpeTrainerHandle, signal: AbortSignal | undefined) {
  const shared = new Uint8Array(new SharedArrayBuffer(PIECE))
  let total = 0
  let job: Promise<void> = Promise.resolve()
  const add = async (bytes: Uint8Array, end: boolean): Promise<void> => {
    for (let at = 0; at < bytes.length || (end && at === 0); at += PIECE) {
      if (signal?.aborted) throw aborted()
      const piece = bytes.subarray(at, at + PIECE)
      shared.set(piece)
      total += piece.length
      const last = end && at + PIECE >= bytes.length ? 1 : 0
      job = awaitNative(() => native().bpeTrainerAdd(trainer, shared, piece.length, last))
      await job
    }
  }
  const feed = async (text: unknown): Promise<void> => {
    if (typeof text === 'string') {
      for (const piece of piecesOf(text)) await add(new TextEncoder().encode(piece), false)
      await add(new Uint8Array(0), true)
    } else if (ArrayBuffer.isView(text)) {
      await add(uint8Array(text, 'a text'), true)
    } else if (isStream(text)) {
      for await (const bytes of asyncIterable()(text, 'a text'))
        await add(uint8Array(bytes, 'a piece of a text'), false)
      await add(new Uint8Array(0), true)
    } else throw invalid('a string, a Uint8Array or a stream of them', 'a text', text)
  }
  return Object.assign(feed, { bytes: () => total, idle: () => job.catch(() => {}) })
}

/** Cuts a text between characters, into pieces whose bytes fit. */
function* piecesOf(text: string): Iterable<string> {
  for (let at = 0; at < text.length;) {
    let end = Math.min(text.length, at + PIECE / 4)
    if (end < text.length && (text.charCodeAt(end) & 0xfc00) === 0xdc00) end--
    const piece = text.slice(at, end)
    refuseSurrogates(piece)
    yield piece
    at = end
  }
}

async function mergesOf(
  trainer: BpeTrainerHandle,
  symbols: number,
  { minCount = 2, signal, onProgress }: BpeTrainingOptions
): Promise<Int32Array> {
  const state = new Int32Array(new SharedArrayBuffer(8))
  while (state[0] === 0) {
    if (signal?.aborted) throw aborted()
    await awaitNative(() => native().bpeTrainerStep(trainer, symbols, minCount, state))
    onProgress?.(state[1]!)
  }
  const merges = new Int32Array(2 * state[1]!)
  callNative(() => native().bpeTrainerMerges(trainer, merges))
  return merges
}

/** Returns the tokens of the merges of a training. Merges with the same result share its token. */
function namedTokens(merges: Int32Array): { tokens: string[]; merges: number[] } {
  const tokens = rankedBytes.map((byte) => byteCharacters[byte]!)
  const known = new Set(tokens)
  for (let at = 0; at < merges.length; at += 2) {
    const token = tokens[merges[at]!]! + tokens[merges[at + 1]!]!
    if (!known.has(token)) tokens.push(token)
    known.add(token)
  }
  return { tokens, merges: [...merges] }
}
