// Settings of a captioner: its images, the network, the words, the training.

import { string, type Check } from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { MAX_SIZE, setting, type Given, type Group, type SettingSpec, type Values } from '../../settings/index.js'
import { visionScales } from '../../data/features/vision.js'
import { processSettings, trainingSettings } from '../runs/settings.js'

/** Name of the task in model files and on the command line. */
export const CAPTIONS_TASK = 'captions'

const probability = { min: 0, below: 1, argument: '<p>' } as const

/** Most convolutions of an encoder. */
const MOST_CONVOLUTIONS = 8

/** Returns the channels of convolutions from their text, such as "32,64"; null for another text. */
function readChannels(text: string): number[] | null {
  const parts = text.split(',').map((part) => (/^[1-9]\d{0,4}$/.test(part.trim()) ? Number(part) : null))
  const fits = parts.length <= MOST_CONVOLUTIONS && parts.every((one) => one !== null && one <= 2 ** 14)
  return fits ? (parts as number[]) : null
}

const CHANNELS = `1 to ${MOST_CONVOLUTIONS} numbers from 1 to 16384 with commas between them`

const checkChannels: Check<string> = (value, name) => {
  if (readChannels(string(value, name)) !== null) return string(value, name)
  throw expected('ERR_INVALID_ARGUMENT', `${CHANNELS} as ${name}`, show(value), 'write them as 32,64,128')
}

/** Returns the channels of the convolutions of a network. */
export function channelsOf({ channels }: { readonly channels: string }): number[] {
  return readChannels(channels)!
}

/** Declarations of the settings of the images, as the network sees them. */
export const imageSettings = {
  width: setting.integer({
    min: 1,
    max: 1024,
    default: 64,
    unit: 'pixels',
    help: 'width of the images for the network'
  }),
  height: setting.integer({
    min: 1,
    max: 1024,
    default: 64,
    unit: 'pixels',
    help: 'height of the images for the network'
  }),
  fit: setting.choice(['cut', 'margin', 'stretch'], {
    default: 'cut',
    help: 'how images of another shape are fitted: cut to the shape, with a white margin, or stretched'
  })
} satisfies Group

/** The declaration of the channels, whose text is checked. */
const channels: SettingSpec<string, false> = {
  ...setting.text({
    default: '32,64,128',
    argument: '<n,n,...>',
    help: 'channels of the convolutions; the image is halved after each but the last one'
  }),
  expects: CHANNELS,
  check: checkChannels
}

/** Declarations of the settings of the network. */
export const captionsNetworkSettings = {
  encoder: setting.choice(['conv', 'renet'], {
    default: 'conv',
    help: 'encoder of the images: convolutions of 3 x 3 places, or LSTM layers that sweep over patches (ReNet: Visin et al. 2015)'
  }),
  channels,
  halving: setting.choice(['max', 'stride'], {
    default: 'max',
    help: 'how the image is halved: the maximum of 2 x 2 places, or convolutions of every second place'
  }),
  norm: setting.flag({
    default: true,
    flag: '--no-norm',
    help: 'normalise the channels of the convolutions (Ba et al. 2016)',
    flagHelp: 'do not normalise the channels of the convolutions'
  }),
  patch: setting.integer({
    min: 1,
    max: 64,
    default: 2,
    unit: 'pixels',
    help: 'side of the patches of the encoder renet'
  }),
  sweeps: setting.integer({
    min: 0,
    max: 8,
    absent: true,
    defaultText: '0, with the encoder renet 2',
    help: 'layers of ReNet over the convolutions or patches, each with sweeps over columns and rows in both directions'
  }),
  sweepUnits: setting.integer({ min: 1, max: MAX_SIZE, default: 64, help: 'units of a direction of a sweep' }),
  summary: setting.integer({
    min: 0,
    max: 1024,
    default: 16,
    absent: true,
    help: 'numbers of each place from which the decoder begins, next to the mean of the features; 0: only the mean'
  }),
  attention: setting.choice(['general', 'dot', 'additive'], {
    default: 'general',
    help: 'score of the attention over the places of the image (general and dot: Luong et al. 2015; additive: Bahdanau et al. 2015)'
  }),
  hidden: setting.integer({ min: 1, max: MAX_SIZE, default: 256, help: 'units of an LSTM layer of the decoder' }),
  embedding: setting.integer({ min: 1, max: MAX_SIZE, default: 128, help: 'width of the embeddings of the words' }),
  layers: setting.integer({ min: 2, max: 64, default: 2, help: 'layers of the decoder' }),
  layerNorm: setting.flag({ default: false, help: 'normalise the layers of the decoder (Ba et al. 2016)' }),
  dropout: setting.number({ ...probability, default: 0.3, help: 'dropout between layers and before the output' }),
  imageDropout: setting.number({ ...probability, default: 0.1, help: 'dropout of the features of the places' }),
  inputDropout: setting.number({ ...probability, default: 0.2, help: 'dropout of the embeddings of the words' })
} satisfies Group

