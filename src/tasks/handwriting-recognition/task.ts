// The task `handwriting-recognition`: a network that reads ink.

import { INK_FORMATS } from '../ink/settings.js'
import type { TaskEntry } from '../task.js'
import { defineVerb } from '../verb.js'
import { readerTaskSettings } from './settings.js'
import { readerTraceRecords, readingRecords } from './use/use-records.js'
import { readerEvaluationSettings, readerTraceSettings, readingSettings } from './use/use-settings.js'

const TRAINING_NOTES = `${INK_FORMATS}

Examples:
  gatecell train handwriting-recognition words.ndjson.gz --out reader.safetensors
  gatecell train handwriting-recognition digits.ndjson --valid-where writer=26-30 --out digits.safetensors --hidden 64
  gatecell train handwriting-recognition train.unipen --valid-file valid.unipen --forward --out live.safetensors

Two files are written: the model to use (the weights that validated best), and the state of the training, from which the
same command with --resume continues, bit for bit, also after a kill.`

const READ_NOTES = `${INK_FORMATS}

Examples:
  gatecell read reader.safetensors note.ndjson
  gatecell read reader.safetensors note.inkml --beam 32 --lexicon words.txt --json
  gatecell read reader.safetensors note.ndjson --lm english.safetensors --best 3

With --json, nats is the negative log probability of a reading (as in evaluate, less is better); score is the log probability with
the scores of lexicon and language model (more is better).`

const EVALUATION_NOTES = `
Examples:
  gatecell evaluate reader.safetensors words.ndjson.gz --json
  gatecell evaluate digits.safetensors digits.unipen --where comment:2=26-30

Ink is read sample by sample: the share of symbols read wrong (cer), of samples read without an error (exact), and nats per sample.`

const TRACE_NOTES = `
Examples:
  gatecell trace reader.safetensors note.ndjson --svg trace.svg --moving-svg moving.svg
  gatecell trace reader.safetensors words.ndjson --sample 7 --layer l0_reverse --json

A reader is shown by four rows: the letters as they are recognised, the memory cells step by step, the pen, and the
gradient of each letter's output back to the points of the pen.`

const read = defineVerb({
  name: 'read',
  description: 'Reads ink with a trained reader.',
  words: ['ink'],
  settings: readingSettings,
  records: readingRecords,
  requires: { lm: ['lmWeight', 'insertion'] },
  notes: READ_NOTES,
  code: async () => (await import('./use/read.js')).readingCode
})

const trace = defineVerb({
  name: 'trace',
  description: 'Shows letters, memory cells, pen and gradient of a reader.',
  words: ['data'],
  settings: readerTraceSettings,
  records: readerTraceRecords,
  notes: TRACE_NOTES,
  code: async () => (await import('./use/trace-file.js')).readerTraceCode
})

/** The task of readers. */
export const recognitionEntry: TaskEntry = {
  id: 'handwriting-recognition',
  summary: 'learn to read handwriting from the movements of the pen',
  description: 'Trains LSTM layers with connectionist temporal classification to read ink.',
  takesValidFiles: true,
  data: ['<ink...>', 'files, folders, patterns, or - for standard input'],
  settings: readerTaskSettings,
  notes: TRAINING_NOTES,
  unit: 'points',
  counted: 'sample',
  lossUnit: 'nats per sample',
  measures: [
    { name: 'cer', unit: 'share', better: 'lower' },
    { name: 'exact', unit: 'share', better: 'higher' },
    { name: 'nats', unit: 'nats per sample', better: 'lower' }
  ],
  verbs: [read],
  next: 'read MODEL INK',
  evaluation: { settings: readerEvaluationSettings, notes: EVALUATION_NOTES },
  tracing: trace,
  model: async () => (await import('./model.js')).recognitionTask,
  prepare: async (place, given, context) =>
    await (await import('./training/task-training.js')).prepareReaderTask(place, given, context),
  evaluate: async (input, context) =>
    await (await import('./training/evaluate-file.js')).evaluateReaderFile(input as never, context)
}
