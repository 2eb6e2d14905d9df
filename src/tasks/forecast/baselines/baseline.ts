// The interface of forecasts without a network, with which every measurement is compared, and the two simplest ones: the last value, and the value of
// one season before.

/** The season and the horizon of the forecasts, in steps. A season of 1 means no season. */
export interface BaselineShape {
  readonly season: number
  readonly horizon: number
}

/** A baseline that was fitted once, on the part to train on, and forecasts from any later point of the series. */
export interface FittedBaseline {
  /** The form that was chosen, in words, such as 'Holt-Winters, additive'; '' if there is only one. */
  readonly form: string
  /**
   * Returns the forecasts of values[origin], ..., values[origin + horizon - 1] for each origin from `first` to `last`, from the values before the
   * origin only. Values may be missing (NaN). `values` begins as the part to train on did.
   */
  forecasts(values: Float64Array, span: OriginSpan): Float64Array[]
}

/** The origins of forecasts and their horizon. */
export interface OriginSpan {
  readonly first: number
  /** At most the number of values: then the forecast continues the series. */
  readonly last: number
  readonly horizon: number
}

/** Returns the last origin of which the whole horizon is within `count` values, or `begin` if that is later. */
export function lastOrigin(count: number, { begin, horizon }: { begin: number; horizon: number }): number {
  return Math.max(begin, count - horizon)
}

/** Returns the forecasts, [horizon] each, that `make` writes to `out` for each origin from `first` to `last`. */
export function eachOrigin(
  { first, last, horizon }: OriginSpan,
  make: (origin: number, out: Float64Array) => void
): Float64Array[] {
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const out = new Float64Array(horizon)
    make(first + i, out)
    return out
  })
}

/** Returns the value at `index`, or the last one before it that is not missing, in steps of `stride`; NaN without any. */
function lastKnown(values: Float64Array, index: number, stride: number): number {
  for (let i = index; i >= 0; i -= stride) if (!Number.isNaN(values[i])) return values[i]!
  return NaN
}

/** Returns the baseline that repeats the last value. */
export function naive(): FittedBaseline {
  return {
    form: '',
    forecasts: (values, span) => eachOrigin(span, (origin, out) => out.fill(lastKnown(values, origin - 1, 1)))
  }
}

/** Returns the baseline that repeats the last season, and the last value where a phase has none. */
export function seasonalNaive(season: number): FittedBaseline {
  return {
    form: '',
    forecasts: (values, span) =>
      eachOrigin(span, (origin, out) => {
        for (let h = 0; h < out.length; h++) {
          const found = lastKnown(values, origin - season + (h % season), season)
          out[h] = Number.isNaN(found) ? lastKnown(values, origin - 1, 1) : found
        }
      })
  }
}
