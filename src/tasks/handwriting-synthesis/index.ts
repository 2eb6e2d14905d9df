// Handwriting: learns to write by hand, with a text or without, measures itself, writes in a style that it was shown.

export { fitMemoryless, measureMemoryless, type Baselines, type Memoryless } from '../../metrics/gaussian-mixture.js'
export { generationConfigFromJson, type GenerationConfig } from './config.js'
export type { GenerationNetwork } from './settings.js'
export { writtenInk, type WrittenInk } from './data.js'
export { measureGeneration, type GenerationMeasure } from './evaluate.js'
export { loadWriter, type LoadedWriter, type WriteInkOptions, type WritingStyle, type WrittenResult } from './load.js'
export { generationModel, GENERATION_TASK } from './model.js'
export { prepareGenerationRun, type GenerationResult, type GenerationRun, type GenerationRunOptions } from './run.js'
