// The task `captions`: an encoder of images and an LSTM decoder that describes them.

import type { TaskEntry } from '../task.js'
import { defineVerb } from '../verb.js'
import { CAPTIONS_TASK, captionsRunSettings } from './settings.js'
import { captionRecords, captionSettings, captionsEvaluationSettings } from './use-settings.js'

const FILES = `
A file of captions has records such as {"file": "cat.png", "caption": "a cat", "split": "train"} on its lines (NDJSON), or in one JSON list; or it is
a caption file of COCO, or CSV with the columns file and caption, and perhaps split. Gzip is unpacked. A record may have a list "images", whose
images have the same caption, or a list "captions". Images are PNG, JPEG, WebP or AVIF, which the package sharp decodes (npm install sharp); or NPY or
safetensors files with ready features of another network, [places, numbers] or [rows, columns, numbers], one file for each image, or all in the
files after --features.`

const TRAINING_NOTES = `
Examples:
  gatecell train captions photos/captions.json --out photos.safetensors
  gatecell train captions captions.ndjson --images png/ --width 32 --height 32 --out emoji.safetensors
  gatecell train captions train.csv --valid-file valid.csv --encoder renet --out small.safetensors
  gatecell train captions captions.ndjson --features resnet.npy --feature-names names.txt --out described.safetensors
${FILES}
Records with a part ("split": train, valid or test) are divided by it; otherwise a checksum of the image decides whether it validates. Images are
decoded once, to the width and height of the network, and kept in memory with three bytes a pixel.`

const CAPTION_NOTES = `
Examples:
  gatecell caption photos.safetensors holiday.jpg
  gatecell caption photos.safetensors *.jpg --beam 5 --best 3
  gatecell caption photos.safetensors holiday.jpg --attention-out where.svg

The caption of an image is a line; with several images each line begins with the name of its image. A captioner of features takes NPY and safetensors
files in place of images, each with the features of one image or of several.`

const EVALUATION_NOTES = `
Examples:
  gatecell evaluate emoji.safetensors captions.ndjson --images png/
  gatecell evaluate photos.safetensors photos/captions.json --beam 3
${FILES}
Each image is captioned once and compared with all of its captions: BLEU of the orders 1 to 4 with the signature of sacreBLEU 2.6.0, CIDEr-D, whose
words are those of the program in lower case, and the share of captions that have the words of a caption of the image. Nats are those of all captions
of the images, their ends included.`

const caption = defineVerb({
  name: 'caption',
  description: 'Describes images with a trained captioner.',
  words: ['images'],
  settings: captionSettings,
  records: captionRecords,
  notes: CAPTION_NOTES,
  code: async () => (await import('./caption.js')).captionCode
})

/** The task of captioners. */
export const captionsEntry: TaskEntry = {
  id: CAPTIONS_TASK,
  summary: 'learn to describe images',
  description: 'Trains an encoder of images and an LSTM decoder with attention on images with captions.',
  data: ['<captions...>', 'files of captions: NDJSON, JSON, COCO or CSV'],
  takesValidFiles: true,
  settings: captionsRunSettings,
  notes: TRAINING_NOTES,
  unit: 'words',
  counted: 'image',
  lossUnit: 'nats per word',
  measures: [
    { name: 'bleu_4', unit: 'BLEU-4', better: 'higher' },
    { name: 'bleu_1', unit: 'BLEU-1', better: 'higher' },
    { name: 'bleu_2', unit: 'BLEU-2', better: 'higher' },
    { name: 'bleu_3', unit: 'BLEU-3', better: 'higher' },
    { name: 'cider_d', unit: 'CIDEr-D', better: 'higher' },
    { name: 'exact', unit: 'share', better: 'higher' },
    { name: 'nats_per_word', unit: 'nats', better: 'lower' },
    { name: 'nats_per_caption', unit: 'nats', better: 'lower' }
  ],
  verbs: [caption],
  next: 'caption MODEL image.jpg',
  evaluation: {
    settings: captionsEvaluationSettings,
    notes: EVALUATION_NOTES,
    words: [['<captions...>', 'files of captions: NDJSON, JSON, COCO or CSV']]
  },
  model: async () => (await import('./model.js')).captionsTask,
  prepare: async (place, given, context) =>
    await (await import('./task-training.js')).prepareCaptionsTask(place, given, context),
  evaluate: async (input, context) => await (await import('./evaluate.js')).evaluateCaptions(input as never, context)
}
