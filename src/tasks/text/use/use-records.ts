// Records of the uses of a text model: tracing, sampling.

import { field } from '../../../settings/index.js'
import { pieceFields, type Records } from '../../verb.js'

/** Records of `sample`. */
export const sampleRecords = {
  piece: pieceFields,
  sample: {
    task: field.text('task in the file of the model'),
    prompt: field.text('the text that was continued; empty for a new line'),
    text: field.optional(field.text('the symbols that were drawn; absent if they came in pieces')),
    length: field.integer('number of symbols that were drawn'),
    seed: field.integer('seed of the draws'),
    temperature: field.number('divisor of the logits'),
    top_k: field.integer('number of symbols to draw from; 0: all'),
    top_p: field.number('sum of the probabilities of the symbols to draw from'),
    seconds: field.number('duration', 'seconds'),
    tokens_per_second: field.integer('symbols in a second')
  }
} satisfies Records

const layer = {
  name: field.text('name of the layer'),
  forget: field.list(field.number('mean forget gate of a unit'), 'in increasing order'),
  meanForget: field.number('mean forget gate of all units'),
  halfLife: {
    median: field.orNull(field.number('median over the units; null: infinite', 'steps')),
    p90: field.orNull(field.number('one unit in ten has a longer one', 'steps')),
    longest: field.orNull(field.number('the longest one', 'steps'))
  },
  keptAfter10: field.number('share of a cell that is left after 10 steps'),
  keptAfter100: field.number('share of a cell that is left after 100 steps')
}

/** Records of `trace`. */
export const textTraceRecords = {
  trace: {
    task: field.text('the task'),
    layers: field.list(layer, 'the LSTM layers, from the input to the output'),
    reach: field.list(
      field.number('share of the largest norm'),
      'mean norm of the gradient of a prediction with respect to the inputs, for each lag from 0 on'
    ),
    reachSteps: field.integer('lags that contain all but less than a hundredth of the sum of the norms'),
    symbols: field.integer('symbols that were read')
  }
} satisfies Records
