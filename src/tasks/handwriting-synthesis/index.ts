// Handwriting synthesis: training and measurement of writers, which write a text or draw, also in the style of given strokes.

export { fitMemoryless, measureMemoryless, type Baselines, type Memoryless } from '../../metrics/gaussian-mixture.js'
export { synthesisConfigFromJson, type SynthesisConfig } from './config.js'
export type { SynthesisNetwork } from './settings.js'
export { writtenInk, type WrittenInk } from './data.js'
export { measureSynthesis, type SynthesisMeasure } from './training/evaluate.js'
export { measureLegibility, type Legibility, type LegibilityOptions } from './use/legibility.js'
export { loadWriter, type LoadedWriter } from './use/load.js'
export type { WritingStyle } from './use/style.js'
export type { WriteInkOptions, WrittenResult } from './use/writing.js'
export { SYNTHESIS_TASK } from './id.js'
export { synthesisModel } from './model.js'
export {
  prepareSynthesisRun,
  type SynthesisResult,
  type SynthesisRun,
  type SynthesisRunOptions
} from './training/run.js'
export type { Component } from '../../metrics/gaussian-mixture.js'
export type { LoadedReader } from '../handwriting-recognition/use/load.js'
export type * from '../ink/public.js'
