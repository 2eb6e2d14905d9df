// Pairs of sentences from files: two columns of a TSV file, or two files with a sentence a line each (the layout of Moses), gzip unpacked.

import {
  asyncIterable,
  callback,
  filled,
  integer,
  invalid,
  list,
  optional,
  options as optionsOf,
  signal as signalOf,
  type Check
} from '../../check/index.js'
import { expected, GatecellError, show } from '../../errors.js'
import { bytePieces } from '../files/byte-pieces.js'
import { fileLines, lineText, type FileLine } from '../files/lines.js'
import { createPace } from '../files/pace.js'
import { resolveFiles, type OnSkip, type SourceFile } from '../files/resolve.js'
import type { SentencePair } from './pairs.js'

const MAX_PAIRS = 2 ** 22
const MAX_COLUMNS = 4096

/** The options of `readPairs`. */
export interface ReadPairsOptions {
  /** Columns of a TSV file with the source and its translation, from 1. Default: 1 and 2. */
  columns?: readonly [source: number, target: number]
  /** Endings of the names of two files, such as en and fr: each name that is read is then a prefix, such as corpus/train. */
  languages?: readonly [source: string, target: string]
  /**
   * Called with the errors of lines that are not a pair and of files of a folder without pairs, which are then left out. `file` is the path of a file
   * that is left out as a whole. Default: the first error is thrown.
   */
  onBad?: (error: GatecellError, file?: string) => void
  /** Called with the files of a folder that are left out because of their kind. */
  onSkip?: OnSkip
  signal?: AbortSignal
  /** The bytes of the input `-`. Default: process.stdin. */
  stdin?: AsyncIterable<Uint8Array>
}

/** Checks a list of two different values. */
function two<T>(check: Check<T>): Check<readonly [T, T]> {
  const both = list(check, 2, 2)
  return (value, name) => {
    const [one, other] = both(value, name) as [T, T]
    if (one === other) throw invalid('two different values', name, one)
    return [one, other]
  }
}

/** Checks the options of `readPairs`. */
export const checkReadPairsOptions = optionsOf<ReadPairsOptions>({
  columns: optional(two(integer(1, MAX_COLUMNS))),
  languages: optional(two(filled)),
  onBad: optional(callback()),
  onSkip: optional(callback()),
  signal: optional(signalOf),
  stdin: optional(asyncIterable())
})

/** The lines of a file. */
interface Side {
  readonly path: string
  readonly lines: readonly FileLine[]
}

/**
 * Reads the pairs of files, folders, patterns and `-`, in order. A file whose first line with a text has a tab is TSV, each line with as many
 * columns as this one; a file without one has the sources, and the file named after it their translations, line by line. Files of folders are TSV.
 * Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT for a line without a sentence on both sides, or more than 65,536 bytes, or two files with different
 * numbers of lines, ERR_CORPUS_BINARY for bytes that are not UTF-8, ERR_CORPUS_EMPTY for no pair at all, ERR_INVALID_ARGUMENT, ERR_ABORTED.
 */
export async function readPairs(names: readonly string[], readOptions: ReadPairsOptions = {}): Promise<SentencePair[]> {
  const inputs = list(filled)(names, 'the files')
  const options = checkReadPairsOptions(readOptions, 'the options of readPairs')
  const { languages, onBad, onSkip } = options
  const pairs: SentencePair[] = []
  const sources = languages ? await sidesOf(inputs, languages) : await resolveFiles(inputs, onSkip)
  for (let i = 0; i < sources.length; i++) {
    const source = sources[i]!
    try {
      const side = await readSide(source, options)
      const isTable = !languages && (hasTab(side) || side.lines.length === 0)
      if (isTable) await keep(tablePairs(side, options), pairs, options)
      else await keep(sidePairs(side, await readOther(side, source, sources[++i], options), options), pairs, options)
    } catch (error) {
      const tolerated = !source.named && error instanceof GatecellError && TOLERATED.includes(error.code)
      if (!onBad || !tolerated) throw error
      onBad(error, source.path)
    }
  }
  if (pairs.length > 0) return pairs
  throw expected(
    'ERR_CORPUS_EMPTY',
    `pairs of sentences in ${inputs.join(', ').slice(0, 200)}`,
    'none',
    'name other files'
  )
}

/** Errors for which a file of a folder is left out. */
const TOLERATED: readonly string[] = ['ERR_FILE_FORMAT', 'ERR_CORPUS_BINARY', 'ERR_FILE_NOT_FOUND']

async function keep(taken: Iterable<SentencePair>, pairs: SentencePair[], { signal }: ReadPairsOptions): Promise<void> {
  const pace = createPace(signal)
  for (const pair of taken) {
    if (pairs.length === MAX_PAIRS)
      throw expected('ERR_FILE_FORMAT', `at most ${MAX_PAIRS} pairs`, 'more', 'split the files')
    pairs.push(pair)
    if (pace.due()) await pace.turn()
  }
}

