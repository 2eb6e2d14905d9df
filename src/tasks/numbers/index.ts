// Numbers: training of models that continue sequences of integers, and the most probable next terms of a sequence.

export type { DefinedRun, DefinedRunOptions, TaskConfig } from '../define-task.js'
export type { TaskMeasurement } from '../task.js'
export type { FamilyName } from './families.js'
export {
  loadNumbersModel,
  prepareNumbersRun,
  type ContinuationOptions,
  type LoadedNumbersModel,
  type NumbersConfig,
  type NumbersRun,
  type NumbersRunOptions
} from './load.js'
export type { Continuation, NextTerm, NumbersPrediction } from './predict.js'
export { NUMBERS_TASK, type NumbersNetwork } from './settings.js'
export type * from '../runs/public.js'
