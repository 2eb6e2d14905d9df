// Records of a CSV file with their lines: the delimiter is guessed from the header, and sizes are bounded before anything is kept.

import { pipeline, Readable } from 'node:stream'
import type { CsvError } from 'csv-parse'
import { expected, show, type GatecellError } from '../../errors.js'

/** The library, when it was needed: hooks of module loaders see every import(), and take more time than a small file. */
let library: ReturnType<typeof load> | undefined
const load = async () => await import('csv-parse')

/** Longest record in characters. */
const MAX_RECORD = 2 ** 20
/** Largest number of columns. */
const MAX_COLUMNS = 4096

/** Characters that separate the cells of a record. */
export const delimiters = [',', ';', '\t'] as const

/** One record: its cells without blanks around them, and the line of the file that it ends on, from 1. */
export interface CsvRecord {
  readonly cells: readonly string[]
  readonly line: number
}

/** Returns the ERR_FILE_FORMAT for a line of a file. */
export function badLine(path: string, line: number, what: string, found: string, remedy: string): GatecellError {
  return expected('ERR_FILE_FORMAT', `${what} at line ${line} of ${path}`, found, remedy)
}

/** Returns the first line of `text` that is not blank, with line breaks inside quotes; undefined if it has no end yet. */
function firstLine(text: string): string | undefined {
  let quoted = false
  for (let i = 0, begin = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted
    if (quoted || (text[i] !== '\n' && text[i] !== '\r')) continue
    const line = text.slice(begin, i)
    if (line.trim() !== '') return line
    begin = i + 1
  }
  return undefined
}

/** Returns the delimiter that is most frequent outside the quotes of a header, a comma if it has none of them. */
export function guessDelimiter(header: string): string {
  const bare = header.replace(/"[^"]*"/g, '')
  const counts = delimiters.map((one) => bare.split(one).length)
  return delimiters[counts.indexOf(Math.max(...counts))]!
}

/** Reads pieces of a text until its first line is complete, and returns that line and all of the text, from its beginning. */
async function begin(pieces: AsyncGenerator<string>, path: string): Promise<{ header: string; head: string }> {
  let head = ''
  for (;;) {
    const next: IteratorResult<string, unknown> = await pieces.next()
    if (!next.done) head += next.value
    const header = next.done ? head : firstLine(head)
    if (header !== undefined) return { header, head }
    if (head.length > MAX_RECORD) {
      throw badLine(path, 1, `a header of at most ${MAX_RECORD} characters`, 'a longer one', 'check its quotes')
    }
  }
}

/** csv-parse's codes, with the sentence for each. */
const problems: Readonly<Record<string, readonly [what: string, found: string, remedy: string]>> = {
  CSV_QUOTE_NOT_CLOSED: ['a closing quote', 'the end of the file', 'close the quotes'],
  CSV_INVALID_CLOSING_QUOTE: [
    'a delimiter after a closing quote',
    'another character',
    'double the quotes inside quotes'
  ],
  INVALID_OPENING_QUOTE: ['quotes around a whole cell', 'a quote inside one', 'put the cell in quotes'],
  CSV_MAX_RECORD_SIZE: [`a record of at most ${MAX_RECORD} characters`, 'a longer one', 'check its quotes']
}

function csvProblem(path: string, error: CsvError): GatecellError {
  const [what, found, remedy] = problems[error.code] ?? [
    'a CSV record',
    `another text (${error.code})`,
    'check the line'
  ]
  const line = Number(error['lines'])
  return badLine(path, Number.isInteger(line) ? line : 1, what, found, remedy)
}

/**
 * Yields the records of a CSV text, the header first. Blank lines count only in a file of one column, where they are missing
 * values, except for those at its end. Throws ERR_FILE_FORMAT, with the line, for quotes that do not match, a record with more or fewer cells than
 * the header, or a size above the bounds, and ERR_CORPUS_EMPTY for a text without a record. `path` is for errors.
 */
export async function* csvRecords(
  pieces: AsyncGenerator<string>,
  path: string,
  delimiter?: string
): AsyncGenerator<CsvRecord> {
  const { header, head } = await begin(pieces, path)
  if (head.trim() === '')
    throw expected('ERR_CORPUS_EMPTY', `a header and rows in ${path}`, 'an empty file', 'check the file')
  const whole = async function* () {
    yield head
    yield* pieces
  }
  const { CsvError, parse } = await (library ??= load())
  const parser = parse({
    delimiter: delimiter ?? guessDelimiter(header),
    info: true,
    max_record_size: MAX_RECORD,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    trim: true
  })
  pipeline(Readable.from(whole()), parser, () => {})
  let columns = 0
  const blanks: CsvRecord[] = []
  try {
    for await (const { info, record: cells } of parser as AsyncIterable<{
      info: { lines: number }
      record: string[]
    }>) {
      const record = { cells, line: info.lines }
      const blank = cells.length === 1 && cells[0] === ''
      if (blank && columns === 1) blanks.push(record)
      if (blank) continue
      if (columns > 0) checkWidth(record, columns, path)
      else columns = widthOf(record, path)
      yield* blanks.splice(0)
      yield record
    }
  } catch (error) {
    throw error instanceof CsvError ? csvProblem(path, error) : error
  }
}

function widthOf({ cells, line }: CsvRecord, path: string): number {
  if (cells.length <= MAX_COLUMNS) return cells.length
  throw badLine(path, line, `at most ${MAX_COLUMNS} columns`, String(cells.length), 'leave out columns')
}

function checkWidth({ cells, line }: CsvRecord, columns: number, path: string): void {
  if (cells.length === columns) return
  const what = `${columns} cells, as in the header,`
  const remedy = 'check delimiters and quotes, and name the delimiter if it was guessed wrong'
  throw badLine(path, line, what, `${cells.length}, which begin with ${show(cells[0] ?? '')}`, remedy)
}
