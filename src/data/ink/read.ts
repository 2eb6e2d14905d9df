// Ink from files: JSON (stroke JSON, QuickDraw, stroke-3, stroke-5; one sample a line or a list), UNIPEN, InkML and IAM-OnDB XML,
// recognised by how they begin, gzip unpacked. Files are parsed piece by piece, and sizes are bounded before anything is kept.

import {
  asyncIterable,
  callback,
  choice,
  filled,
  list,
  optional,
  options as optionsOf,
  signal as signalOf,
  string
} from '../../check/index.js'
import { expected, GatecellError } from '../../errors.js'
import { resolveFiles, type OnSkip } from '../files/resolve.js'
import { createPace } from '../files/pace.js'
import { textPieces } from '../files/text-pieces.js'
import { readWholeText } from '../files/whole-text.js'
import { inkBudget, type InkBudget } from './budget.js'
import { jsonParser } from './formats/json.js'
import { inkFormatError, excerpt, type InkParser, type InkParserOptions } from './formats/parser.js'
import { unipenParser } from './formats/unipen.js'
import { xmlInkParser } from './formats/xml-ink.js'
import type { Ink, InkDraft } from './strokes.js'

const MAX_SAMPLES = 2 ** 22
/** Longest file with the text of another one. */
const MAX_COMPANION = 2 ** 20

/** The options of `readInk`. */
export interface ReadInkOptions {
  /** Where y points in the files. Default: as the format defines it (up in stroke JSON and UNIPEN, else down). */
  y?: 'up' | 'down'
  /** The level of UNIPEN whose segments are the samples, as WORD. Default: the first one of .HIERARCHY that has segments. */
  level?: string
  /**
   * Receives the errors of samples that are not usable ink, and of files of a folder that hold none, instead of a throw. `file`: the
   * path where it is a whole file.
   */
  onBad?: (error: GatecellError, file?: string) => void
  onSkip?: OnSkip
  signal?: AbortSignal
  /** The bytes of the input `-`. Default: process.stdin. */
  stdin?: AsyncIterable<Uint8Array>
}

/** Checks the options of `readInk`. */
export const checkReadInkOptions = optionsOf<ReadInkOptions>({
  y: optional(choice('up', 'down')),
  level: optional(string),
  onBad: optional(callback()),
  onSkip: optional(callback()),
  signal: optional(signalOf),
  stdin: optional(asyncIterable())
})

/**
 * Reads the samples of files, folders, patterns and `-`, in order. Memory is at most 64 bytes for each byte of the files, unpacked,
 * beyond a constant. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_INVALID_INK, ERR_CORPUS_BINARY for bytes that are not text,
 * ERR_CORPUS_EMPTY for no sample at all, ERR_OUT_OF_MEMORY for samples that fill half of the heap, ERR_INVALID_ARGUMENT, ERR_ABORTED.
 */
export async function readInk(names: readonly string[], readOptions: ReadInkOptions = {}): Promise<Ink[]> {
  const inputs = list(filled)(names, 'the files')
  const options = checkReadInkOptions(readOptions, 'the options of readInk')
  const { onBad, onSkip } = options
  const samples: Ink[] = []
  const budget = inkBudget()
  for (const { path, named, stream } of await resolveFiles(inputs, onSkip)) {
    try {
      const isStdin = path === '-' && stream
      const found = await readFile(path, isStdin, options, budget)
      if (samples.length + found.length > MAX_SAMPLES)
        throw inkFormatError(path, `at most ${MAX_SAMPLES} samples`, 'more', 'split the files')
      for (const ink of found) samples.push(ink)
    } catch (error) {
      const tolerated = !named && error instanceof GatecellError && TOLERATED.includes(error.code)
      if (!onBad || !tolerated) throw error
      onBad(error, path)
    }
  }
  if (samples.length > 0) return samples
  throw expected('ERR_CORPUS_EMPTY', `ink in ${inputs.join(', ').slice(0, 200)}`, 'none', 'name files with strokes')
}

