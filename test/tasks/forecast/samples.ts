// A monthly series with growth, a season and noise, as values and as a CSV file.

import { createRandom } from '../../../src/random.js'
import { defaultsOf } from '../../../src/settings/index.js'
import type { ForecastConfig } from '../../../src/tasks/forecast/config.js'
import { factsOf } from '../../../src/tasks/forecast/facts.js'
import {
  forecastNetworkSettings,
  forecastTableSettings,
  forecastTrainingSettings
} from '../../../src/tasks/forecast/settings.js'

/** Returns the values of so many months. */
export function monthly(count: number, seed = 1): Float64Array {
  const random = createRandom(seed, 'months')
  return Float64Array.from({ length: count }, (_, t) => {
    const season = 0.2 * Math.sin((2 * Math.PI * t) / 12) + 0.1 * Math.cos((4 * Math.PI * t) / 12)
    return Math.round(100 * Math.exp(0.008 * t + season + 0.03 * (random.uniform() + random.uniform() - 1)))
  })
}

/** Returns the first day of month t. */
export function month(t: number): string {
  return `${2000 + Math.floor(t / 12)}-${String((t % 12) + 1).padStart(2, '0')}-01`
}

/** Returns a CSV file; NaN are empty cells. */
export function csvOf(columns: Readonly<Record<string, ArrayLike<number>>>): string {
  const names = Object.keys(columns)
  const length = columns[names[0]!]!.length
  const cell = (value: number) => (Number.isNaN(value) ? '' : String(value))
  const rows = Array.from({ length }, (_, t) => [month(t), ...names.map((name) => cell(columns[name]![t]!))].join(','))
  return ['date,' + names.join(','), ...rows].join('\n')
}

/** Returns the configuration of a model of 120 months of 'sales', of which it was trained on 96. */
export function forecastConfig(hidden: number): ForecastConfig {
  const values = monthly(120)
  const times = Array.from(values, (_, t) => month(t).slice(0, 7))
  const facts = factsOf({ name: 'sales', values, times, covariates: {} }, { season: 12, horizon: 3 }, 96)
  return {
    table: { ...defaultsOf(forecastTableSettings), target: 'sales', time: 'date' },
    network: { ...defaultsOf(forecastNetworkSettings), hidden, members: 1 },
    training: { ...defaultsOf(forecastTrainingSettings), validEvery: 8 },
    series: [facts],
    search: { epochs: 1, ratio: 1 },
    data: { train: 96, valid: 0, fingerprint: 0 }
  }
}
