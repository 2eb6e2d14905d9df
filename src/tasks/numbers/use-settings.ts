// Settings and records of the uses of a model of numbers: continuing, tracing.

import { field, setting, type Group } from '../../settings/index.js'
import { deviceSettings } from '../runs/settings.js'
import { fileFields, type Records } from '../verb.js'

/** Declarations of the settings of a continuation. */
export const continuationSettings = {
  count: setting.integer({ min: 1, max: 100, default: 3, help: 'terms to append, each the most probable one' }),
  choices: setting.integer({ min: 1, max: 10, default: 3, help: 'most probable next terms to print' })
} satisfies Group

/** Declarations of the settings of `continue`. */
export const continueSettings = {
  terms: setting.texts({ flag: null, help: 'the terms so far: at least two integers, of which the last six are read' }),
  ...continuationSettings,
  ...deviceSettings
} satisfies Group

const term = {
  term: field.text('an integer in decimal'),
  probability: field.number('its probability')
} satisfies Group

/** Records of `continue`. */
export const continueRecords = {
  continue: {
    terms: field.list(field.text('an integer in decimal'), 'the terms so far'),
    next: field.list(term, 'the most probable next terms, the best one first'),
    then: field.list(term, 'the appended terms, each with its probability after the ones before'),
    families: field.map(field.number('a probability'), 'probabilities of the families by name, the best one first')
  }
} satisfies Records

/** Declarations of the settings of a trace. */
export const numbersTraceSettings = {
  terms: setting.texts({ flag: null, help: 'two or more sequences with a slash between them' }),
  cells: setting.integer({ min: 1, max: 64, default: 8, help: 'cells to show, those that differ most' }),
  svg: setting.product({ mediaType: 'image/svg+xml', help: 'the cells as a picture' })
} satisfies Group

/** Records of a trace. */
export const numbersTraceRecords = {
  file: fileFields,
  trace: {
    task: field.text('the task'),
    sequences: field.list(
      {
        terms: field.list(field.text('an integer in decimal'), 'the terms'),
        next: field.text('the most probable next term'),
        probability: field.number('its probability'),
        family: field.text('the most probable family')
      },
      'the sequences'
    ),
    units: field.integer('units of the encoder'),
    cells: field.list(
      {
        unit: field.integer('number of the unit'),
        difference: field.number('difference of its last values on the sequences'),
        values: field.list(
          field.list(field.number('tanh of the cell'), 'after each digit'),
          'values on each context, least significant digit first'
        )
      },
      'memory cells of the encoder, those that differ most first'
    )
  }
} satisfies Records
