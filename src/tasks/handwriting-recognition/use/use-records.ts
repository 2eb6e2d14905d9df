// Records of the uses of a reader: tracing, reading.

import { field, type Group } from '../../../settings/index.js'
import { leftOutFields } from '../../left-out.js'
import { fileFields, type Records } from '../../verb.js'

/** Records of `read`: one for each sample, after those about what was left out. */
export const readingRecords = {
  left_out: leftOutFields,
  omitted_words: {
    words: field.integer('words of the lexicon with symbols that the model does not read'),
    examples: field.list(field.text('a word'), 'the first of them, at most 100')
  },
  read: {
    source: field.text('file and number of the sample'),
    text: field.orNull(field.text('the best reading; null: there is none')),
    truth: field.orNull(field.text('the text of the sample; null: it has none')),
    nats: field.orNull(field.number('negative log probability of the best reading', 'nats')),
    points: field.integer('points of the sample'),
    readings: field.list(
      {
        text: field.text('the text'),
        nats: field.number('negative log probability under the network', 'nats'),
        score: field.number('log probability with the scores of lexicon and text model', 'nats')
      },
      'the readings, best first'
    ),
    seconds: field.number('duration', 'seconds')
  }
} satisfies Records

const step = field.number('a step')

/** Fields of a trace. */
export const inkTraceFields = {
  text: field.text('the reading of the best path'),
  truth: field.orNull(field.text('the text of the sample; null: it has none')),
  points: field.list(
    {
      x: field.number('place in normalised coordinates'),
      y: field.number('place in normalised coordinates'),
      stroke: field.integer('index of the stroke')
    },
    'the points that the network read, one for each step'
  ),
  letters: field.list(
    {
      symbol: field.text('the letter'),
      step: field.integer('the step at which the best path first emits it'),
      probability: field.number('its probability at this step'),
      gradient: field.list(step, 'norm of its gradient with respect to each point')
    },
    'the letters of the best path, at most 64'
  ),
  probabilities: field.map(
    field.list(step, 'probability at each step'),
    'the probabilities of each symbol that is read, and of the blank under the name ""'
  ),
  layers: field.list(
    {
      name: field.text('name of the layer'),
      cells: field.list(field.list(step, 'state of a cell at each step'), 'the memory cells'),
      forget: field.list(field.number('a unit'), 'mean forget gate of each unit')
    },
    'the LSTM layers, from the input to the output'
  )
} satisfies Group

/** Records of `trace`. */
export const readerTraceRecords = {
  left_out: leftOutFields,
  file: fileFields,
  trace: { task: field.text('the task'), ...inkTraceFields }
} satisfies Records
