// Time series on a grid: values at equal steps of time, with those that are missing marked, and covariates on the same grid.

/** Distance between two points of a grid: `count` times `unit`. The unit 'row' is for files without times. */
export interface GridStep {
  unit: 'year' | 'month' | 'week' | 'day' | 'hour' | 'minute' | 'second' | 'row'
  /** Positive; an integer for all units but 'second'. */
  count: number
}

/** The values of one target in one group of rows. */
export interface TimeSeries {
  /** Group and target: 'passengers' or '3: sales'. */
  readonly name: string
  /** Values of the series columns in the rows of this series, joined by ', '; '' if the whole file is one series. */
  readonly group: string
  /** The column with the values. */
  readonly target: string
  readonly step: GridStep
  /**
   * Times in ISO 8601, local to the zone, one for each point of the grid, so as many as `values`: '1871' for years, '1949-01' for months,
   * '1958-03-29' for weeks and days, '2024-03-31T03:00:00+02:00' for shorter steps (the offset only if it is given), and the number of the row, from
   * '1', without times.
   */
  readonly times: readonly string[]
  /** NaN: missing. The first one is not missing. */
  readonly values: Float64Array
  /** Columns by name, on the same grid. Those that are known ahead may be longer than `values`, the others have its length. NaN: missing. */
  readonly covariates: Readonly<Record<string, Float64Array>>
  /** The number of missing values: grid points without a row, and rows without a value. */
  readonly missing: number
}

/** Steps of the next larger cycle, for one unit of the grid. */
const CYCLES: Readonly<Partial<Record<GridStep['unit'], number>>> = { month: 12, week: 52, day: 7, hour: 24 }

/**
 * Returns the length of a season in steps: 12 for months, 52 for weeks, 7 for days, 24 for hours, and 1, no season, for all other units.
 * A step of several units has a season of as many steps as fit exactly: 4 for quarters. Other seasons are for the user to name.
 */
export function seasonOf({ unit, count }: GridStep): number {
  const steps = (CYCLES[unit] ?? 1) / count
  return steps >= 1 && Number.isInteger(steps) ? steps : 1
}
