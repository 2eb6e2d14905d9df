// Files with a row for each year and a column for each month or quarter: their records as those of a file with a row for each value.

import { expected, show } from '../../errors.js'
import { badLine, type CsvRecord } from '../files/csv.js'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** Returns the number of the month, from 1, that a column's name means in English or as a number; undefined for other names. */
function monthIn(name: string): number | undefined {
  const number = /^m?0?(\d{1,2})$/i.exec(name)
  const month = number ? Number(number[1]) : MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1
  return month >= 1 && month <= 12 ? month : undefined
}

/**
 * Yields the records of a matrix as records with the cells [date, value], after a header with the names `time` and `target`. Values that are missing
 * after the last one of the file are not yielded: that year is not over. Throws ERR_FILE_FORMAT for a header other than a year with 12 months or 4
 * quarters, and for a first cell that is not a year.
 */
export async function* longRecords(
  records: AsyncGenerator<CsvRecord>,
  { path, time, target }: { path: string; time: string | undefined; target: string }
): AsyncGenerator<CsvRecord> {
  const months: number[] = []
  let held: CsvRecord[] = []
  for await (const { cells, line } of records) {
    if (months.length === 0) {
      months.push(...monthsOf(cells, line, path))
      if (time !== undefined && cells[0] !== time)
        throw expected(
          'ERR_INVALID_ARGUMENT',
          `${show(time)} as the first column of ${path}`,
          show(cells[0]!),
          'name that'
        )
      yield { cells: [cells[0]!, target], line }
      continue
    }
    const year = cells[0]!
    if (!/^\d{4}$/.test(year))
      throw badLine(path, line, 'a year of four digits in the first column', show(year), 'correct it')
    for (const [i, month] of months.entries()) {
      held.push({ cells: [`${year}-${String(month).padStart(2, '0')}`, cells[i + 1]!], line })
      if (cells[i + 1] === '') continue
      yield* held
      held = []
    }
  }
}

/** Returns the months of the columns after the first one. */
function monthsOf(header: readonly string[], line: number, path: string): number[] {
  const names = header.slice(1)
  const quarters = names.length === 4
  if (!quarters && names.length !== 12) {
    const found = `${names.length} after the first one`
    throw badLine(
      path,
      line,
      'columns for the year and its 12 months or 4 quarters',
      found,
      'name a target column instead'
    )
  }
  const months = names.map((_, i) => (quarters ? 3 * i + 1 : i + 1))
  const wrong = quarters ? -1 : names.findIndex((name, i) => (monthIn(name) ?? months[i]) !== months[i])
  if (wrong < 0) return months
  throw badLine(path, line, `month ${wrong + 1} in column ${wrong + 2}`, show(names[wrong]!), 'order the columns')
}
