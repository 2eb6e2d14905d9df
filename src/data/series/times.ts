// Times of a grid as texts in ISO 8601, of its points and of those after it.

import { DateTime } from 'luxon'
import { integer, optional, string } from '../../check/index.js'
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

/** Returns the year and, if `day` or `month`, the rest of a date. */
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

/**
 * Returns the next `count` times after the last one of a series. `zone` is the zone that it was read with; without it the offset of the last time
 * stays. Throws ERR_INVALID_ARGUMENT for a count above 4,194,304 or an unknown zone.
 */
export function timesAfter({ times, step }: TimeSeries, count: number, zone?: string): string[] {
  const points = checkCount(count, 'the number of times') + 1
  const name = optional(string)(zone, 'zone')
  const last = times.at(-1)!
  if (step.unit === 'row') return gridTimes(Number(last) - 1, step, points).slice(1)
  const date = DateTime.fromISO(last, { zone: 'utc', setZone: true })
  const wall = date.toMillis() + date.offset * 60_000
  const clock = name === undefined ? undefined : zoneClock(name)
  if (!/T.*[+-]\d\d:\d\d$/.test(last)) return gridTimes(wall, step, points).slice(1)
  const offset = (instant: number) => clock?.offset(instant) ?? date.offset * 60_000
  return gridTimes(date.toMillis(), step, points, offset).slice(1)
}
