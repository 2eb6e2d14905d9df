// The public types of a run, which the entries of tasks export.

export type { RunFiles, RunMode } from './files.js'
export type { DataFingerprint } from './fingerprint.js'
export type { LoadedModel, LoadOptions } from './load.js'
export type { RunMemory } from './memory.js'
export type { MemoryLimits } from './memory-limit.js'
export type { FitRunOptions, Run, RunConfig, RunData, RunOf, RunResult, TrainingRunOptions } from './run-types.js'
