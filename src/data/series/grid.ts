// Rows on a grid of equal steps: each row gets its point, and points without a row stay empty.
//
// The order of the rows is checked and not changed: a date that goes back shows that day and month are exchanged, or that the file has several
// series, and sorted rows would hide both. Only a file that runs from the newest row to the oldest is reversed as a whole.

import { counted, show } from '../../errors.js'
import { badLine } from '../files/csv.js'
import { DAY, type ZoneClock } from './dates.js'
import { MAX_NUMBERS, type RowGroup } from './rows.js'
import { calendarStep, clockStep, dayOf, medianDistance, millisecondsOf, monthOf } from './step.js'
import { gridTimes, MAX_POINTS } from './times.js'
import type { GridStep } from './series.js'

/** Part of a step by which a row may be off its point: clocks of sensors are a little late. */
const TOLERANCE = 1 / 4

/** A group of rows and their points on the grid. */
export interface Placed {
  readonly name: string
  /** Lines of the rows, in the order of time. */
  readonly lines: Float64Array
  /** Grid point of each row, from 0. */
  readonly points: Float64Array
  /** Numbers of the columns by row. */
  readonly columns: ReadonlyMap<string, Float64Array>
  /** The times of all points, the last of which has a row. */
  readonly times: readonly string[]
}

/** Times, lines and numbers of a group in the order of time. */
interface Ordered {
  readonly name: string
  readonly walls: Float64Array
  readonly instants: Float64Array
  readonly lines: Float64Array
  readonly columns: ReadonlyMap<string, Float64Array>
}

/** Returns the rows of a group, reversed if the last one is older than the first one. */
function ordered({ name, walls, instants, lines, columns }: RowGroup): Ordered {
  const times = walls.values()
  const newestFirst = times.at(-1)! < times[0]!
  const copy = (values: Float64Array) => (newestFirst ? values.slice().reverse() : values)
  return {
    name,
    walls: copy(times),
    instants: copy(instants.values()),
    lines: copy(lines.values()),
    columns: new Map([...columns].map(([column, values]) => [column, copy(values.values())]))
  }
}

/** Throws ERR_FILE_FORMAT unless times increase from row to row. */
function checkOrder(times: Float64Array, { lines, name }: Ordered, path: string): void {
  const of = name === '' ? '' : ` of series ${show(name)}`
  for (let i = 1; i < times.length; i++) {
    if (times[i]! > times[i - 1]!) continue
    const [line, before] = [lines[i]!, lines[i - 1]!]
    if (times[i] === times[i - 1]) {
      const remedy = 'remove one of them, or name the columns that tell the series of the file apart'
      throw badLine(path, line, `one row for each time${of}`, `a second one for the time of line ${before}`, remedy)
    }
    const remedy = 'sort the rows, or check the format of the dates'
    throw badLine(path, line, `a time${of} after the one at line ${before}`, 'an earlier one', remedy)
  }
}

/** Returns the instants of rows that are less than a day apart: as the file has them, or from the local times of the zone. */
function instantsOf(group: Ordered, clock: ZoneClock | undefined, path: string): Float64Array {
  const { walls, instants, lines } = group
  const known = instants.reduce((sum, one) => sum + (Number.isNaN(one) ? 0 : 1), 0)
  if (known === instants.length) return instants
  if (known > 0) {
    const row = instants.findIndex((one) => Number.isNaN(one) !== Number.isNaN(instants[0]!))
    const remedy = 'write the offset in all rows or in none'
    throw badLine(path, lines[row]!, 'a time with an offset from UTC as in the other rows', 'a mixture', remedy)
  }
  if (!clock) return walls
  const found = new Float64Array(walls.length)
  for (let i = 0; i < walls.length; i++) {
    const choices = clock.instants(walls[i]!)
    if (choices.length === 0) {
      const remedy = 'check the time zone'
      throw badLine(path, lines[i]!, 'a time that the zone has', 'one that daylight saving leaves out', remedy)
    }
    // In autumn an hour comes twice, and the rows of the second one come after those of the first one.
    found[i] = choices.find((one) => i === 0 || one > found[i - 1]!) ?? choices.at(-1)!
  }
  return found
}

/** Returns the local times of rows: in the zone, or as the file has them. */
function localTimes({ walls, instants }: Ordered, clock: ZoneClock | undefined): Float64Array {
  if (!clock) return walls
  return walls.map((wall, i) => (Number.isNaN(instants[i]!) ? wall : instants[i]! + clock.offset(instants[i]!)))
}

