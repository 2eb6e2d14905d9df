// Text: training and measurement of models that predict a text symbol by symbol, and writing with them.

export { ALPHABET, learnAlphabet, type Alphabet } from './training/alphabet.js'
export type { TextBits } from './training/bits.js'
export { textConfigFromJson, type TextConfig } from './config.js'
export { evaluateText, type TextMeasure, type TextMeasureOptions } from './training/evaluate.js'
export {
  loadTextModel,
  writeText,
  type LoadedText,
  type LoadTextOptions,
  type WriteOptions,
  type Writer
} from './use/load.js'
export { TEXT_TASK, textModel } from './model.js'
export { traceText, type LayerMemory, type MemoryTrace } from './use/trace.js'
export type { TraceOptions } from '../../introspect/memory.js'
export type { TextNetwork, TextSplit, TextTraining } from './settings.js'
export {
  prepareTextRun,
  type TextResult,
  type TextRun,
  type TextRunMeasure,
  type TextRunOptions
} from './training/run.js'
export type { TextRunData } from './training/run.js'
export type * from '../runs/public.js'
