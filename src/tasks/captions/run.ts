// A training of a captioner from files to files: its images, words, batches and measure.

import {
  callback,
  choice,
  filled,
  integer,
  list,
  object,
  optional,
  signal as signalOf,
  string
} from '../../check/index.js'
import { visionScales, type VisionChoice } from '../../data/features/vision.js'
import { expected } from '../../errors.js'
import { defaultsOf, givenFields, withDefaults, type Given } from '../../settings/index.js'
import { checkSameData } from '../runs/fingerprint.js'
import { prepareRun } from '../runs/run.js'
import { runFields } from '../runs/run-types.js'
import type { TrainableTask, Opened, RunData, RunOf, TrainingRunOptions } from '../runs/run-types.js'
import { checkResumed, chooseTraining, given, settleTraining } from '../runs/settings.js'
import { captionBatches } from './batches.js'
import type { CaptionsConfig } from './config.js'
import {
  captionsFingerprint,
  readCaptionSets,
  captionSamples,
  type CaptionImage,
  type CaptionReading,
  type CaptionSample,
  type CaptionSets
} from './data.js'
import { loadCaptioner } from './load.js'
import { measureCaptioner, type CaptionMeasure } from './measure.js'
import { captionsTask, imageSizeOf, placesOf } from './model.js'
import {
  captionSetSettings,
  captionsNetworkSettings,
  captionsTrainingSettings,
  imageSettings,
  wordSettings,
  type CaptionsTraining
} from './settings.js'
import { visionOfReading } from './vision.js'
import { captionEnds, captionWordsOf, learnWords, type CaptionWords } from './words.js'

const runGroup = {
  image: imageSettings,
  network: captionsNetworkSettings,
  words: wordSettings,
  sets: captionSetSettings,
  training: captionsTrainingSettings
}

/** Options of a training of a captioner. Settings that are not given have the defaults of the task. */
export interface CaptionsRunOptions extends TrainingRunOptions, Given<typeof runGroup> {
  /** Names of files of captions. */
  readonly data: readonly string[]
  /** Names of files of captions that validate instead of a share of the images. */
  readonly validFiles?: readonly string[]
  /** Options for reading the captions. */
  readonly read?: CaptionReading
}

/** Data of a training of a captioner. */
export interface CaptionsRunData extends RunData {
  readonly words: CaptionWords
  readonly images: CaptionSets
  readonly samples: CaptionSets<CaptionSample>
}

/** A training of a captioner that is ready to start. */
export type CaptionsRun = RunOf<CaptionsConfig, CaptionsRunData, CaptionMeasure>

/** Most images that the last measurement captions. */
const MEASURED_IMAGES = 1000

/** Merges the settings of a run by precedence: the caller's options, the resumed run's settings, the defaults. */
function chooseSettings(options: CaptionsRunOptions, old: CaptionsConfig | null) {
  const asked = {
    image: given(options.image),
    network: given(options.network),
    sets: given(options.sets),
    training: given(options.training)
  }
  if (old) checkResumed(asked, old)
  const valid = (options.validFiles?.length ?? 0) > 0 ? { valid: 0 } : {}
  return {
    image: withDefaults(imageSettings, { ...old?.image, ...asked.image }),
    network: withDefaults(captionsNetworkSettings, { ...old?.network, ...asked.network }),
    sets: withDefaults(captionSetSettings, { ...valid, ...old?.sets, ...asked.sets }),
    training: chooseTraining<CaptionsTraining>(asked.training, old?.training, defaultsOf(captionsTrainingSettings))
  }
}

/** Returns the words that a run learns from its captions, or those with which it began. */
function wordsOfRun(options: CaptionsRunOptions, old: CaptionsConfig | null, images: readonly CaptionImage[]) {
  if (old) return captionWordsOf(old.words)
  const chosen = withDefaults(wordSettings, given(options.words))
  return captionWordsOf(
    learnWords(
      images.flatMap(({ captions }) => captions),
      chosen
    )
  )
}