/** Returns the place of a time on an axis whose unit is a step. */
function axisOf(step: GridStep): (time: number) => number {
  const { unit, count } = step
  if (unit === 'row') return (time) => time
  if (unit === 'year') return (time) => monthOf(time) / (12 * count)
  if (unit === 'month') return (time) => monthOf(time) / count
  if (unit === 'week') return (time) => dayOf(time) / (7 * count)
  if (unit === 'day') return (time) => dayOf(time) / count
  const length = millisecondsOf(step)
  return (time) => time / length
}

/** Returns the grid point of each row, the first one at 0. Throws ERR_FILE_FORMAT for a row that is off the grid. */
function pointsOf(times: Float64Array, step: GridStep, { lines }: Ordered, path: string): Float64Array {
  const axis = axisOf(step)
  const origin = axis(times[0]!)
  const each = step.count === 1 ? step.unit : `${step.count} ${step.unit}s`
  return times.map((time, i) => {
    const place = axis(time) - origin
    const point = Math.round(place)
    const [line, before] = [lines[i]!, lines[i - 1]!]
    if (Math.abs(place - point) > TOLERANCE) {
      const found = `one ${Math.abs(place - point).toFixed(2)} of a step off it`
      const remedy = 'resample the file to equal steps'
      throw badLine(path, line, `a time on the grid of one row each ${each}, the median of the file,`, found, remedy)
    }
    if (i > 0 && point === Math.round(axis(times[i - 1]!) - origin)) {
      const remedy = 'resample the file to equal steps'
      throw badLine(
        path,
        line,
        `one row each ${each}, the median of the file,`,
        `a second one after line ${before}`,
        remedy
      )
    }
    if (point >= MAX_POINTS) {
      const what = `at most ${MAX_POINTS} steps of one ${each} from the first row`
      throw badLine(path, line, what, point.toLocaleString('en-US'), 'correct the date')
    }
    return point
  })
}

/** Returns the offset for the texts of times: that of the zone, else that of the file's first row, else undefined. */
function offsetOf(groups: readonly Ordered[], clock: ZoneClock | undefined): ((instant: number) => number) | undefined {
  if (clock) return (instant) => clock.offset(instant)
  const [wall, instant] = [groups[0]!.walls[0]!, groups[0]!.instants[0]!]
  return Number.isNaN(instant) ? undefined : () => wall - instant
}

/**
 * Places the rows of a file on one grid. `hasTimes` is false for a file without times, whose rows are the points. Throws ERR_FILE_FORMAT, with the
 * line, for times that are equal, go back, do not exist in the zone or are off the grid, and for a file of one row.
 */
export function placeRows(
  rows: readonly RowGroup[],
  { hasTimes, clock, path }: { hasTimes: boolean; clock: ZoneClock | undefined; path: string }
): { step: GridStep; groups: Placed[] } {
  const groups = rows.map(ordered)
  if (groups.every(({ lines }) => lines.length < 2)) {
    const found = groups.length === 1 ? 'one' : `${counted(groups.length, 'series')} of one row each`
    throw badLine(path, groups.at(-1)!.lines.at(-1)!, 'at least two rows of a series', found, 'name a longer file')
  }
  const local = groups.map((group) => localTimes(group, clock))
  const isCalendar = medianDistance(local) >= DAY
  const times = groups.map((group, i) => {
    const found = !hasTimes || isCalendar ? local[i]! : instantsOf(group, clock, path)
    checkOrder(found, group, path)
    return found
  })
  const step: GridStep = !hasTimes ? { unit: 'row', count: 1 } : isCalendar ? calendarStep(times) : clockStep(times)
  const offset = isCalendar ? undefined : offsetOf(groups, clock)
  let [total, numbers] = [0, 0]
  const placed = groups.map((group, i) => {
    const { name, lines, columns } = group
    const points = pointsOf(times[i]!, step, group, path)
    const count = points.at(-1)! + 1
    total += count
    numbers += count * columns.size
    if (total > MAX_POINTS || numbers > MAX_NUMBERS) {
      const what = `at most ${MAX_POINTS} points and ${MAX_NUMBERS} numbers on the grids of all series`
      throw badLine(path, lines[0]!, what, 'more', 'split the file, or check its first and last dates')
    }
    return { name, lines, points, columns, times: gridTimes(times[i]![0]!, step, count, offset) }
  })
  return { step, groups: placed }
}
