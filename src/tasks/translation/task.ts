// The task `translation`: an LSTM encoder of sentences and an LSTM decoder that writes them in another language.

import type { TaskEntry } from '../task.js'
import { defineVerb } from '../verb.js'
import { TRANSLATION_TASK, translationRunSettings } from './settings.js'
import { translateRecords, translateSettings, translationEvaluationSettings } from './use-settings.js'

const PAIRS = `
Pairs are the lines of TSV files, a sentence and its translation with a tab between them; or two files with a sentence a line, the sources first;
or, with --languages en,fr, prefixes of such files: corpus/train is corpus/train.en and corpus/train.fr. Gzip is unpacked.`

const TRAINING_NOTES = `
Examples:
  gatecell train translation pairs.tsv --out french.safetensors
  gatecell train translation corpus/train --languages en,fr --valid-file corpus/valid --out french.safetensors
  gatecell train translation pairs.tsv --columns 2,1 --attention none --out english.safetensors
${PAIRS}
A checksum of the source decides whether a pair validates, so that no source is in both parts.`

const TRANSLATE_NOTES = `
Examples:
  gatecell translate french.safetensors 'Where is the station?' --beam 5
  gatecell translate french.safetensors < english.txt > french.txt

Each line of standard input is a sentence, and gives a line; an empty one gives an empty one. A translation ends at the latest after twice the
symbols of its source and ten more.`

const EVALUATION_NOTES = `
Examples:
  gatecell evaluate french.safetensors test.tsv
  gatecell evaluate french.safetensors corpus/test --languages en,fr --beam 1 --min-words 10
${PAIRS}
Each different source is translated once and compared with all of its references: BLEU and chrF2 with the figures and the signature of sacreBLEU
2.6.0. Next to it is BLEU pair by pair, one reference at a time.`

const translate = defineVerb({
  name: 'translate',
  description: 'Translates sentences with a trained translator.',
  words: ['sentences'],
  settings: translateSettings,
  records: translateRecords,
  notes: TRANSLATE_NOTES,
  code: async () => (await import('./translate.js')).translateCode
})

/** The task of translators. */
export const translationEntry: TaskEntry = {
  id: TRANSLATION_TASK,
  summary: 'learn to translate sentences',
  description: 'Trains an LSTM encoder and an LSTM decoder with attention on pairs of sentences in two languages.',
  data: ['<pairs...>', 'TSV files, pairs of files, or prefixes of them; - is standard input'],
  takesValidFiles: true,
  settings: translationRunSettings,
  notes: TRAINING_NOTES,
  unit: 'symbols',
  counted: 'pair',
  lossUnit: 'nats per symbol',
  measures: [
    { name: 'bleu', unit: 'BLEU', better: 'higher' },
    { name: 'chrf', unit: 'chrF2', better: 'higher' },
    { name: 'bleu_by_pair', unit: 'BLEU', better: 'higher' },
    { name: 'exact', unit: 'share', better: 'higher' }
  ],
  verbs: [translate],
  next: "translate MODEL 'a sentence'",
  evaluation: {
    settings: translationEvaluationSettings,
    notes: EVALUATION_NOTES,
    words: [['<pairs...>', 'TSV files, pairs of files, or prefixes of them']]
  },
  model: async () => (await import('./model.js')).translationTask,
  prepare: async (place, given, context) =>
    await (await import('./task-training.js')).prepareTranslationTask(place, given, context),
  evaluate: async (input, context) => await (await import('./evaluate.js')).evaluateTranslation(input as never, context)
}
