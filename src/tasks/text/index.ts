// Text: training and measurement of models that predict a text symbol by symbol, and writing with them.

export { ALPHABET, learnAlphabet, type Alphabet } from './alphabet.js'
export { textConfigFromJson, type TextConfig } from './config.js'
export { evaluateText, type TextMeasure, type TextMeasureOptions } from './evaluate.js'
export {
  loadTextModel,
  writeText,
  type LoadedText,
  type LoadTextOptions,
  type WriteOptions,
  type Writer
} from './load.js'
export { TEXT_TASK, textModel } from './model.js'
export type { TextNetwork, TextSplit, TextTraining } from './settings.js'
export { prepareTextRun, type TextResult, type TextRun, type TextRunMeasure, type TextRunOptions } from './run.js'
