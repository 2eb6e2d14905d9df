// Forecasts of time series.
import * as forecast from '../../src/tasks/forecast/index.js'
import { method, pure, type AnyRecipe } from './recipe.js'
import { copy, dispose, loadOptions, run, signal, training } from './recipes-runs.js'
import { forecastConfig, salesSeries } from './worlds.js'

const space = 'forecast'
const file = 'forecast.safetensors'

const forecastRun = () => ({
  out: 'run-forecast.safetensors',
  mode: 'force',
  checkpointEvery: 2,
  threads: 1,
  device: 'cpu',
  data: ['sales.csv'],
  table: { target: 'sales', time: 'date', season: '12', horizon: '3', holdout: 0.2 },
  network: { output: 'quantiles', hidden: 4, layers: 1, members: 1, dropout: 0.1 },
  training: { ...training, epochs: 1, steps: undefined, average: 0.9 },
  signal: signal(),
  onSearch: () => {}
})

const load = () => forecast.loadForecaster(file)
const begin = async () => (await load()).session(salesSeries())
const session = (name: keyof forecast.ForecastSession & string, args: unknown[], more: Partial<AnyRecipe> = {}) =>
  method('ForecastSession', name, begin, () => args, { cost: 20, dispose, ...more })

export const forecastRecipes: AnyRecipe[] = [
  pure(
    `${space}.createSeries`,
    forecast.createSeries,
    () => [
      [1, NaN, 3],
      {
        name: 'a',
        start: '2024-03-31T01:30:00+01:00',
        step: { unit: 'hour', count: 1 },
        covariates: { price: [1, 2, 3, 4] },
        zone: 'Europe/Berlin'
      }
    ],
    { accepts: ['0.1=NaN', '0.2=NaN', ...[0, 1, 2, 3].map((at) => `1.covariates.price.${at}=NaN`)] }
  ),
  pure(`${space}.readSeries`, forecast.readSeries, () => [
    'sales.csv',
    { target: ['sales'], time: 'date', delimiter: ',', decimal: '.', constant: 'allow', wide: false, signal: signal() }
  ]),
  pure(`${space}.forecastConfigFromJson`, forecast.forecastConfigFromJson, () => [copy(forecastConfig(4)), 'a file']),
  pure(`${space}.loadForecaster`, forecast.loadForecaster, () => [file, loadOptions()], {
    cost: 30,
    returns: 'LoadedForecaster'
  }),
  method('LoadedForecaster', 'read', load, () => [['sales.csv'], { signal: signal() }], {
    cost: 20,
    dispose,
    pure: true
  }),
  method('LoadedForecaster', 'forecast', load, () => [salesSeries(), { signal: signal(), samples: 3, seed: 1 }], {
    cost: 20,
    dispose,
    pure: true
  }),
  method('LoadedForecaster', 'anomalies', load, () => [salesSeries(), { threshold: 3, signal: signal() }], {
    cost: 20,
    dispose,
    pure: true
  }),
  method('LoadedForecaster', 'session', load, () => [salesSeries()], {
    cost: 20,
    dispose,
    pure: true,
    returns: 'ForecastSession',
    digest: (_, made) => (made as forecast.ForecastSession).forecast.median[0]
  }),
  method('LoadedForecaster', 'dispose', load, () => [], { cost: 30 }),
  session('update', [120, { price: 3 }], { digest: () => '', accepts: ['0=NaN'] }),
  session('score', [120], { pure: true }),
  session('draw', [{ count: 3, seed: 1 }], { pure: true }),
  session('save', [], { pure: true }),
  method<forecast.ForecastSession>('ForecastSession', 'restore', begin, (made) => [made.save()], { cost: 20, dispose }),
  session('dispose', []),
  ...run(space, 'prepareForecastRun', forecast.prepareForecastRun, forecastRun)
]
