// The task `text`: a model that learns to write like a text, symbol by symbol.

import type { TaskEntry } from '../task.js'
import { defineVerb } from '../verb.js'
import { inspectText } from './inspect.js'
import { textRunSettings } from './settings.js'
import { sampleRecords, textTraceRecords } from './use/use-records.js'
import { sampleSettings, textEvaluationSettings, textTraceSettings } from './use/use-settings.js'

const TRAINING_NOTES = `
Examples:
  gatecell train text shakespeare.txt --out shakespeare.safetensors
  gatecell train text src docs '**/*.md' --out code.safetensors --hidden 512 --time-limit 15m --log-dir logs
  cat *.txt | gatecell train text - --out m.safetensors --vocabulary byte --steps 2000 --json
  gatecell train text shakespeare.txt --out m.safetensors --vocabulary bpe --vocabulary-size 1024

Two files are written: the model to use (the weights that validated best), here m.safetensors, and the state of the training,
m.last.safetensors, from which the same command with --resume continues, bit for bit, also after a kill. Of a folder or pattern,
hidden files and folders (.git) and node_modules are left out; name them to read them. Symbols are characters, bytes, words or byte
pairs; words and byte pairs are learned from the text to train on, never from that which validates or tests.`

const SAMPLE_NOTES = `
Examples:
  gatecell sample shakespeare.safetensors --prompt 'ROMEO:' --length 500
  gatecell sample shakespeare.safetensors --temperature 0 --length 80 --json

The prompt is read into the state and written out, then --length symbols follow: characters, bytes, words or byte pairs, as the
model has them. The same seed gives the same text.`

const EVALUATION_NOTES = `
Examples:
  gatecell evaluate shakespeare.safetensors other.txt
  gatecell evaluate shakespeare.safetensors shakespeare.txt --part valid --json
  gatecell evaluate shakespeare.safetensors shakespeare.txt --part valid --weights int8

A text is read as one stream, its state carried from the first symbol to the last: the figure is exact. --part takes
the part that the training held back, cut by the same shares. With low-precision --weights the text is read twice, and their cost is printed.
Models over different symbols are compared by their bits a character, those over words with each other only: white space and the
spelling of unknown words cost them nothing.`

const TRACE_NOTES = `
Examples:
  gatecell trace shakespeare.safetensors text.txt

A text model is shown by its memory: mean forget gates, half-lives (a gate of 0.9 keeps 35 % after 10 steps, half after 6.6), and how
far back the gradient of a prediction reaches.`

const sample = defineVerb({
  name: 'sample',
  description: 'Writes with a trained text model.',
  words: [],
  settings: sampleSettings,
  records: sampleRecords,
  notes: SAMPLE_NOTES,
  code: async () => (await import('./use/sample.js')).sampleCode
})

const trace = defineVerb({
  name: 'trace',
  description: 'Shows how long a text model remembers.',
  words: ['data'],
  settings: textTraceSettings,
  records: textTraceRecords,
  notes: TRACE_NOTES,
  code: async () => (await import('./use/trace-file.js')).textTraceCode
})

/** The task of text models. */
export const textEntry: TaskEntry = {
  id: 'text',
  summary: 'learn to write like a text, symbol by symbol',
  description: 'Trains an LSTM network to predict the next symbol of a text.',
  takesValidFiles: true,
  data: ['<text...>', 'files, folders, patterns, or - for standard input; gzip is unpacked'],
  settings: textRunSettings,
  notes: TRAINING_NOTES,
  unit: 'symbols',
  counted: 'symbol',
  lossUnit: 'nats per symbol',
  measures: [
    { name: 'nats', unit: 'nats per symbol', better: 'lower' },
    { name: 'bits', unit: 'bits per symbol', better: 'lower' },
    { name: 'bits_per_character', unit: 'bits per character', better: 'lower' },
    { name: 'bits_per_byte', unit: 'bits per byte', better: 'lower' }
  ],
  verbs: [sample],
  next: 'sample MODEL --length 500',
  evaluation: { settings: textEvaluationSettings, notes: EVALUATION_NOTES },
  tracing: trace,
  model: async () => (await import('./model.js')).textTask,
  prepare: async (place, given, context) =>
    await (await import('./training/task-training.js')).prepareTextTask(place, given, context),
  evaluate: async (input, context) =>
    await (await import('./training/evaluate-file.js')).evaluateTextFile(input as never, context),
  inspect: inspectText
}
