// What every training of the command line is told, as a checkpoint holds it, and how a resumed run takes it up again.
// Applications add fields of their own.

import { GatecellError } from '../errors.js'
import type { OptimizerName } from '../graph/opcodes.js'
import type { Schedule } from '../train/schedules.js'
import { MAX_COUNT, MAX_SIZE, type ConfigReader, type Fields } from './config-reader.js'

/** What a run was told that a resumed run needs again. */
export interface Training {
  /** Sequences side by side. */
  readonly batch: number
  readonly optimizer: OptimizerName
  readonly learningRate: number
  readonly schedule: Schedule['kind']
  readonly warmup: number
  readonly clip: number
  readonly seed: number
  /** Operands of the LSTM products. */
  readonly precision: 'f32' | 'bf16' | 'tf32'
  readonly validEvery: number
  readonly patience?: number
  readonly steps?: number
  readonly epochs?: number
  readonly timeLimit?: number
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
    ...optional('patience', 1, true),
    ...optional('steps', 1, true),
    ...optional('epochs', 1, true),
    ...optional('timeLimit', 0, false)
  }
}

/** The fields that were given. */
export function given<T extends object>(from: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(from ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>
}

/**
 * What the caller says, else what a resumed run began with, else the defaults. How long it runs is one choice: whoever
 * names one limit does not get the others from elsewhere.
 */
export function chooseTraining<T extends Training>(
  said: Partial<T>,
  old: T | undefined,
  defaults: Omit<T, 'validEvery'>
): Omit<T, 'validEvery'> & { validEvery?: number } {
  const lengths = ['steps', 'epochs', 'timeLimit']
  const says = (from: object) => lengths.some((name) => (from as Record<string, unknown>)[name] !== undefined)
  const without = (from: object) => Object.fromEntries(Object.entries(from).filter(([name]) => !lengths.includes(name)))
  const before = says(said) ? without({ ...old }) : { ...old }
  const start = says(said) || says(before) ? without(defaults) : defaults
  return { ...start, ...before, ...said } as Omit<T, 'validEvery'> & { validEvery?: number }
}

/** ERR_INVALID_OPTION for what a resumed run is told otherwise than it began, where that cannot change. */
export function checkUnchanged(
  now: Readonly<Record<string, unknown>>,
  before: Readonly<Record<string, unknown>>
): void {
  const changed = Object.entries(now).find(([name, value]) => value !== undefined && before[name] !== value)
  if (!changed) return
  const [name, value] = changed
  throw new GatecellError(
    'ERR_INVALID_OPTION',
    `Expected ${name} ${String(before[name])}, with which the run began, but received ${String(value)}: leave the option out to resume, or start anew with --force`
  )
}
