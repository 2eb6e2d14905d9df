// Captions of images: training of captioners, captions with a beam search, and the probability of given captions.

export { decodeImage, type DecodeImageOptions, type ImageFit, type Picture } from '../../data/images/decode.js'
export type { Features, FeatureShape } from '../../data/features/features.js'
export type { VisionChoice } from '../../data/features/vision.js'
export {
  readCaptions,
  type CaptionedImage,
  type NamedImage,
  type ReadCaptionsOptions
} from '../../data/images/captions.js'
export type { ImagePart } from '../../data/images/records.js'
export { captionsConfigFromJson, type CaptionsConfig } from './config.js'
export type { CaptionImage, CaptionReading, CaptionSample, CaptionSets } from './data.js'
export type { CaptionAttention } from './attention.js'
export {
  loadCaptioner,
  type AttentionOfCaptionOptions,
  type Caption,
  type Captioner,
  type CaptionOptions,
  type LoadedCaptioner
} from './load.js'
export type { ImageValues } from './images.js'
export type { CaptionInput } from './inputs.js'
export type { CaptionMeasure } from './measure.js'
export { prepareCaptionsRun, type CaptionsRun, type CaptionsRunData, type CaptionsRunOptions } from './run.js'
export {
  CAPTIONS_TASK,
  type CaptionSetChoice,
  type CaptionsNetwork,
  type CaptionsTraining,
  type ImageChoice
} from './settings.js'
export type { CaptionWords, CaptionWordsConfig } from './words.js'
export type { TextDraws } from '../search.js'
export type * from '../runs/public.js'
