// Ticks of axes with values and with times: round numbers, and beginnings of years, months, days or hours.

import { roundStep } from './axis.js'

/** Returns round numbers from `min` to `max`, at most `most` and evenly apart: multiples of 1, 2 or 5 times a power of ten. */
export function niceTicks(min: number, max: number, most: number): number[] {
  const size = (max - min) / Math.max(1, most - 1)
  if (!(size > 0) || !Number.isFinite(size)) return [min]
  const step = roundStep(size)
  const first = Math.ceil(min / step - 1e-9)
  const count = Math.floor(max / step + 1e-9) - first + 1
  // Sums of steps would gather rounding errors, which labels would show.
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** A place on an axis of times. */
export interface TimeTick {
  /** Index of the time. */
  readonly index: number
  readonly text: string
}

/** A way to cut times into parts: times of one part have one key. */
interface Cut {
  readonly key: (time: string) => string
  readonly text: (time: string) => string
}

const number = (text: string) => Number.parseInt(text, 10)

/** Cuts of dates from the finest to the coarsest. */
const dateCuts: readonly Cut[] = [
  ...[1, 5, 15, 30].map((minutes) => ({
    key: (time: string) => `${time.slice(0, 14)}${Math.floor(number(time.slice(14, 16)) / minutes)}`,
    text: (time: string) => time.slice(11, 16)
  })),
  ...[1, 3, 6, 12].map((hours) => ({
    key: (time: string) => `${time.slice(0, 11)}${Math.floor(number(time.slice(11, 13)) / hours)}`,
    text: (time: string) => `${time.slice(5, 10)} ${time.slice(11, 13)}:00`
  })),
  ...[1, 2, 5, 10].map((days) => ({
    key: (time: string) =>
      `${time.slice(0, 8)}${Math.min(Math.floor((number(time.slice(8, 10)) - 1) / days), Math.floor(30 / days) - 1)}`,
    text: (time: string) => time.slice(0, 10)
  })),
  ...[1, 3, 6].map((months) => ({
    key: (time: string) => `${time.slice(0, 5)}${Math.floor((number(time.slice(5, 7)) - 1) / months)}`,
    text: (time: string) => time.slice(0, 7)
  })),
  ...[1, 2, 5, 10, 20, 50, 100, 500].map((years) => ({
    key: (time: string) => String(Math.floor(number(time) / years)),
    text: (time: string) => time.slice(0, 4)
  }))
]

/** Cuts of numbers of rows. */
const rowCuts: readonly Cut[] = Array.from({ length: 22 }, (_, i) => {
  const step = [1, 2, 5][i % 3]! * 10 ** Math.floor(i / 3)
  return { key: (time: string) => String(Math.floor(number(time) / step)), text: (time: string) => time }
})

/** Returns the times at which the key of a cut changes. */
function changes(times: readonly string[], { key, text }: Cut): TimeTick[] {
  const ticks: TimeTick[] = []
  let last: string | undefined
  for (const [index, time] of times.entries()) {
    const own = key(time)
    if (last !== undefined && own !== last) ticks.push({ index, text: text(time) })
    last = own
  }
  return ticks
}

/**
 * Returns at most `most` ticks for times in ISO 8601 or numbers of rows, ascending: the beginnings of the finest parts that are few enough. Times
 * without such a beginning have the first one as the only tick.
 */
export function timeTicks(times: readonly string[], most: number): TimeTick[] {
  const cuts = times.every((time) => /^\d{1,9}$/.test(time)) ? rowCuts : dateCuts
  const found = cuts.map((cut) => changes(times, cut)).find((ticks) => ticks.length > 0 && ticks.length <= most)
  return found ?? times.slice(0, 1).map((text) => ({ index: 0, text }))
}
