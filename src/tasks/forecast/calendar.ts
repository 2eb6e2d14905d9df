// The place of a value in its season, from its date: the calendar of training and use is the same, whatever part of a series a file has.

import type { GridStep, TimeSeries } from '../../data/series/series.js'

/** The grid of a series. */
export type CalendarSeries = Pick<TimeSeries, 'step' | 'times'>

/** Weeks of a year: its 365.2425 days have more than 52. */
const WEEKS_PER_YEAR = 52.1775
const DAYS_PER_YEAR = 365.2425
const MS_PER_DAY = 86_400_000

/** Returns the share of a season that a step is. A season of 52 weeks, or of 365 or 366 days, is a year, which has a little more of them. */
export function seasonsPerStep({ step: { unit, count } }: CalendarSeries, season: number): number {
  if (unit === 'week' && season * count === 52) return count / WEEKS_PER_YEAR
  if (unit === 'day' && (season * count === 365 || season * count === 366)) return count / DAYS_PER_YEAR
  return 1 / season
}

/** Returns the place of the first value of a series in its season, from 0 to 1. */
export function phaseOf({ step, times }: CalendarSeries, season: number): number {
  const time = times[0] ?? ''
  const place = placeOf(time, step, season)
  return place - Math.floor(place)
}

function placeOf(time: string, { unit, count }: GridStep, season: number): number {
  const [year = 0, month = 1, day = 1] = time.split(/[-T]/).map(Number)
  if (unit === 'year' || unit === 'row') return year / count / season
  if (unit === 'month') return (12 * year + month - 1) / count / season
  const date = Date.UTC(year, month - 1, day)
  if ((unit === 'week' && season * count === 52) || (unit === 'day' && season * count >= 365))
    return (date - Date.UTC(year, 0, 1)) / (DAYS_PER_YEAR * MS_PER_DAY)
  const [hour = 0, minute = 0, second = 0] = (/T(\d+):(\d+):(\d+)/.exec(time) ?? []).slice(1).map(Number)
  const seconds = date / 1000 + 3600 * hour + 60 * minute + second
  const steps: Readonly<Record<string, number>> = { week: 604_800, day: 86_400, hour: 3600, minute: 60, second: 1 }
  return seconds / (steps[unit]! * count) / season
}
