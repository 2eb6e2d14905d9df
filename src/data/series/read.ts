// Time series from CSV files: records, columns with their roles, dates, a grid.

import {
  asyncIterable,
  boolean,
  choice,
  filled,
  list,
  optional,
  object,
  signal as signalOf
} from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { createPace } from '../files/pace.js'
import { textPieces } from '../files/text-pieces.js'
import { badLine, csvRecords, delimiters, type CsvRecord } from '../files/csv.js'
import { zoneClock } from './dates.js'
import { placeRows, type Placed } from './grid.js'
import { rowTable, type Roles, type RowTable } from './rows.js'
import type { GridStep, TimeSeries } from './series.js'
import { longRecords } from './wide.js'

/** Most bytes of text for each packed byte: numbers pack well, a column of zeros to a five-hundredth. */
const MAX_RATIO = 1024

/** The options of `readSeries`. Columns are named as in the header. */
export interface ReadSeriesOptions {
  /** The columns to forecast; with `wide` one name for the values of the matrix, by default 'value'. */
  target: readonly string[]
  /** The column with dates or times. Default: none, the rows are equal steps in their order. */
  time?: string
  /** Columns whose values name the series that a row belongs to. Default: none, the file is one series. */
  series?: readonly string[]
  /** Columns of numbers that are known ahead, such as prices or holidays. */
  known?: readonly string[]
  /** Columns of numbers that are known up to the time of the forecast only. */
  observed?: readonly string[]
  /** The format of the dates in luxon's tokens, such as dd/MM/yyyy. Default: the forms that have one meaning only (`dateReader`). */
  dateFormat?: string
  /** The zone of times, such as Europe/Berlin. Default: the offset in the file, or none: then each day has 24 hours. */
  zone?: string
  /** Whether the file is a matrix with a row for each year and a column for each month or quarter. Default false. */
  wide?: boolean
  /** Delimiter of the columns. Default: the most frequent one of the header. */
  delimiter?: (typeof delimiters)[number]
  /** The decimal sign. Default '.'. */
  decimal?: '.' | ','
  /** Whether a series whose values are all the same is refused, because nothing can be learnt from it. Default 'refuse'. */
  constant?: 'refuse' | 'allow'
  signal?: AbortSignal
  /** The bytes of the input `-`. Default: process.stdin. */
  stdin?: AsyncIterable<Uint8Array>
}

const names = list(filled, 0, 1024)
const checkOptions = object<ReadSeriesOptions>({
  target: names,
  time: optional(filled),
  series: optional(names),
  known: optional(names),
  observed: optional(names),
  dateFormat: optional(filled),
  zone: optional(filled),
  wide: optional(boolean),
  delimiter: optional(choice(...delimiters)),
  decimal: optional(choice('.', ',')),
  constant: optional(choice('refuse', 'allow')),
  signal: optional(signalOf),
  stdin: optional(asyncIterable())
})

/**
 * Reads the time series of a CSV file, FIFO or `-` (standard input), also packed with gzip: one for each target and group of rows, by group in the
 * order of the file. The first record is the header. The step is the median distance of the rows; each row gets its point on the grid, and points
 * without a row are missing values. Empty cells are missing values; those before the first value of a series are left out, and if columns are known
 * ahead, so are those after the last one: there the forecast begins. Dates must be in order, the oldest or the newest first. A file has at most 256
 * MiB unpacked, 33 million numbers and 4 million points of all series.
 *
 * Throws ERR_FILE_FORMAT, with file and line, for a cell that is not a number or a date, times that are equal, out of order or off the grid, one row,
 * a series without a value or whose values are all the same, and for broken CSV, ERR_CORPUS_EMPTY for a file without rows, ERR_CORPUS_BINARY for
 * bytes that are not text, ERR_FILE_NOT_FOUND, ERR_INVALID_ARGUMENT for options that do not fit the header, and ERR_ABORTED.
 */
export async function readSeries(source: string, seriesOptions: ReadSeriesOptions): Promise<TimeSeries[]> {
  const path = filled(source, 'the file')
  const options = checkOptions(seriesOptions, 'the options of readSeries')
  const roles = rolesOf(options)
  const clock = options.zone === undefined ? undefined : zoneClock(options.zone)
  const { table, time } = await readTable(path, roles, options)
  const { step, groups } = placeRows(table.groups, { hasTimes: time, clock, path })
  const allowConstant = options.constant === 'allow'
  return groups.flatMap((group) =>
    roles.target.map((target) => seriesOf(group, { step, roles, target, path, allowConstant }))
  )
}