/** Returns the two files of each prefix, one after the other. A file may have the ending .gz after that of its language. */
async function sidesOf(prefixes: readonly string[], languages: readonly string[]): Promise<SourceFile[]> {
  const paths = prefixes.flatMap((prefix) => languages.map((language) => `${prefix}.${language}`))
  const found: SourceFile[] = []
  for (const path of paths) {
    const files = await resolveFiles([path]).catch(
      async (error: Error) => await resolveFiles([`${path}.gz`]).catch(() => Promise.reject(error))
    )
    if (files.length !== 1)
      throw expected('ERR_FILE_NOT_FOUND', `one file ${path}`, String(files.length), 'name prefixes without patterns')
    found.push(files[0]!)
  }
  return found
}

async function readSide(
  { path, stream }: SourceFile,
  { signal, stdin = process.stdin }: ReadPairsOptions
): Promise<Side> {
  const lines: FileLine[] = []
  const pieces = bytePieces({ path, isStdin: path === '-' && stream, stdin, signal })
  for await (const some of fileLines(pieces, path)) for (const line of some) lines.push(line)
  return { path, lines }
}

/** Returns whether the first line with a text has a tab; lines before it may be empty, or bad ones that are left out. */
function hasTab({ lines }: Side): boolean {
  const first = lines.find((line) => 'text' in line && line.text.trim() !== '')
  return first !== undefined && 'text' in first && first.text.includes('\t')
}

/** Reads the translations of `side`. Throws ERR_FILE_FORMAT unless the user named a second file of sentences after that of `side`. */
async function readOther(
  side: Side,
  source: SourceFile,
  other: SourceFile | undefined,
  options: ReadPairsOptions
): Promise<Side> {
  const named = source.named && other?.named
  const found = named ? await readSide(other, options) : null
  if (found && (options.languages || !hasTab(found))) return found
  const [first] = side.lines
  const place = `line 1 of ${side.path}`
  const remedy = 'separate the columns with a tab, or name a second file with the translations'
  const text = first ? show(lineText(first, place)) : 'an empty file'
  throw expected('ERR_FILE_FORMAT', `a source, a tab and its translation at ${place}`, text, remedy)
}

/** Returns the result of `make`; null if it throws a GatecellError and there is an `onBad`, which is called with the error. */
export function usable<T>(make: () => T, { onBad }: Pick<ReadPairsOptions, 'onBad'>): T | null {
  try {
    return make()
  } catch (error) {
    if (!onBad || !(error instanceof GatecellError)) throw error
    onBad(error)
    return null
  }
}

/** Returns a pair. Throws ERR_FILE_FORMAT if a side has no sentence. */
function pairOf(source: string, target: string, path: string, line: number): SentencePair {
  const bare = [source, target].map((side) => side.trim() === '')
  if (!bare[0] && !bare[1]) return { source, target, path, line }
  const found = bare[0] && bare[1] ? 'an empty line' : bare[0] ? 'a translation without its source' : 'a source without its translation' // prettier-ignore
  const what = `a sentence on both sides at line ${line} of ${path}`
  throw expected('ERR_FILE_FORMAT', what, found, 'complete or leave out the pair')
}

function* tablePairs({ path, lines }: Side, options: ReadPairsOptions): Generator<SentencePair> {
  const [from, to] = options.columns ?? [1, 2]
  let width = 0
  for (const [i, line] of lines.entries()) {
    const pair = usable(() => {
      const place = `line ${i + 1} of ${path}`
      const text = lineText(line, place)
      if (text.trim() === '') return pairOf('', '', path, i + 1)
      const cells = text.split('\t')
      if (width === 0 && cells.length >= Math.max(from, to)) width = cells.length
      if (cells.length === width) return pairOf(cells[from - 1]!, cells[to - 1]!, path, i + 1)
      const what =
        width === 0 ? `a line with a column ${Math.max(from, to)}` : `${width} columns, as in the lines before,`
      throw expected('ERR_FILE_FORMAT', `${what} at ${place}`, String(cells.length), 'check the tabs of the line')
    }, options)
    if (pair) yield pair
  }
}

function* sidePairs(source: Side, target: Side, options: ReadPairsOptions): Generator<SentencePair> {
  if (source.lines.length !== target.lines.length) {
    const what = `${source.lines.length} lines in ${target.path}, as in ${source.path},`
    throw expected(
      'ERR_FILE_FORMAT',
      what,
      String(target.lines.length),
      'name two files with a translation for each line'
    )
  }
  for (const [i, line] of source.lines.entries()) {
    const pair = usable(() => {
      const own = lineText(line, `line ${i + 1} of ${source.path}`)
      const other = lineText(target.lines[i]!, `line ${i + 1} of ${target.path}`)
      return pairOf(own, other, source.path, i + 1)
    }, options)
    if (pair) yield pair
  }
}
