// The network of the task: an ensemble of members with different initial weights. Each is an LSTM network over the inputs of a series
// (reader.ts) and a linear layer that gives the quantiles of all horizons at once (Wen et al. 2017, MQ-RNN) or the parameters of their distributions,
// in units of the deviations of the linear part's errors. Initially every member gives a normal distribution about the linear part: it learns a
// correction. The quantiles of a forecast are the means of the members' quantiles.

import { adjusted, zeros } from '../../graph/initializers.js'
import type { Tensor } from '../../graph/graph.js'
import { concat, reshape, sum, weightedMean } from '../../graph/ops/index.js'
import { dropout } from '../../layers/dropout.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { f32, modelDefinition } from '../../model.js'
import { configToJson } from '../../settings/index.js'
import { namesIn, type ForecastConfig } from './config.js'
import { LEVELS } from './levels.js'
import { outputOf } from './outputs.js'
import { inputCount, type ReaderShape } from './reader.js'
import { FORECAST_TASK } from './settings.js'

/** Returns the shape of the network's inputs. */
export function readerShape({ series, table }: Pick<ForecastConfig, 'series' | 'table'>): ReaderShape {
  const { known, observed } = table
  const horizon = Math.max(...series.map((one) => one.horizon))
  return { known: namesIn(known), observed: namesIn(observed), horizon }
}

/** Returns the definition of the network. */
export function forecastDefinition(config: Pick<ForecastConfig, 'network' | 'series' | 'table'>) {
  const { hidden, layers, members, dropout: p } = config.network
  const shape = readerShape(config)
  const { horizon } = shape
  const output = outputOf(config.network.output)
  const { start } = output
  const bias = adjusted(zeros, (values) => {
    for (let i = 0; i < values.length; i++) values[i] = start[i % start.length]!
  })
  return modelDefinition({
    name: FORECAST_TASK,
    config: configToJson(config),
    inputs: { x: f32('length', 'batch', inputCount(shape)) },
    targets: {
      values: f32('length', 'batch', horizon),
      means: f32('length', 'batch', horizon),
      weights: f32('length', 'batch', horizon),
      levels: f32(LEVELS.length)
    },
    forward({ x }) {
      const outputs = Array.from({ length: members }, (_, i) => {
        const input = dropout(x, { p: p / 2 })
        const { output: h } = lstm(input, {
          name: `member${i}`,
          hidden,
          layers,
          dropout: p,
          carry: true,
          forgetBias: 1
        })
        return linear(dropout(h, { p }), {
          name: `head${i}`,
          size: horizon * start.length,
          weight: zeros,
          biasStart: bias
        })
      })
      return { members: concat(outputs) }
    },
    loss({ members: all }, { values, means, weights, levels }) {
      const rows = values.shape[0]! * values.shape[1]!
      const of = (target: Tensor) => reshape(target, [rows, 1, horizon, 1])
      const numbers = reshape(all, [rows, members, horizon, start.length])
      const own = output.loss(numbers, { values: of(values), means: of(means), levels })
      return concat([weightedMean(own, reshape(weights, [rows, horizon])), sum(weights)])
    }
  })
}
