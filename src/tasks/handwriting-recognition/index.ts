// Handwriting recognition: learns to read ink, measures itself, reads at once or while the pen moves.

export { recognitionConfigFromJson, type RecognitionConfig } from './config.js'
export type { RecognitionNetwork } from './settings.js'
export { labelInk, type LabelledInk } from './data.js'
export { measureRecognition, type RecognitionMeasure } from './evaluate.js'
export { loadReader, type LoadedReader, type LoadReaderOptions } from './load.js'
export { recognitionModel, RECOGNITION_TASK } from './model.js'
export { createPenReader, type PenReader, type Reading, type ReadOptions } from './live-reader.js'
export {
  prepareRecognitionRun,
  type RecognitionResult,
  type RecognitionRun,
  type RecognitionRunOptions
} from './run.js'
