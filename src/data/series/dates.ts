// Dates of CSV files as numbers. Nothing is guessed: a date is ISO 8601 or one of a few forms that have one meaning only, or its format is given.

import { DateTime, FixedOffsetZone, IANAZone, type Zone } from 'luxon'
import { expected, show } from '../../errors.js'

const MINUTE = 60_000
/** Milliseconds of a day of 24 hours. */
export const DAY = 1440 * MINUTE

/** The last instant of a Date. */
const MAX_INSTANT = 8.64e15

/** A date that was read. */
export interface ReadDate {
  /** The local date and time as the number of milliseconds that UTC would have with the same date and time. */
  readonly wall: number
  /** Milliseconds since 1970 in UTC; NaN if the text has no offset. */
  readonly instant: number
}

/** Date, time, offset. Years have four digits, and a month without a day has a hyphen: 010203 is refused. */
const ISO = /^\d{4}(-\d\d|-?\d\d-?\d\d([T ]\d\d(:?\d\d(:?\d\d([.,]\d{1,9})?)?)? ?(Z|[+-]\d\d(:?\d\d)?)?)?)?$/i
const WEEK = /^\d{4}-?W\d\d(-?\d)?$/
const QUARTER = /^(\d{4})-?Q([1-4])$/i
/** Years first with other separators, and the date with dots, which begins with the day wherever it is used. */
const SLASHES = /^(\d{4})[/.](\d\d)[/.](\d\d)(?!\d)/
const DOTS = /^(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)/

/** Forms of dates that are read without a format, for messages. */
export const dateForms = '2024-03-31, 2024-03-31T18:00, 20240331, 2024-03 or 2024'

/** Returns a text in the spelling of ISO 8601, null if it is of another form. */
function isoOf(text: string): string | null {
  const quarter = QUARTER.exec(text)
  if (quarter) return `${quarter[1]}-${String(3 * Number(quarter[2]) - 2).padStart(2, '0')}`
  const two = (digits: string) => digits.padStart(2, '0')
  const iso = text
    .replace(SLASHES, '$1-$2-$3')
    .replace(DOTS, (_, day: string, month: string, year: string) => `${year}-${two(month)}-${two(day)}`)
  if (!ISO.test(iso) && !WEEK.test(iso)) return null
  // luxon wants a T and no blank before the offset.
  return iso.replace(/^(\S+) (?=\d)/, '$1T').replace(' ', '')
}

function readDate(date: DateTime, hasOffset: boolean): ReadDate | null {
  if (!date.isValid) return null
  const instant = date.toMillis()
  return { wall: instant + date.offset * MINUTE, instant: hasOffset ? instant : NaN }
}

/** Returns a reader of seconds or milliseconds since 1970, which luxon prints and does not parse. */
function unixReader(unit: number): (text: string) => ReadDate | null {
  return (text) => {
    const instant = /^-?\d{1,16}(\.\d{1,9})?$/.test(text) ? Math.round(Number(text) * unit) : NaN
    return Math.abs(instant) <= MAX_INSTANT ? { wall: instant, instant } : null
  }
}

/**
 * Returns a function that reads a date, which returns null for other texts. Without a format these are ISO 8601 (with a blank for the T, too),
 * YYYYMMDD, YYYY-MM, YYYY, YYYY/MM/DD, D.M.YYYY and YYYY-Q1; a format consists of luxon's tokens, or is X (seconds since 1970) or x (milliseconds).
 * Throws ERR_INVALID_ARGUMENT for a format without a year, because luxon would take the present one.
 */
export function dateReader(format?: string): (text: string) => ReadDate | null {
  const options = { zone: 'utc', setZone: true, locale: 'en' } as const
  if (format === undefined) {
    return (text) => {
      const iso = isoOf(text)
      return iso === null ? null : readDate(DateTime.fromISO(iso, options), /T.*(Z|[+-]\d\d(:?\d\d)?)$/i.test(iso))
    }
  }
  if (format === 'X' || format === 'x') return unixReader(format === 'X' ? 1000 : 1)
  const tokens = format.replace(/'[^']*'/g, '')
  if (!/[yDfF]|kk/.test(tokens)) {
    const what = 'a format with a year, such as dd/MM/yyyy,'
    throw expected('ERR_INVALID_ARGUMENT', `${what} as dateFormat`, show(format), "use luxon's tokens")
  }
  const parser = DateTime.buildFormatParser(format, options)
  const hasOffset = /[Zz]/.test(tokens)
  return (text) => readDate(DateTime.fromFormatParser(text, parser, options), hasOffset)
}

/** A time zone for calculations with milliseconds. */
export interface ZoneClock {
  /** Returns the offset from UTC at an instant, in milliseconds. */
  offset(instant: number): number
  /** Returns the instants that have a local time, in order: none in the hour that is left out in spring, two in the one that comes twice. */
  instants(wall: number): number[]
}

function zoneOf(name: string): Zone {
  if (IANAZone.isValidZone(name)) return IANAZone.create(name)
  const fixed = FixedOffsetZone.parseSpecifier(name)
  if (fixed) return fixed
  const what = 'a time zone such as Europe/Berlin or UTC+2 as zone'
  throw expected('ERR_INVALID_ARGUMENT', what, show(name), 'use a name of the IANA database')
}

/** Days whose offsets are kept. */
const MAX_DAYS = 2 ** 16

/** Returns the clock of a zone by its IANA name or as 'UTC+2'. Throws ERR_INVALID_ARGUMENT for other names. */
export function zoneClock(name: string): ZoneClock {
  const zone = zoneOf(name)
  // Most days have one offset, and a look-up takes microseconds.
  const days = new Map<number, number | null>()
  const of = (instant: number) => zone.offset(instant) * MINUTE
  const offset = (instant: number): number => {
    const day = Math.floor(instant / DAY)
    let known = days.get(day)
    if (known === undefined) {
      const [first, last] = [of(day * DAY), of((day + 1) * DAY - 1)]
      known = first === last ? first : null
      if (days.size >= MAX_DAYS) days.clear()
      days.set(day, known)
    }
    return known ?? of(instant)
  }
  return {
    offset,
    instants(wall) {
      const offsets = new Set([offset(wall - DAY), offset(wall + DAY)])
      return [...offsets]
        .map((one) => wall - one)
        .filter((instant) => offset(instant) === wall - instant)
        .sort((a, b) => a - b)
    }
  }
}
