// The task `numbers`: a model that continues sequences of integers whose rule it finds in the terms.

import { defineTask, type LoadTask } from '../define-task.js'
import { defineVerb } from '../verb.js'
import { NUMBERS_TASK, numbersEvaluationSettings, numbersNetworkSettings, numbersTrainingSettings } from './settings.js'
import { continueRecords, continueSettings, numbersTraceRecords, numbersTraceSettings } from './use-settings.js'

type LoadNumbers = LoadTask<typeof numbersNetworkSettings>

const NOTES = `
Examples:
  gatecell train numbers --out numbers.safetensors
  gatecell train numbers --out small.safetensors --hidden 64 --steps 2000

There are no data files: sequences of seven families (arithmetic, geometric, alternating, quadratic, cubic, Fibonacci-like, two interleaved
ones) are made as they are needed. A checksum of a sequence's parameters decides whether it trains, validates or tests.`

const CONTINUE_NOTES = `
Examples:
  gatecell continue numbers.safetensors 6 7 8
  gatecell continue numbers.safetensors 2 4 8 --count 5
  gatecell continue numbers.safetensors -1 2 -3 4

The network reads the last six terms. After the sequence with the appended terms come the most probable next terms, then the terms after the
first, and the families that fit.`

const EVALUATION_NOTES = `
Examples:
  gatecell evaluate numbers.safetensors

A model of numbers is measured on 1,000 sequences whose parameters are in no training, and on 1,000 with parameters that are three to ten times
larger. All digits of the next term have to be right.`

const TRACE_NOTES = `
Examples:
  gatecell trace numbers.safetensors 6 7 8 / 2 4 8 --svg cells.svg

A model of numbers is shown by the memory cells of its encoder that differ most between the sequences, digit by digit.`

const continueVerb = (load: LoadNumbers) =>
  defineVerb({
    name: 'continue',
    description: 'Continues a sequence of integers with a trained model of numbers.',
    words: ['terms'],
    settings: continueSettings,
    records: continueRecords,
    notes: CONTINUE_NOTES,
    code: async () => (await import('./continue.js')).continueCode(load)
  })

const trace = (load: LoadNumbers) =>
  defineVerb({
    name: 'trace',
    description: 'Shows the memory cells that differ most between sequences of integers.',
    words: ['terms'],
    settings: numbersTraceSettings,
    records: numbersTraceRecords,
    notes: TRACE_NOTES,
    code: async () => (await import('./trace-file.js')).numbersTraceCode(load)
  })

/** The task of models of numbers. */
export const numbersEntry = defineTask({
  id: NUMBERS_TASK,
  summary: 'learn to continue sequences of integers',
  description:
    'Trains two LSTM networks to find the rule of a sequence of integers and to continue it, digit by digit.',
  unit: 'digits',
  counted: 'sequence',
  lossUnit: 'nats per digit, plus 0.1 of those of the family',
  measures: [
    { name: 'exact', unit: 'share', better: 'higher' },
    { name: 'exact_larger', unit: 'share', better: 'higher' }
  ],
  network: numbersNetworkSettings,
  training: numbersTrainingSettings,
  notes: NOTES,
  next: 'continue MODEL 2 4 8',
  verbs: (load) => [continueVerb(load)],
  evaluation: { settings: numbersEvaluationSettings, notes: EVALUATION_NOTES, words: [] },
  tracing: trace,
  code: async () => (await import('./code.js')).numbersCode
})
