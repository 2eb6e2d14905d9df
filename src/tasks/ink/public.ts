// The public types of a run on ink, which the entries of both handwriting tasks export.

export type * from '../runs/public.js'
export type { InkRun, InkRunData, InkRunOptions } from './training.js'
export type { InkConfig } from './config.js'
export type { InkTraining } from './settings.js'
