// What every training of the command line is told, as a checkpoint holds it, and how a resumed run takes it up again.
// Applications add fields of their own.

import { choice, integer, number, optional, type Fields as Checks } from '../../check/index.js'
import { GatecellError } from '../../errors.js'
import type { Optimizer } from '../../train/optimizers.js'
import type { Schedule } from '../../train/schedules.js'
import { MAX_COUNT, MAX_SIZE, type ConfigReader, type Fields } from './config-reader.js'

/** What a run was told that a resumed run needs again. */
export interface Training {
  /** Sequences side by side. */
  readonly batch: number
  readonly optimizer: Optimizer['kind']
  readonly learningRate: number
  /** Weight decay of the optimizer, decoupled for AdamW; default: 0.01 for AdamW, else 0. */
  readonly weightDecay?: number
  readonly schedule: Exclude<Schedule['kind'], 'step'>
  readonly warmup: number
  readonly clip: number
  /** Decay of averaged weights for each step; absent: no average. */
  readonly average?: number
  readonly seed: number
  /** Operands of the LSTM products. */
  readonly precision: 'f32' | 'bf16' | 'tf32'
  readonly validEvery: number
  /** Epochs at the beginning in which batches of short samples come first; absent: 0. Trainings on ink only. */
  readonly shortFirst?: number
  readonly patience?: number
  readonly steps?: number
  readonly epochs?: number
  readonly timeLimit?: number
}

const count = optional(integer(1))

/** Checks of the settings that a caller passes; each of them is optional. */
export const trainingFields: Checks<Partial<Training>> = {
  batch: optional(integer(1, MAX_SIZE)),
  optimizer: optional(choice('sgd', 'rmsprop', 'adam', 'adamw')),
  learningRate: optional(number(0, 1e3)),
  weightDecay: optional(number(0, MAX_COUNT)),
  schedule: optional(choice('constant', 'cosine', 'plateau')),
  warmup: optional(number(0, MAX_COUNT)),
  clip: optional(number(0, 1e9)),
  seed: optional(integer(0)),
  precision: optional(choice('f32', 'bf16', 'tf32')),
  average: optional(number(1e-6, 0.9999999)),
  validEvery: count,
  shortFirst: optional(integer(0)),
  patience: count,
  steps: count,
  epochs: count,
  timeLimit: optional(number(0, MAX_COUNT))
}

export function readTraining(read: ConfigReader, from: Fields): Training {
  const optional = (name: string, least: number, whole: boolean) =>
    from[name] === undefined ? {} : { [name]: read.number(from, name, least, MAX_COUNT, whole) }
  return {
    batch: read.number(from, 'batch', 1, MAX_SIZE, true),
    optimizer: read.choice(from, 'optimizer', ['sgd', 'rmsprop', 'adam', 'adamw']),
    learningRate: read.number(from, 'learningRate', 0, 1e3),
    schedule: read.choice(from, 'schedule', ['constant', 'cosine', 'plateau']),
    warmup: read.number(from, 'warmup', 0, MAX_COUNT),
    clip: read.number(from, 'clip', 0, 1e9),
    seed: read.number(from, 'seed', 0, MAX_COUNT, true),
    precision: read.choice(from, 'precision', ['f32', 'bf16', 'tf32']),
    validEvery: read.number(from, 'validEvery', 1, MAX_COUNT, true),
    ...optional('weightDecay', 0, false),
    ...(from['average'] === undefined ? {} : { average: read.number(from, 'average', 1e-6, 0.9999999) }),
    ...optional('shortFirst', 0, true),
    ...optional('patience', 1, true),
    ...optional('steps', 1, true),
    ...optional('epochs', 1, true),
    ...optional('timeLimit', 0, false)
  }
}

/** Settings as a run is told them: how often it validates may be left to the data. */
export type Told<T extends Training> = Omit<T, 'validEvery'> & { validEvery?: number }

/** The fields that were given. */
export function given<T extends object>(from: T | undefined): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const fields = Object.entries(from ?? {}).filter(([, value]) => value !== undefined)
  return Object.fromEntries(fields) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

/** What only says how long a run lasts: one choice. */
const LENGTHS = ['steps', 'epochs', 'timeLimit']
/** Settings that may change on resume. The others determine the order of the data or the meaning of the moments. */
const FREE = [
  ...LENGTHS,
  'learningRate',
  'weightDecay',
  'schedule',
  'warmup',
  'clip',
  'average',
  'validEvery',
  'patience'
]

/**
 * What the caller says, else what a resumed run began with, else the defaults. How long it runs is one choice: whoever
 * names one limit does not get the others from elsewhere.
 */
export function chooseTraining<T extends Training>(
  said: Partial<T>,
  old: T | undefined,
  defaults: Omit<T, 'validEvery'>
): Told<T> {
  const says = (from: object) => LENGTHS.some((name) => (from as Fields)[name] !== undefined)
  const before = says(said) ? without({ ...old }, LENGTHS) : { ...old }
  const start = says(said) || says(before) ? without(defaults, LENGTHS) : defaults
  return { ...start, ...before, ...said } as Told<T>
}

function without(from: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name)))
}

/** The settings of a run over data of so many steps: where nothing is said it validates once an epoch, or every 1000 steps. */
export function settleTraining<T extends Training>(told: Told<T>, stepsPerEpoch: number): T {
  return { ...told, validEvery: told.validEvery ?? Math.min(1000, stepsPerEpoch) } as T
}

/**
 * ERR_INVALID_OPTION for what a resumed run is told otherwise than it began, where that cannot change. Both are groups of
 * settings by name; of `training` only what cannot change counts.
 */
export function checkResumed(told: Readonly<Record<string, object | undefined>>, before: object): void {
  for (const [group, settings] of Object.entries(told)) {
    const fixed = group === 'training' ? without(settings ?? {}, FREE) : (settings ?? {})
    const old = ((before as Fields)[group] ?? {}) as Fields
    const changed = Object.entries(fixed).find(([name, value]) => value !== undefined && old[name] !== value)
    if (!changed) continue
    const [name, value] = changed as [string, unknown]
    throw new GatecellError(
      'ERR_INVALID_OPTION',
      `Expected ${name} ${String(old[name])}, with which the run began, but received ${String(value)}: leave the option out to resume, or start anew with --force`
    )
  }
}
