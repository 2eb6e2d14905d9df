// The step of a grid from the times of a file's rows: the median distance between neighbours, as a number of calendar units or of seconds.

import type { GridStep } from './series.js'
import { DAY } from './dates.js'

const UNITS: readonly (readonly [unit: GridStep['unit'], milliseconds: number])[] = [
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000]
]
/** Share of the step by which the median may differ from a whole number of a unit. */
const SNAP = 0.01

/** Returns the median of some numbers, the lower one of two, and NaN without any. Sorts `values`. */
function medianOf(values: Float64Array): number {
  return values.sort()[(values.length - 1) >> 1] ?? NaN
}

/** Returns the median distance of neighbours within `lists`, by size; equal neighbours do not count. NaN without neighbours. */
export function medianDistance(lists: readonly Float64Array[]): number {
  const distances = new Float64Array(lists.reduce((sum, one) => sum + Math.max(0, one.length - 1), 0))
  let count = 0
  for (const list of lists) {
    for (let i = 1; i < list.length; i++) {
      const distance = Math.abs(list[i]! - list[i - 1]!)
      if (distance > 0) distances[count++] = distance
    }
  }
  return medianOf(distances.subarray(0, count))
}

/** Returns the number of months from the beginning of year 0 to a local time. */
export function monthOf(wall: number): number {
  const date = new Date(wall)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

/** Returns the number of days from 1970 to a local time. */
export function dayOf(wall: number): number {
  return Math.floor(wall / DAY)
}

/** Returns whether all rows are on the same day of their month, or all on the last one. */
function sameDay(walls: readonly Float64Array[]): boolean {
  let [first, same, last] = [0, true, true]
  for (const list of walls) {
    for (const wall of list) {
      const day = new Date(wall).getUTCDate()
      first ||= day
      same &&= day === first
      last &&= new Date(wall + DAY).getUTCDate() === 1
      if (!same && !last) return false
    }
  }
  return true
}

/**
 * Returns the step of rows that are a day or more apart, by their local times. Steps of 28 days and more are months (or years, if the
 * number of months divides by 12), unless all distances are multiples of the median; then they are weeks or days.
 */
export function calendarStep(walls: readonly Float64Array[]): GridStep {
  const days = walls.map((list) => list.map(dayOf))
  const median = medianDistance(days)
  const even = days.every((list) => list.every((day, i) => i === 0 || (day - list[i - 1]!) % median === 0))
  if (median >= 28 && (sameDay(walls) || !even)) {
    const months = Math.max(1, medianDistance(walls.map((list) => list.map(monthOf))) || 1)
    return months % 12 === 0 ? { unit: 'year', count: months / 12 } : { unit: 'month', count: months }
  }
  return median % 7 === 0 ? { unit: 'week', count: median / 7 } : { unit: 'day', count: median }
}

/** Returns the step of rows that are less than a day apart, by their instants. */
export function clockStep(instants: readonly Float64Array[]): GridStep {
  const median = medianDistance(instants)
  for (const [unit, milliseconds] of UNITS) {
    const count = Math.round(median / milliseconds)
    if (count > 0 && Math.abs(median - count * milliseconds) <= SNAP * Math.min(median, milliseconds))
      return { unit, count }
  }
  return { unit: 'second', count: median / 1000 }
}

/** Returns the milliseconds of a step of hours, minutes or seconds. */
export function millisecondsOf({ unit, count }: GridStep): number {
  return count * UNITS.find(([name]) => name === unit)![1]
}
