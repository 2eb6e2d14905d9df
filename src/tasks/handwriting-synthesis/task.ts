// The task `handwriting-synthesis`: a network that writes by hand.

import { INK_FORMATS } from '../ink/settings.js'
import type { TaskEntry } from '../task.js'
import { defineVerb } from '../verb.js'
import { FORMER_SYNTHESIS_TASKS, SYNTHESIS_TASK } from './id.js'
import { writerTaskSettings } from './settings.js'
import { writeRecords } from './use/use-records.js'
import { writerEvaluationSettings, writeSettings } from './use/use-settings.js'

const TRAINING_NOTES = `${INK_FORMATS}

Examples:
  gatecell train handwriting-synthesis words.ndjson.gz --out writer.safetensors
  gatecell train handwriting-synthesis drawings.ndjson.gz --no-text --out kanji.safetensors --valid-file valid.ndjson.gz

If every sample has a text the network learns to write texts; otherwise, or with --no-text, it learns to draw.`

const WRITE_NOTES = `
Examples:
  gatecell write writer.safetensors 'hello' --bias 0.7 --svg out.svg
  gatecell write writer.safetensors 'hello' --prime mine.ndjson --save-style mine.json --moving-svg out.svg
  gatecell write writer.safetensors 'good day' --style mine.json --json

--prime shows the model a sample of a hand (its first one, with its text): what follows is written in that style. It can be
kept with --save-style and used again with --style. Symbols that the model cannot write are refused by name.`

const EVALUATION_NOTES = `
Examples:
  gatecell evaluate writer.safetensors valid.ndjson.gz --reader reader.safetensors --bias 1 --json

A writer is measured in nats per point, compared with a Gaussian and a mixture without a memory; with --reader it writes texts of the
ink, and cer and exact measure how they are read.`

const write = defineVerb({
  name: 'write',
  description: 'Writes by hand with a trained writer.',
  words: ['text'],
  settings: writeSettings,
  records: writeRecords,
  notes: WRITE_NOTES,
  code: async () => (await import('./use/write.js')).writeCode
})

/** The task of writers. */
export const synthesisEntry: TaskEntry = {
  id: SYNTHESIS_TASK,
  formerIds: FORMER_SYNTHESIS_TASKS,
  summary: 'learn to write by hand',
  description: 'Trains LSTM layers with a soft window over the text and a mixture density output to write by hand.',
  takesValidFiles: true,
  data: ['<ink...>', 'files, folders, patterns, or - for standard input'],
  settings: writerTaskSettings,
  notes: TRAINING_NOTES,
  unit: 'points',
  counted: 'sample',
  lossUnit: 'nats per point',
  measures: [
    { name: 'nats', unit: 'nats per point', better: 'lower' },
    { name: 'cer', unit: 'share', better: 'lower' },
    { name: 'exact', unit: 'share', better: 'higher' }
  ],
  verbs: [write],
  next: 'write MODEL --svg out.svg',
  evaluation: {
    settings: writerEvaluationSettings,
    requires: { reader: ['count', 'unseen', 'bias', 'seed'] },
    notes: EVALUATION_NOTES
  },
  model: async () => (await import('./model.js')).synthesisTask,
  prepare: async (place, given, context) =>
    await (await import('./training/task-training.js')).prepareWriterTask(place, given, context),
  evaluate: async (input, context) =>
    await (await import('./training/evaluate-file.js')).evaluateWriterFile(input as never, context)
}
