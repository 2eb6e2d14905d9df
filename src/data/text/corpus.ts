// A corpus: the text of many files as one sequence of ids, cut by position into training, validation and test. There are
// two passes over the files, the first for the characters and their number, the second for the ids; between them, words or byte pairs are
// learned from the part to train on. Memory does not grow with the text. Files follow each other without a separator; line ends are not changed.

import { asyncIterable, callback, filled, integer, list, number, optional, string } from '../../check/index.js'
import { options as optionsOf, signal as signalOf } from '../../check/index.js'
import { type ErrorCode, expected, GatecellError } from '../../errors.js'
import { resolveFiles, type OnSkip, type SkipReason } from '../files/resolve.js'
import { checkVocabularyChoice, corpusVocabulary, type CorpusVocabularyKind } from './corpus-vocabulary.js'
import { symbolCounts, type SymbolCounts } from './counts.js'
import { encodeParts, firstCharacters, type EncodeOptions, type TextSize } from './parts.js'
import { openSource, type Source } from './source.js'
import { tokenWriter } from './token-writer.js'
import type { Tokens } from './tokens.js'
import { MAX_VOCABULARY_SIZE } from './vocabulary-sizes.js'
import { vocabularyKinds } from './vocabulary-types.js'
import { checkVocabulary, type Vocabulary } from './vocabulary.js'

/** The options of `openCorpus`. */
export interface CorpusOptions {
  /**
   * A vocabulary that exists (of a model that is evaluated or resumed), or the kind to make. Default: character. Words and byte pairs (`bpe`)
   * are those of the part to train on; their other parts are never read for it.
   */
  readonly vocabulary?: Vocabulary | CorpusVocabularyKind
  /**
   * Number of ids of a vocabulary to make of words, `<unk>` included, or of byte pairs, the 256 bytes included: 2 to 2^18, for byte pairs at
   * least 257. Default: at most 10,000 words, at most 2048 byte pairs. A size that the text does not give is an error.
   */
  readonly vocabularySize?: number
  /**
   * Characters or words that are rarer share the id `<unk>`; 1 keeps all. For byte pairs: the count that a pair needs to be merged. Default: 1,
   * for words and byte pairs 2.
   */
  readonly minCount?: number
  /** Share of the end of the text that validates (before the test share); default 0.1. */
  readonly valid?: number
  /** Share of the end of the text that tests; default 0. */
  readonly test?: number
  /** Files that validate instead of a share. Their characters belong to a vocabulary of characters, too. */
  readonly validFiles?: readonly string[]
  /** Where tokens lie that do not fit in memoryBytes; default: the system's folder for temporary files. */
  readonly cacheDir?: string
  readonly memoryBytes?: number
  readonly onSkip?: OnSkip
  /**
   * Called with the bytes read so far in this phase, and the sizes of the files on the disk together. The phase `learn`, in which words or byte
   * pairs are counted, reads only the part to train on.
   */
  readonly onProgress?: (progress: { phase: CorpusPhase; bytes: number; totalBytes: number }) => void
  readonly signal?: AbortSignal
  /** The bytes of the input `-`. Default: process.stdin. */
  readonly stdin?: AsyncIterable<Uint8Array>
}

/** The passes over the files of a corpus. */
export type CorpusPhase = 'count' | 'learn' | 'encode'

/** A corpus that was read. */
export interface Corpus {
  readonly vocabulary: Vocabulary
  /** Number of occurrences of each code point in all files, also of those below the minimum count; empty for a vocabulary of bytes. */
  readonly counts: ReadonlyMap<number, number>
  /** The files that were read, in order. */
  readonly files: readonly string[]
  readonly train: Tokens
  readonly valid: Tokens
  readonly test: Tokens
  /** Everything in the order of the files, those for validation last. Words and byte pairs end with their part. */
  readonly all: Tokens
  /** Sizes of the parts, as ids and as text. */
  readonly sizes: Readonly<Record<CorpusPart, TextSize>>
  /** Whether the tokens lie in a temporary file. */
  readonly cached: boolean
  /** Frees memory and file; reading throws ERR_DISPOSED afterwards where the tokens lie in a file. */
  close(): void
}

/** The parts of a corpus. */
export type CorpusPart = 'train' | 'valid' | 'test' | 'all'

