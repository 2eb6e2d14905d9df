// The rows of a CSV file by group: times, lines and numbers of those columns that have a role.

import { expected, show } from '../../errors.js'
import { badLine, type CsvRecord } from '../files/csv.js'
import { dateForms, dateReader } from './dates.js'
import { growing, readNumber, type Growing } from './numbers.js'

/** Largest number of groups. */
const MAX_GROUPS = 2 ** 16
/** Largest number of numbers that are kept of a file. */
export const MAX_NUMBERS = 2 ** 25
/** Longest name of a group in characters. */
const MAX_NAME = 200

/** The columns with a role, by name. */
export interface Roles {
  readonly time: string | undefined
  readonly series: readonly string[]
  readonly target: readonly string[]
  readonly known: readonly string[]
  readonly observed: readonly string[]
}

/** The form of the cells. */
export interface CellForm {
  readonly dateFormat: string | undefined
  readonly decimal: '.' | ','
}

/** The rows of one series of the file. */
export interface RowGroup {
  readonly name: string
  /** Local times as `ReadDate` has them, or the numbers of the rows from 0. */
  readonly walls: Growing
  /** NaN: without an offset. */
  readonly instants: Growing
  readonly lines: Growing
  /** Numbers by column: targets, columns that are known ahead, observed ones. */
  readonly columns: ReadonlyMap<string, Growing>
}

/** Takes records one after the other. */
export interface RowTable {
  /** Adds a record. Throws ERR_FILE_FORMAT, with its line, for a cell that cannot be read. */
  add(record: CsvRecord): void
  /** The groups in the order of their first rows. */
  readonly groups: readonly RowGroup[]
}

/** Returns the place of a column. Throws ERR_INVALID_ARGUMENT if the header has it never or twice. */
function placeOf(name: string, header: readonly string[], path: string): number {
  const place = header.indexOf(name)
  if (place >= 0 && header.lastIndexOf(name) === place) return place
  const found =
    place >= 0
      ? 'two of that name'
      : header
          .map((one) => show(one))
          .join(', ')
          .slice(0, 300)
  throw expected(
    'ERR_INVALID_ARGUMENT',
    `a column ${show(name)} in the header of ${path}`,
    found,
    'name another column'
  )
}

/** Throws ERR_INVALID_ARGUMENT if a column has two roles: a target among the inputs would be its own forecast. */
function checkRoles({ time, series, target, known, observed }: Roles): void {
  const seen = new Set<string>()
  for (const name of [...(time === undefined ? [] : [time]), ...series, ...target, ...known, ...observed]) {
    if (seen.has(name))
      throw expected('ERR_INVALID_ARGUMENT', 'one role for each column', `two for ${show(name)}`, 'name it once')
    seen.add(name)
  }
}

/** Returns the table for a file with this header. Throws ERR_INVALID_ARGUMENT for roles of columns that it lacks. */
export function rowTable(header: readonly string[], roles: Roles, form: CellForm, path: string): RowTable {
  checkRoles(roles)
  const place = (name: string) => placeOf(name, header, path)
  const time = roles.time === undefined ? -1 : place(roles.time)
  const series = roles.series.map(place)
  const numbers = [...roles.target, ...roles.known, ...roles.observed].map((name) => ({ name, at: place(name) }))
  const read = dateReader(form.dateFormat)
  const groups = new Map<string, RowGroup>()
  let kept = 0
  return {
    get groups() {
      return [...groups.values()]
    },
    add({ cells, line }) {
      const group = groupOf(groups, series.map((at) => cells[at]!), numbers, { path, line, names: roles.series }) // prettier-ignore
      const date = time < 0 ? null : read(cells[time]!)
      if (time >= 0 && date === null) {
        const remedy =
          form.dateFormat === undefined ? 'pass its format, such as dd/MM/yyyy' : 'correct the date or the format'
        const forms = form.dateFormat === undefined ? dateForms : `a date of the form ${form.dateFormat}`
        throw badLine(path, line, `${forms} in column ${show(roles.time!)}`, show(cells[time]!), remedy)
      }
      group.walls.push(date ? date.wall : group.walls.values().length)
      group.instants.push(date ? date.instant : NaN)
      group.lines.push(line)
      for (const { name, at } of numbers)
        group.columns.get(name)!.push(readNumber(cells[at]!, form.decimal, { path, line, column: name }))
      kept += 3 + numbers.length
      if (kept > MAX_NUMBERS) throw badLine(path, line, `at most ${MAX_NUMBERS} numbers`, 'more', 'split the file')
    }
  }
}

/** Returns the group of a row, which it makes if it is new. */
function groupOf(
  groups: Map<string, RowGroup>,
  values: readonly string[],
  numbers: readonly { name: string }[],
  { path, line, names }: { path: string; line: number; names: readonly string[] }
): RowGroup {
  const key = JSON.stringify(values)
  const old = groups.get(key)
  if (old) return old
  const empty = values.indexOf('')
  if (empty >= 0)
    throw badLine(path, line, `the name of a series in column ${show(names[empty]!)}`, 'an empty cell', 'fill it in')
  const name = values.join(', ')
  if (name.length > MAX_NAME)
    throw badLine(path, line, `a name of a series of at most ${MAX_NAME} characters`, show(name), 'shorten it')
  if (groups.size === MAX_GROUPS)
    throw badLine(path, line, `at most ${MAX_GROUPS} series`, 'more', 'check the columns that name the series')
  const columns = new Map(numbers.map((one) => [one.name, growing()]))
  const made: RowGroup = { name, walls: growing(), instants: growing(), lines: growing(), columns }
  groups.set(key, made)
  return made
}
