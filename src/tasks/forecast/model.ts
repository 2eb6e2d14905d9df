// The network of the application: members with different first weights, each an LSTM network over the inputs of a series (reader.ts) and a linear
// layer that gives the quantiles of all horizons at once (Wen et al. 2017, MQ-RNN), in deviations of the linear part's errors. At first every
// member gives the quantiles of the normal distribution: it learns a correction of the linear part. A forecast is the mean of the members'.

import { adjusted, zeros } from '../../graph/initializers.js'
import type { Tensor } from '../../graph/graph.js'
import { map, mean, reshape, weightedMean, sum, concat } from '../../graph/ops/index.js'
import { dropout } from '../../layers/dropout.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { f32, modelDefinition } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import { namesIn, type ForecastConfig } from './config.js'
import { LEVELS, NORMAL_LEVELS } from './levels.js'
import { inputCount, type ReaderShape } from './reader.js'
import { FORECAST_TASK } from './settings.js'

/** Returns the shape of the network's inputs. */
export function readerShape({ series, data }: Pick<ForecastConfig, 'series' | 'data'>): ReaderShape {
  const { known, observed } = data
  const horizon = Math.max(...series.map((one) => one.horizon))
  return { known: namesIn(known), observed: namesIn(observed), horizon }
}

/** Starts a bias at the quantiles of the normal distribution. */
const normalBias = adjusted(zeros, (values) => {
  for (let i = 0; i < values.length; i++) values[i] = NORMAL_LEVELS[i % NORMAL_LEVELS.length]!
})

/** Returns the definition of the network. */
export function forecastDefinition(config: Pick<ForecastConfig, 'network' | 'series' | 'data'>) {
  const { hidden, layers, members, dropout: p } = config.network
  const shape = readerShape(config)
  const { horizon } = shape
  const size = horizon * LEVELS.length
  return modelDefinition({
    name: FORECAST_TASK,
    config: configToJson(config),
    inputs: { x: f32('length', 'batch', inputCount(shape)) },
    targets: {
      errors: f32('length', 'batch', horizon),
      weights: f32('length', 'batch', horizon),
      levels: f32(LEVELS.length)
    },
    forward({ x }) {
      const outputs = Array.from({ length: members }, (_, i) => {
        const input = dropout(x, { p: p / 2 })
        const { output } = lstm(input, { name: `member${i}`, hidden, layers, dropout: p, carry: true, forgetBias: 1 })
        return linear(dropout(output, { p }), { name: `quantiles${i}`, size, weight: zeros, biasStart: normalBias })
      })
      return { members: concat(outputs) }
    },
    loss: ({ members: all }, { errors, weights, levels }) => pinball(all!, errors, weights, levels)
  })
}

/** Returns the pinball loss (Koenker and Bassett 1978) of each member's quantiles, weighted, with the sum of the weights. */
function pinball(all: Tensor, errors: Tensor, weights: Tensor, levels: Tensor): Tensor {
  const [length, batch, horizon] = errors.shape as [number, number, number]
  const members = all.shape[2]! / (horizon * LEVELS.length)
  const rows = length * batch
  const predicted = reshape(all, [rows, members, horizon, LEVELS.length])
  const actual = reshape(errors, [rows, 1, horizon, 1])
  const losses = map([predicted, actual, levels], (quantile, value, level) => {
    const miss = value.sub(quantile)
    return miss.mul(level).add(miss.neg().max(0))
  })
  const own = mean(losses, [1, 3])
  return concat([weightedMean(own, reshape(weights, [rows, horizon])), sum(weights)])
}