const kinds: readonly unknown[] = vocabularyKinds satisfies readonly CorpusVocabularyKind[]

const SKIPPABLE: Partial<Record<ErrorCode, SkipReason>> = {
  ERR_CORPUS_BINARY: 'binary',
  ERR_FILE_FORMAT: 'damaged',
  ERR_FILE_NOT_FOUND: 'unreadable'
}

/** Checks the options of `openCorpus`. */
export const readCorpusOptions = optionsOf<CorpusOptions>({
  vocabulary: optional((value, name) => {
    if (kinds.includes(value)) return value as CorpusVocabularyKind
    return checkVocabulary(value, `"character", "byte", "word", "bpe" or ${name}`)
  }),
  vocabularySize: optional(integer(2, MAX_VOCABULARY_SIZE)),
  minCount: optional(integer(1)),
  valid: optional(number(0, 1)),
  test: optional(number(0, 1)),
  validFiles: optional(list(filled)),
  cacheDir: optional(string),
  memoryBytes: optional(number(0)),
  onSkip: optional(callback()),
  onProgress: optional(callback()),
  signal: optional(signalOf),
  stdin: optional(asyncIterable())
})

/**
 * Reads a corpus. The parts are cut by position: by characters, with a vocabulary of bytes by bytes. Hence they are the same text for any
 * vocabulary of characters, words and byte pairs; a word at a cut is divided. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT (damaged gzip, or a
 * file that changes meanwhile), ERR_CORPUS_BINARY for text that is not UTF-8 without a vocabulary of bytes, ERR_CORPUS_EMPTY,
 * ERR_UNKNOWN_SYMBOL, ERR_OUT_OF_RANGE for words that are too long or too many, ERR_FILE_WRITE (no room for the cache),
 * ERR_INVALID_ARGUMENT, also for a `vocabularySize` that the text does not give, and ERR_ABORTED.
 */
export async function openCorpus(names: readonly string[], corpusOptions: CorpusOptions = {}): Promise<Corpus> {
  const inputs = list(filled)(names, 'the files')
  const options = readCorpusOptions(corpusOptions, 'the options of openCorpus')
  const { vocabulary: chosen = 'character', vocabularySize, minCount, validFiles = [], signal } = options
  const choice = { vocabulary: chosen, vocabularySize, minCount }
  checkVocabularyChoice(choice)
  const shares = checkShares(options)
  const opened: Source[] = []
  try {
    const main = await openAll(inputs, options, opened)
    const extra = await openAll(validFiles, options, opened)
    const progress = meter([...main, ...extra], options)
    const counts = symbolCounts()
    const mainRead = await countAll(main, counts, options, progress('count'))
    const extraRead = await countAll(extra, counts, options, progress('count'))
    const mainUnits = sumOf(mainRead, (source) => source.units)
    const units = mainUnits + sumOf(extraRead, (source) => source.units)
    if (mainUnits === 0) throw emptyCorpus(inputs, 'text')
    if (validFiles.length > 0 && units === mainUnits) throw emptyCorpus(validFiles, 'text')
    const [trainEnd, validEnd] = [Math.floor(mainUnits * shares.train), Math.floor(mainUnits * shares.trainAndValid)]
    const codePoints = counts.all()
    const texts = firstCharacters(mainRead, trainEnd, progress('learn'))
    const vocabulary = await corpusVocabulary(choice, { codePoints, texts, signal })
    const { memoryBytes = 64 * 2 ** 20, cacheDir: folder = '' } = options
    const known = vocabulary.kind === 'character' || vocabulary.kind === 'byte' ? units : null
    const writer = tokenWriter({ size: vocabulary.size, expected: known, memoryBytes, folder })
    const sources = [...mainRead, ...extraRead]
    const cuts = [trainEnd, validEnd, mainUnits]
    const work = { vocabulary, cuts, writer, onBytes: progress('encode'), signal }
    const sizes = await encodeAll(sources, work, validFiles.length > 0)
    if (sizes.all.tokens === 0) {
      writer.close()
      throw emptyCorpus(inputs, 'words')
    }
    return {
      vocabulary,
      counts: codePoints,
      files: sources.map((source) => source.path),
      ...slicesOf(writer.tokens(), sizes, validFiles.length > 0),
      sizes,
      cached: writer.cached,
      close: writer.close
    }
  } finally {
    for (const source of opened) source.close()
  }
}