/** Declarations of the settings of the words. A resumed run keeps the words with which it began. */
export const wordSettings = {
  lowerCase: setting.flag({ default: false, help: 'learn and write all words in lower case' }),
  minCount: setting.integer({
    min: 1,
    default: 1,
    help: 'occurrences of a word in the captions to train on from which on it is known; others are one unknown word, which is never written'
  })
} satisfies Group

/** Declarations of the settings that divide the images. */
export const captionSetSettings = {
  valid: setting.number({
    min: 0,
    below: 1,
    argument: '<share>',
    default: 0.05,
    defaultText: '0.05; 0 with other files that validate; not used if the records have parts',
    help: 'share of the images that validates, chosen by a checksum of the image'
  }),
  longest: setting.integer({ min: 1, max: 1024, default: 64, unit: 'words', help: 'words of the longest caption' })
} satisfies Group

/** Declarations of the settings of the training. */
export const captionsTrainingSettings = {
  ...trainingSettings({
    batch: 32,
    batchHelp: 'captions per step, each with its image',
    epochs: 30,
    clip: 1,
    learningRate: 0.001,
    data: 'captions',
    seeded: 'weights, dropout, order and variations of the images'
  }),
  labelSmoothing: setting.number({
    min: 0,
    max: 1,
    argument: '<share>',
    default: 0.1,
    help: "share of a word's probability that training spreads over all words; validation is without it"
  }),
  shift: setting.integer({
    min: 0,
    max: 256,
    default: 2,
    unit: 'pixels',
    help: 'largest random shift of training images in each direction; pixels of the edge fill the margin'
  }),
  brightness: setting.number({
    min: 0,
    below: 1,
    default: 0.05,
    argument: '<share>',
    help: 'largest random change of the brightness of training images, as a share; hues stay'
  }),
  mirror: setting.flag({
    default: false,
    help: 'mirror half of the training images; only for captions without left and right'
  })
} satisfies Group

/** Declarations of the settings of a vision model for a training; a captioner keeps them. */
export const visionSettings = {
  onnxOutput: setting.text({
    absent: true,
    argument: '<name>',
    defaultText: 'the only one',
    help: 'output of the vision model whose values are the features'
  }),
  onnxScale: setting.choice(visionScales, {
    absent: true,
    defaultText: 'imagenet',
    help: 'scale of the pixels for the vision model: mean and deviation of ImageNet, 0 to 1, or -1 to 1'
  })
} satisfies Group

/** Settings of everything that reads images with captions. */
export const captionReadSettings = {
  images: setting.paths({
    absent: true,
    argument: '<folder...>',
    defaultText: 'the folder of the captions',
    help: 'folders of the images, or of their files of features; an image is in the first folder that has it'
  }),
  features: setting.paths({
    absent: true,
    argument: '<file...>',
    defaultText: 'each image is a file of its own',
    help: 'ready features of all images: safetensors files with a tensor for each image, or an NPY file with all images'
  }),
  featureNames: setting.path({
    absent: true,
    defaultText: 'none',
    help: 'file with the names of the images of the NPY file of features, one on each line'
  }),
  onnx: setting.path({
    absent: true,
    defaultText: 'none',
    help: 'vision model (ONNX) whose output are the features of the images; the package onnxruntime-node runs it'
  }),
  perImage: setting.integer({
    min: 1,
    absent: true,
    defaultText: 'all',
    help: 'captions of an image that are read, the first ones'
  }),
  skipBad: setting.flag({
    default: false,
    help: 'leave out records and images that cannot be used, and name them; otherwise the first one ends the command'
  })
} satisfies Group

/** All settings of a training with those of the reading. */
export const captionsRunSettings = {
  image: imageSettings,
  network: captionsNetworkSettings,
  words: wordSettings,
  sets: captionSetSettings,
  training: captionsTrainingSettings,
  ...captionReadSettings,
  ...visionSettings,
  ...processSettings
} satisfies Group

/** Settings of the images. */
export type ImageChoice = Values<typeof imageSettings>
/** Settings of the network. */
export type CaptionsNetwork = Values<typeof captionsNetworkSettings>
/** Settings of the words. */
export type WordChoice = Values<typeof wordSettings>
/** Settings that divide the images. */
export type CaptionSetChoice = Values<typeof captionSetSettings>
/** Settings of the training. */
export type CaptionsTraining = Values<typeof captionsTrainingSettings>
/** Options of a training. */
export type CaptionsGiven = Given<typeof captionsRunSettings>
