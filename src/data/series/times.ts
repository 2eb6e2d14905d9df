// Times of a grid as texts in ISO 8601, of its points and of those after it.

import { DateTime } from 'luxon'
import { integer, optional, string } from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { dayOf, millisecondsOf, monthOf } from './step.js'
import { DAY, zoneClock } from './dates.js'
import type { GridStep, TimeSeries } from './series.js'

/** Largest number of points of a grid. */
export const MAX_POINTS = 2 ** 22

/** Returns a local time in ISO 8601 without an offset. Whole seconds have no fraction. */
function clockText(wall: number): string {
  return new Date(wall).toISOString().replace(/(\.000)?Z$/, '')
}

/** Returns an offset in milliseconds as '+02:00'. */
function offsetText(offset: number): string {
  const minutes = Math.abs(Math.round(offset / 60_000))
  const two = (value: number) => String(value).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** Returns a date in ISO 8601 down to one of its parts: '1949' for the year, '1949-01' for the month. */
function dateText(wall: number, parts: 'year' | 'month' | 'day'): string {
  return new Date(wall).toISOString().slice(0, -'-MM-DDTHH:mm:ss.sssZ'.length + { year: 0, month: 3, day: 6 }[parts])
}

/**
 * Returns the times of `count` points from the one at `begin`: a local time for calendar steps, an instant for shorter ones, the number of the row,
 * from 0, without times. `offset` returns the offset from UTC at an instant, in milliseconds; undefined: texts without one.
 */
export function gridTimes(
  begin: number,
  step: GridStep,
  count: number,
  offset?: (instant: number) => number
): string[] {
  const times = (make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i))
  if (step.unit === 'row') return times((i) => String(begin + i + 1))
  if (step.unit === 'year' || step.unit === 'month') {
    const { unit } = step
    const [first, months] = [monthOf(begin), unit === 'year' ? 12 * step.count : step.count]
    return times((i) => dateText(monthBegin(first + i * months), unit))
  }
  if (step.unit === 'week' || step.unit === 'day') {
    const [first, days] = [dayOf(begin), step.unit === 'week' ? 7 * step.count : step.count]
    return times((i) => dateText((first + i * days) * DAY, 'day'))
  }
  const length = millisecondsOf(step)
  return times((i) => {
    const instant = begin + i * length
    return offset ? clockText(instant + offset(instant)) + offsetText(offset(instant)) : clockText(instant)
  })
}

/** Returns the first day of a month. Date.UTC would take the years 0 to 99 as 1900 to 1999. */
function monthBegin(month: number): number {
  return new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1)
}

const checkCount = integer(0, MAX_POINTS)

const YEAR = '(?:[+-]\\d{6}|\\d{4})'
const CLOCK = 'T\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(?:[+-]\\d\\d:\\d\\d)?'
/** Forms of the times of a series, by the unit of its step. */
const FORMS: Readonly<Record<string, RegExp>> = Object.fromEntries(
  Object.entries({ year: '', month: '-\\d\\d', week: '-\\d\\d-\\d\\d', second: `-\\d\\d-\\d\\d${CLOCK}` }).map(
    ([unit, rest]) => [unit, new RegExp(`^${YEAR}${rest}$`)]
  )
)

/** Returns the pattern of the times of a step, such as '1949-01' for months. */
export function timeForm({ unit }: Pick<GridStep, 'unit'>): RegExp {
  if (unit === 'row') return /^\d{1,15}$/
  return FORMS[unit] ?? (unit === 'day' ? FORMS['week']! : FORMS['second']!)
}

/** Longest lengths of the units in milliseconds. */
const LONGEST = {
  year: 366 * DAY,
  month: 31 * DAY,
  week: 7 * DAY,
  day: DAY,
  hour: DAY / 24,
  minute: DAY / 1440,
  second: 1000
}
/** The last time of a grid: texts of later years have another form. */
const LAST_TIME = Date.UTC(9999, 11, 31)

/** Throws ERR_INVALID_ARGUMENT if `last` is not a time of the step, or times after it are later than the year 9999. */
function checkTimes(last: string, wall: number, step: GridStep, points: number): void {
  if (step.unit === 'row') return
  const end = wall + points * step.count * LONGEST[step.unit]
  if (timeForm(step).test(last) && end <= LAST_TIME) return
  const found = Number.isNaN(end) || end <= LAST_TIME ? show(last) : `${points} steps after ${last}`
  throw expected(
    'ERR_INVALID_ARGUMENT',
    `times of the unit ${step.unit} up to the year 9999`,
    found,
    'check the time and the step'
  )
}

/**
 * Returns the next `count` times after the last one of a series. `zone` is the zone that it was read with; without it the offset of the last time
 * stays. Throws ERR_INVALID_ARGUMENT for a count above 4,194,304, an unknown zone, a last time of another form than the
 * step has, and times after the year 9999.
 */
export function timesAfter(
  { times, step }: Pick<TimeSeries, 'times' | 'step'>,
  count: number,
  zone?: string
): string[] {
  const points = checkCount(count, 'the number of times') + 1
  const name = optional(string)(zone, 'zone')
  const last = times.at(-1)!
  if (step.unit === 'row') return gridTimes(Number(last) - 1, step, points).slice(1)
  const date = DateTime.fromISO(last, { zone: 'utc', setZone: true })
  const wall = date.toMillis() + date.offset * 60_000
  checkTimes(last, wall, step, points)
  const clock = name === undefined ? undefined : zoneClock(name)
  if (!/T.*[+-]\d\d:\d\d$/.test(last)) return gridTimes(wall, step, points).slice(1)
  const offset = (instant: number) => clock?.offset(instant) ?? date.offset * 60_000
  return gridTimes(date.toMillis(), step, points, offset).slice(1)
}