/** Cuts the tokens into their parts: training, validation unless it has files of its own, test, files for validation. */
function slicesOf(all: Tokens, { train, valid, test }: Corpus['sizes'], extra: boolean): Record<CorpusPart, Tokens> {
  const end = all.length
  const testEnd = extra ? end - valid.tokens : end
  return {
    train: all.slice(0, train.tokens),
    valid: extra ? all.slice(testEnd, end) : all.slice(train.tokens, train.tokens + valid.tokens),
    test: all.slice(testEnd - test.tokens, testEnd),
    all
  }
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0)
}

function emptyCorpus(inputs: readonly string[], what: string): GatecellError {
  return expected('ERR_CORPUS_EMPTY', `${what} in ${inputs.join(', ')}`, 'none', 'name other files')
}

/** Where training and validation end, as shares of the main files. */
function checkShares(options: CorpusOptions): { train: number; trainAndValid: number } {
  const { test = 0, validFiles = [] } = options
  const valid = validFiles.length > 0 ? 0 : (options.valid ?? 0.1)
  if (!(valid >= 0 && test >= 0 && valid + test < 1)) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'shares for validation and test that leave something to train on',
      `${valid} and ${test}`,
      'choose shares whose sum is below 1'
    )
  }
  // Rounded, because 1 - 0.05 - 0.05 is a little less than 0.9.
  const share = (value: number) => Math.round(value * 1e12) / 1e12
  return { train: share(1 - valid - test), trainAndValid: share(1 - test) }
}

async function openAll(names: readonly string[], options: CorpusOptions, opened: Source[]): Promise<Source[]> {
  const sources: Source[] = []
  for (const file of await resolveFiles(names, options.onSkip)) {
    const source = await openSource(file, options.cacheDir ?? '', options.stdin ?? process.stdin, options.signal)
    opened.push(source)
    sources.push(source)
  }
  return sources
}

type Meter = (bytes: number) => void

function meter(sources: readonly Source[], options: CorpusOptions): (phase: CorpusPhase) => Meter {
  const totalBytes = sumOf(sources, (source) => source.diskBytes)
  const done = { count: 0, learn: 0, encode: 0 }
  return (phase) => (bytes) => options.onProgress?.({ phase, bytes: (done[phase] += bytes), totalBytes })
}

function readsBytes(vocabulary: CorpusOptions['vocabulary']): boolean {
  return vocabulary === 'byte' || (typeof vocabulary === 'object' && vocabulary.kind === 'byte')
}

/** The first pass. Files that were found in folders and are not text are left out; named ones are errors. */
async function countAll(
  sources: readonly Source[],
  counts: SymbolCounts,
  options: CorpusOptions,
  onBytes: Meter
): Promise<Source[]> {
  const kept: Source[] = []
  const asBytes = readsBytes(options.vocabulary)
  for (const source of sources) {
    try {
      await source.count(asBytes ? undefined : counts, onBytes)
      counts.commit()
      kept.push(source)
    } catch (error) {
      counts.rollback()
      const reason = error instanceof GatecellError ? SKIPPABLE[error.code] : undefined
      if (source.named || reason === undefined) throw error
      options.onSkip?.(source.path, reason)
    }
  }
  return kept
}

/** The second pass. Returns the sizes of the parts; `extra`: files of their own validate. */
async function encodeAll(
  sources: readonly Source[],
  work: EncodeOptions,
  extra: boolean
): Promise<Record<CorpusPart, TextSize>> {
  try {
    const [train, valid, main, all] = (await encodeParts(sources, work)) as [TextSize, TextSize, TextSize, TextSize]
    return {
      train,
      valid: extra ? difference(all, main) : difference(valid, train),
      test: difference(main, valid),
      all
    }
  } catch (error) {
    work.writer.close()
    throw error
  }
}

function difference(a: TextSize, b: TextSize): TextSize {
  const characters = a.characters === null || b.characters === null ? null : a.characters - b.characters
  return { tokens: a.tokens - b.tokens, characters, bytes: a.bytes - b.bytes, unknown: a.unknown - b.unknown }
}
