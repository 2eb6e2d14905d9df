// Handwriting recognition: training and measurement of readers of ink, and reading of whole samples or while the pen moves.

export { recognitionConfigFromJson, type RecognitionConfig } from './config.js'
export type { RecognitionNetwork } from './settings.js'
export { labelInk, type LabelledInk } from './data.js'
export { measureRecognition, type RecognitionMeasure } from './training/evaluate.js'
export { loadReader, type LoadedReader, type LoadReaderOptions } from './use/load.js'
export { recognitionModel, RECOGNITION_TASK } from './model.js'
export { createPenReader, type PenReader } from './use/live-reader.js'
export { lexicon, textScorer, type Lexicon, type TextScorerOptions } from './use/scorers.js'
export type { Reading, ReadOptions } from './use/search.js'
export { traceInk, type InkTrace, type TracedLetter } from './use/trace.js'
export { traceSvg, type TraceSvgOptions } from './use/trace-picture.js'
export type { TraceOptions } from '../../introspect/memory.js'
export type { LoadedText } from '../text/use/load.js'
export type { ReaderScores } from './use/scores.js'
export {
  prepareRecognitionRun,
  type RecognitionResult,
  type RecognitionRun,
  type RecognitionRunOptions
} from './training/run.js'
export type { MeasureRecognitionOptions } from './training/evaluate.js'
export type * from '../ink/public.js'