async function open(
  options: CaptionsRunOptions,
  old: CaptionsConfig | null
): Promise<Opened<CaptionsConfig, CaptionsRunData>> {
  const { training, ...chosen } = chooseSettings(options, old)
  const { image, sets } = chosen
  const reading = options.read ?? {}
  const vision = await visionOfReading(reading, old ? (old.vision ?? null) : undefined)
  const form = { image, features: old ? (old.features ?? null) : undefined, vision }
  const { sets: images, features } = await readCaptionSets(options, form, sets.valid, reading).finally(() => vision?.close()) // prettier-ignore
  if (images.train.length === 0) throw noImages(options.data)
  if (features) refusePixelSettings(options, vision !== null)
  const settings = { ...chosen, ...(features && { features }), ...(vision && { vision: choiceOf(vision) }) }
  const words = wordsOfRun(options, old, images.train)
  const own = (part: 'train' | 'valid') => captionSamples(images[part], words, sets, reading)
  const samples = { train: own('train'), valid: own('valid') }
  if (samples.train.length === 0) throw noImages(options.data)
  const data = captionsFingerprint(samples)
  checkSameData(old?.data, data, {
    data: 'the captions',
    counted: 'captions',
    found: `other captions (${data.train} and ${data.valid})`,
    cut: 'share that validates'
  })
  const { rows, columns } = placesOf(settings)
  const { vocabulary } = words
  const shared = {
    batch: training.batch,
    size: imageSizeOf(settings),
    places: rows * columns,
    ends: captionEnds(words.config)
  }
  const source = captionBatches(samples.train, { ...shared, training })
  return {
    config: {
      ...settings,
      words: words.config,
      training: settleTraining<CaptionsTraining>(training, source.stepsPerEpoch),
      data
    },
    data: { vocabulary, words, images, samples },
    source,
    validation: samples.valid.length > 0 ? captionBatches(samples.valid, { ...shared, training: null }) : null,
    counts: { captions: { train: samples.train.length, valid: samples.valid.length } },
    measured: Math.min(MEASURED_IMAGES, images.valid.length)
  }
}

/** The settings that have no effect on ready features. */
const PIXEL_SETTINGS = {
  image: ['width', 'height', 'fit'],
  network: ['encoder', 'channels', 'halving', 'norm', 'patch'],
  training: ['shift', 'brightness', 'mirror']
} as const

/** Throws ERR_INVALID_OPTION if a caller gives settings of pixels for a network that reads features. */
function refusePixelSettings(options: CaptionsRunOptions, areSeen: boolean): void {
  const found = Object.entries(PIXEL_SETTINGS).flatMap(([group, names]) => {
    // A vision model reads images of this size.
    if (areSeen && group === 'image') return []
    const own: Readonly<Record<string, unknown>> = options[group as keyof typeof PIXEL_SETTINGS] ?? {}
    return names.filter((name) => own[name] !== undefined)
  })
  if (found.length === 0) return
  throw expected(
    'ERR_INVALID_OPTION',
    'no settings of pixels next to ready features',
    found.join(', '),
    'leave them out'
  )
}

const choiceOf = ({ sha256, output, scale }: VisionChoice): VisionChoice => ({ sha256, output, scale })

function noImages(names: readonly string[]): Error {
  const what = `at least one image with a caption to train on in ${names.join(', ').slice(0, 200)}`
  return expected('ERR_CORPUS_EMPTY', what, 'none', 'add images, or let fewer validate')
}

const trainable: TrainableTask<CaptionsRunOptions, CaptionsConfig, CaptionsRunData, CaptionMeasure> = {
  ...captionsTask,
  open,
  load: async (source) => await loadCaptioner(source),
  async measure({ model, config }, { images: { valid } }, { signal }) {
    return await measureCaptioner(model, config, valid.slice(0, MEASURED_IMAGES), { beam: 1, signal })
  }
}

const readRunOptions = object<CaptionsRunOptions>({
  ...runFields,
  ...givenFields(runGroup),
  data: list(filled),
  validFiles: optional(list(filled)),
  read: optional(
    object<CaptionReading>({
      images: optional(list(filled, 1)),
      perImage: optional(integer(1)),
      features: optional(list(filled, 1)),
      featureNames: optional(filled),
      onnx: optional(filled),
      onnxOutput: optional(string),
      onnxScale: optional(choice(...visionScales)),
      onBad: optional(callback()),
      onProgress: optional(callback()),
      signal: optional(signalOf)
    })
  )
})

/**
 * Prepares the training of a captioner: reads the captions, decodes the images or reads their features, learns the words, makes the network and locks
 * the files; `fit` of the result trains. Throws the errors of `readCaptions`, `decodeImage` and `visionOfReading`, ERR_OUT_OF_RANGE for a caption
 * that is too long, ERR_INVALID_OPTION for settings that contradict a run that is resumed and for settings of pixels next to features, and, for
 * files, ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_FILE_FORMAT and ERR_BUSY.
 */
export async function prepareCaptionsRun(options: CaptionsRunOptions): Promise<CaptionsRun> {
  return prepareRun(trainable, readRunOptions(options, 'the options of the run'))
}