/** Errors for which a file of a folder is left out; an abort, or a full heap, is none. */
const TOLERATED: readonly string[] = ['ERR_FILE_FORMAT', 'ERR_CORPUS_BINARY', 'ERR_FILE_NOT_FOUND', 'ERR_INVALID_INK']

async function readFile(path: string, isStdin: boolean, options: ReadInkOptions, budget: InkBudget): Promise<Ink[]> {
  const { y, level, signal, stdin = process.stdin } = options
  const pace = createPace(signal)
  const samples: Ink[] = []
  const take = async (drafts: Iterable<InkDraft>) => {
    for (const draft of drafts) {
      const ink = usableInk(draft, options)
      if (ink) budget.keep(ink, path)
      if (ink) samples.push(ink)
      if (samples.length > MAX_SAMPLES) return // refused by the caller
      if (pace.due()) await pace.turn()
    }
  }
  let parser: InkParser | undefined
  let head = ''
  const onBytes = (bytes: number) => budget.read(bytes)
  for await (const text of textPieces({ path, isStdin, stdin, signal, onBytes })) {
    const piece = parser ? text : begun(head + text)
    parser ??= parserFor(piece, { name: path, level, yDown: y === undefined ? undefined : y === 'down' })
    head = parser ? '' : piece
    if (head.length > MOST_BLANKS) throw inkFormatError(path, FORMATS, `${MOST_BLANKS} blanks`)
    if (parser) await take(parser.write(piece))
    if (pace.due()) await pace.turn()
  }
  if (!parser) throw inkFormatError(path, FORMATS, 'nothing')
  await accompany(parser, signal)
  await take(parser.end())
  return samples
}

/** Returns the ink of a draft; null if it is not usable and `onBad` takes the error, which is thrown otherwise. */
export function usableInk(draft: InkDraft, { onBad }: Pick<ReadInkOptions, 'onBad'>): Ink | null {
  try {
    return draft()
  } catch (error) {
    if (!onBad || !(error instanceof GatecellError)) throw error
    onBad(error)
    return null
  }
}

/** Passes the text of the first companion file that exists to a parser. */
async function accompany(parser: InkParser, signal: AbortSignal | undefined): Promise<void> {
  for (const companion of parser.companions ?? []) {
    try {
      parser.accompany?.(await readWholeText(companion, { maxBytes: MAX_COMPANION, signal }), companion)
      return
    } catch (error) {
      if (!(error instanceof GatecellError) || error.code !== 'ERR_FILE_NOT_FOUND') throw error
    }
  }
}

const FORMATS = 'JSON with strokes, drawings or offsets, UNIPEN, InkML or IAM-OnDB XML'

/** Blanks before the first sample. */
const MOST_BLANKS = 2 ** 16

/** Returns the beginning of a text as parsers take it: a byte order mark, and blanks before XML do not count. */
function begun(text: string): string {
  const plain = text.replace(/^\ufeff/, '')
  const first = plain.search(/\S/)
  return plain[first] === '<' ? plain.slice(first) : plain
}

/** Returns the parser for text that begins with `text`, undefined while nothing but blanks came. */
function parserFor(text: string, options: InkParserOptions): InkParser | undefined {
  const begin = text.trimStart()
  if (begin === '') return undefined
  if (begin[0] === '<') return xmlInkParser(options)
  if (begin[0] === '.') return unipenParser(options)
  if (begin[0] === '{' || begin[0] === '[') return jsonParser(options)
  const remedy = 'convert it to one of these, for example to {"strokes": [[[x, y], ...], ...], "text": "..."} a line'
  throw inkFormatError(`line 1 of ${options.name}`, FORMATS, excerpt(begin.slice(0, 20)), remedy)
}

/** Yields the samples of one text in any of the formats. Throws ERR_FILE_FORMAT. */
export function* parseInk(
  text: string,
  name: string,
  { y, level }: Pick<ReadInkOptions, 'y' | 'level'> = {}
): Generator<InkDraft> {
  const begin = begun(text)
  const parser = parserFor(begin, { name, level, yDown: y === undefined ? undefined : y === 'down' })
  if (!parser) throw inkFormatError(name, FORMATS, 'nothing')
  yield* parser.write(begin)
  yield* parser.end()
}
