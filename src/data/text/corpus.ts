// A corpus: the text of many files as one sequence of ids, cut by position into training, validation and test. There are
// two passes over the files, the first for the symbols and their number, the second for the ids. Their memory does not grow with the text.
// Files follow each other without a separator; line ends are not changed.

import { asyncIterable, callback, filled, integer, list, number, optional, string } from '../../check/index.js'
import { options as optionsOf, signal as signalOf } from '../../check/index.js'
import { type ErrorCode, expected, GatecellError } from '../../errors.js'
import { resolveFiles, type OnSkip, type SkipReason } from '../files/resolve.js'
import { openSource, type Source } from './source.js'
import { symbolCounts, type SymbolCounts } from './counts.js'
import { tokenWriter, type TokenWriter, type Tokens } from './tokens.js'
import { byteVocabulary, characterVocabulary, checkVocabulary, type Vocabulary } from './vocabulary.js'

/** The options of `openCorpus`. */
export interface CorpusOptions {
  /** A vocabulary that exists (of a model that is evaluated or resumed), or the kind to make. Default: character. */
  readonly vocabulary?: Vocabulary | 'character' | 'byte'
  /** Symbols that are rarer share the id <unk>; 1 keeps all. */
  readonly minCount?: number
  /** Share of the end of the text that validates (before the test share); default 0.1. */
  readonly valid?: number
  /** Share of the end of the text that tests; default 0. */
  readonly test?: number
  /** Files that validate instead of a share. Their symbols belong to the vocabulary, too. */
  readonly validFiles?: readonly string[]
  /** Where tokens lie that do not fit in memoryBytes; default: the system's folder for temporary files. */
  readonly cacheDir?: string
  readonly memoryBytes?: number
  readonly onSkip?: OnSkip
  /** Bytes read so far in this phase, and the sizes of the files on the disk together. */
  readonly onProgress?: (progress: { phase: 'count' | 'encode'; bytes: number; totalBytes: number }) => void
  readonly signal?: AbortSignal
  /** The bytes of the input `-`. Default: process.stdin. */
  readonly stdin?: AsyncIterable<Uint8Array>
}

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
  /** Everything in the order of the files, those for validation last. */
  readonly all: Tokens
  /** Whether the tokens lie in a temporary file. */
  readonly cached: boolean
  /** Frees memory and file; reading throws ERR_DISPOSED afterwards where the tokens lie in a file. */
  close(): void
}

const SKIPPABLE: Partial<Record<ErrorCode, SkipReason>> = {
  ERR_CORPUS_BINARY: 'binary',
  ERR_FILE_FORMAT: 'damaged',
  ERR_FILE_NOT_FOUND: 'unreadable'
}

/** Checks the options of `openCorpus`. */
export const readCorpusOptions = optionsOf<CorpusOptions>({
  vocabulary: optional((value, name) => {
    return value === 'character' || value === 'byte' ? value : checkVocabulary(value, `"character", "byte" or ${name}`)
  }),
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
 * Reads a corpus. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT (damaged gzip, or a file that changes meanwhile),
 * ERR_CORPUS_BINARY, ERR_CORPUS_EMPTY, ERR_UNKNOWN_SYMBOL, ERR_FILE_WRITE (no room for the cache), ERR_INVALID_ARGUMENT,
 * ERR_ABORTED.
 */
export async function openCorpus(names: readonly string[], corpusOptions: CorpusOptions = {}): Promise<Corpus> {
  const inputs = list(filled)(names, 'the files')
  const options = readCorpusOptions(corpusOptions, 'the options of openCorpus')
  const { validFiles = [], cacheDir = '', memoryBytes = 64 * 2 ** 20 } = options
  const shares = checkShares(options)
  const opened: Source[] = []
  try {
    const main = await openAll(inputs, options, opened)
    const extra = await openAll(validFiles, options, opened)
    const progress = meter([...main, ...extra], options)
    const counts = symbolCounts()
    const mainRead = await countAll(main, counts, options, progress('count'))
    const extraRead = await countAll(extra, counts, options, progress('count'))
    const mainLength = sumOf(mainRead, (source) => source.symbols)
    const length = mainLength + sumOf(extraRead, (source) => source.symbols)
    if (mainLength === 0) throw emptyCorpus(inputs)
    if (validFiles.length > 0 && length === mainLength) throw emptyCorpus(validFiles)
    const occurrences = counts.all()
    const vocabulary = chooseVocabulary(options, occurrences)
    const writer = tokenWriter(length, vocabulary.size, memoryBytes, cacheDir)
    const sources = [...mainRead, ...extraRead]
    await encodeAll(sources, vocabulary, writer, progress('encode'))
    const all = writer.tokens()
    const trainEnd = Math.floor(mainLength * shares.train)
    const validEnd = Math.floor(mainLength * shares.trainAndValid)
    return {
      vocabulary,
      counts: occurrences,
      files: sources.map((source) => source.path),
      train: all.slice(0, trainEnd),
      valid: validFiles.length > 0 ? all.slice(mainLength, length) : all.slice(trainEnd, validEnd),
      test: all.slice(validEnd, mainLength),
      all,
      cached: writer.cached,
      close: writer.close
    }
  } finally {
    for (const source of opened) source.close()
  }
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0)
}

function emptyCorpus(inputs: readonly string[]): GatecellError {
  return expected('ERR_CORPUS_EMPTY', `text in ${inputs.join(', ')}`, 'none', 'name other files')
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

function meter(sources: readonly Source[], options: CorpusOptions): (phase: 'count' | 'encode') => Meter {
  const totalBytes = sumOf(sources, (source) => source.diskBytes)
  const done = { count: 0, encode: 0 }
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

function chooseVocabulary(options: CorpusOptions, counts: ReadonlyMap<number, number>): Vocabulary {
  const { vocabulary = 'character', minCount = 1 } = options
  if (vocabulary === 'byte') return byteVocabulary()
  if (vocabulary === 'character') return characterVocabulary(counts, { minCount })
  // Before anything is written, and with all the unknown symbols in one message.
  vocabulary.encode([...counts.keys()].map((codePoint) => String.fromCodePoint(codePoint)).join(''))
  return vocabulary
}

/** The second pass. */
async function encodeAll(
  sources: readonly Source[],
  vocabulary: Vocabulary,
  writer: TokenWriter,
  onBytes: Meter
): Promise<void> {
  try {
    for (const source of sources) await source.encode(vocabulary, writer, onBytes)
  } catch (error) {
    writer.close()
    throw error
  }
}
