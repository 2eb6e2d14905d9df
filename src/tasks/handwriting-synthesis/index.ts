// Handwriting synthesis: training and measurement of writers, which write a text or draw, also in the style of given strokes.

export { fitMemoryless, measureMemoryless, type Baselines, type Memoryless } from '../../metrics/gaussian-mixture.js'
export { generationConfigFromJson, type GenerationConfig } from './config.js'
export type { GenerationNetwork } from './settings.js'
export { writtenInk, type WrittenInk } from './data.js'
export { measureGeneration, type GenerationMeasure } from './training/evaluate.js'
export { measureLegibility, type Legibility, type LegibilityOptions } from './use/legibility.js'
export { loadWriter, type LoadedWriter } from './use/load.js'
export type { WritingStyle } from './use/style.js'
export type { WriteInkOptions, WrittenResult } from './use/writing.js'
export { GENERATION_TASK } from './id.js'
export { generationModel } from './model.js'
export {
  prepareGenerationRun,
  type GenerationResult,
  type GenerationRun,
  type GenerationRunOptions
} from './training/run.js'
export type { Component } from '../../metrics/gaussian-mixture.js'
export type { LoadedReader } from '../handwriting-recognition/use/load.js'
export type * from '../ink/public.js'
