// Records of the uses of a writer: writing.

import { field } from '../../../settings/index.js'
import { fileFields, type Records } from '../../verb.js'

/** Fields of ink that was written, which are also the content of its file. */
export const writtenFields = {
  strokes: field.list(
    field.list(field.list(field.number('x, y, and perhaps the time'), 'a point'), 'the points of a stroke'),
    'the ink in the units of the training data with y up, rounded to hundredths'
  ),
  text: field.optional(field.text('the text; absent for a drawing')),
  bias: field.number('bias towards the likely'),
  seed: field.integer('seed of the draws'),
  finished: field.boolean('whether the writing has come to its end')
}

/** Records of `write`. */
export const writeRecords = {
  file: fileFields,
  write: { ...writtenFields, seconds: field.number('duration', 'seconds') }
} satisfies Records