function rolesOf({ target, time, series = [], known = [], observed = [], wide = false }: ReadSeriesOptions): Roles {
  const others = [...series, ...known, ...observed]
  if (wide && (others.length > 0 || target.length > 1)) {
    const found = target.length > 1 ? 'several targets' : `the column ${show(others[0]!)}`
    throw expected('ERR_INVALID_ARGUMENT', 'no other columns with a matrix of years', found, 'leave it out')
  }
  if (!wide && target.length === 0)
    throw expected('ERR_INVALID_ARGUMENT', 'at least one target column', 'none', 'name the columns to forecast')
  return { time, series, target: wide && target.length === 0 ? ['value'] : target, known, observed }
}

/** Reads the rows of a file; `time`: whether they have times. */
async function readTable(
  path: string,
  roles: Roles,
  { dateFormat, decimal = '.', wide, delimiter, signal, stdin = process.stdin }: ReadSeriesOptions
): Promise<{ table: RowTable; time: boolean }> {
  const pace = createPace(signal)
  const text = textPieces({ path, isStdin: path === '-', stdin, signal, onBytes: () => {}, maxRatio: MAX_RATIO })
  const plain = csvRecords(text, path, delimiter)
  const records: AsyncGenerator<CsvRecord> = wide
    ? longRecords(plain, { path, time: roles.time, target: roles.target[0]! })
    : plain
  let table: RowTable | undefined
  let time = roles.time
  let line = 1
  for await (const record of records) {
    if (table) table.add(record)
    else {
      checkHeader(record, path)
      if (wide) time = record.cells[0]!
      table = rowTable(record.cells, { ...roles, time }, { dateFormat, decimal }, path)
    }
    line = record.line
    if (pace.due()) await pace.turn()
  }
  if (table && table.groups.length > 0) return { table, time: time !== undefined }
  throw expected('ERR_CORPUS_EMPTY', `rows after the header at line ${line} of ${path}`, 'none', 'check the file')
}

/** Throws ERR_FILE_FORMAT if the first record has numbers only, so that a file without a header does not lose its first row. */
function checkHeader({ cells, line }: CsvRecord, path: string): void {
  if (cells.every((cell) => cell !== '' && Number.isFinite(Number(cell.replace(',', '.')))))
    throw badLine(path, line, 'a header with the names of the columns', show(cells.join(', ')), 'add one')
}

/** Returns the numbers of a column on the grid from point `begin` on. */
function onGrid(numbers: Float64Array, points: Float64Array, begin: number, end: number): Float64Array {
  const values = new Float64Array(end - begin).fill(NaN)
  for (let i = 0; i < points.length; i++)
    if (points[i]! >= begin && points[i]! < end) values[points[i]! - begin] = numbers[i]!
  return values
}

function seriesOf(
  { name: group, lines, points, columns, times }: Placed,
  how: { step: GridStep; roles: Roles; target: string; path: string; allowConstant: boolean }
): TimeSeries {
  const { step, roles, target, path, allowConstant } = how
  const numbers = columns.get(target)!
  const first = numbers.findIndex((value) => !Number.isNaN(value))
  const last = numbers.findLastIndex((value) => !Number.isNaN(value))
  const where = `in column ${show(target)}${group === '' ? '' : ` of series ${show(group)}`}`
  if (first < 0) throw badLine(path, lines[0]!, `a value ${where}`, 'empty cells from there on', 'name another target')
  const isConstant = numbers.every((value) => Number.isNaN(value) || value === numbers[first])
  if (isConstant && !allowConstant) {
    const found = `${numbers[first]} in all rows from there on`
    throw badLine(path, lines[first]!, `values that change ${where}`, found, 'leave it out: there is nothing to learn')
  }
  const begin = points[first]!
  const end = roles.known.length > 0 ? points[last]! + 1 : times.length
  const values = onGrid(numbers, points, begin, end)
  const covariates = [
    ...roles.known.map((name) => [name, onGrid(columns.get(name)!, points, begin, times.length)] as const),
    ...roles.observed.map((name) => [name, onGrid(columns.get(name)!, points, begin, end)] as const)
  ]
  return {
    name: group === '' ? target : `${group}: ${target}`,
    group,
    target,
    step,
    times: times.slice(begin, end),
    values,
    covariates: Object.fromEntries(covariates),
    missing: values.reduce((sum, value) => sum + (Number.isNaN(value) ? 1 : 0), 0)
  }
}
