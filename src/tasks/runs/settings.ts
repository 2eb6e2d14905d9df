// Training settings: their declaration, and how a resumed run merges them with new options. Tasks add settings of their own.

import { expected } from '../../errors.js'
import { MAX_COUNT, MAX_SIZE, setting, type Given, type Values } from '../../settings/index.js'
import type { LoadOptions } from './load.js'

/** The part of the training settings that differs between tasks. */
export interface TrainingDescription {
  readonly batch: number
  /** Help text of the batch; default: 'sequences per step'. */
  readonly batchHelp?: string
  readonly epochs: number
  readonly clip: number
  /** The default rate, or in words how it depends on other settings. */
  readonly learningRate: number | string
  /** Name of the data in help texts. */
  readonly data: string
  /** The random draws that the seed determines, in help texts. */
  readonly seeded: string
  /** The default precision in words, if it is not always f32. */
  readonly precision?: string
}

/** Returns the settings of the length of a run, of which a run has one. */
function lengthSettings(epochs: number, data: string) {
  return {
    epochs: setting.integer({
      min: 1,
      default: epochs,
      absent: true,
      help: `stop after this many passes over the ${data}`
    }),
    steps: setting.integer({ min: 1, absent: true, help: 'stop after this many steps' }),
    timeLimit: setting.timeSpan({
      above: 0,
      max: 1e9,
      absent: true,
      unit: 'seconds',
      help: 'stop after this much training'
    })
  }
}

/** Returns the settings of the use of gradients. */
function gradientSettings(of: TrainingDescription) {
  return {
    weightDecay: setting.number({
      min: 0,
      max: 1e3,
      argument: '<rate>',
      absent: true,
      defaultText: '0, with adamw 0.01',
      help: 'decay of weights and embeddings: decoupled with adamw, added to the gradient with the others'
    }),
    clip: setting.number({
      min: 0,
      max: 1e9,
      argument: '<norm>',
      default: of.clip,
      help: 'clip the global norm of the gradient to this value; 0 disables clipping'
    }),
    average: setting.number({
      min: 1e-6,
      max: 0.9999999,
      argument: '<decay>',
      absent: true,
      defaultText: 'no average',
      help: 'save and validate an exponential average of the weights with this decay per step, for example 0.999; useful if the rate does not fall to 0'
    })
  }
}

/** Returns the settings of every training. */
export function trainingSettings(of: TrainingDescription) {
  const rate = typeof of.learningRate === 'number' ? { default: of.learningRate } : { defaultText: of.learningRate }
  return {
    batch: setting.integer({ min: 1, max: MAX_SIZE, default: of.batch, help: of.batchHelp ?? 'sequences per step' }),
    ...lengthSettings(of.epochs, of.data),
    learningRate: setting.number({
      above: 0,
      max: 1e3,
      flag: '--lr',
      argument: '<rate>',
      ...rate,
      help: 'peak learning rate'
    }),
    schedule: setting.choice(['constant', 'cosine', 'plateau'], {
      default: 'cosine',
      help: 'schedule of the learning rate'
    }),
    warmup: setting.number({
      min: 0,
      max: MAX_COUNT,
      default: 0.02,
      help: 'length of the linear warm-up: a number of steps, or below 1 a share of the run'
    }),
    optimizer: setting.choice(['sgd', 'rmsprop', 'adam', 'adamw'], { default: 'adam', help: 'optimizer' }),
    ...gradientSettings(of),
    validEvery: setting.integer({ min: 1, defaultText: 'an epoch, at most 1000', help: 'steps between validations' }),
    patience: setting.integer({ min: 1, absent: true, help: 'stop after this many validations without improvement' }),
    shards: setting.integer({
      min: 1,
      max: 1024,
      absent: true,
      defaultText: '8 with several processes, else none',
      help: 'cut each batch into this many parts, a power of two, so that the result is the same for any number of processes that divides it'
    }),
    seed: setting.integer({ min: 0, default: 0, help: `seed of ${of.seeded}` }),
    precision: setting.choice(['f32', 'bf16', 'tf32'], {
      default: 'f32',
      ...(of.precision !== undefined && { defaultText: of.precision }),
      help: 'operands of the LSTM products (tf32 only on cuda)'
    })
  }
}

/** Training settings of any task. */
export type Training = Values<ReturnType<typeof trainingSettings>>

/** Settings of a process that runs a training. They are not stored and may change on resume. */
export const processSettings = {
  initFrom: setting.path({
    absent: true,
    argument: '<model>',
    help: 'start from the weights of this model of the same task; rows of a vocabulary are matched by symbol; a resumed run keeps its own weights'
  }),
  checkpointEvery: setting.integer({
    min: 1,
    defaultText: 'as between validations',
    help: 'steps between checkpoints'
  }),
  threads: setting.integer({
    min: 0,
    max: 1024,
    default: 0,
    defaultText: '0, all cores',
    help: 'threads; the result is the same for any number'
  }),
  device: setting.choice(['auto', 'cpu', 'cuda'], {
    defaultText: 'auto, the faster one; in the library cpu',
    help: 'device of the steps'
  })
}

/** Options of the process that runs a training. */
export type ProcessSettings = Given<typeof processSettings>

/** Returns the settings of every use of a trained model; `threads` describes the default number of threads. */
export function engineSettings(threads: string) {
  return {
    weights: setting.choice(['f32', 'bf16', 'int8'], {
      absent: true,
      defaultText: 'f32',
      help: 'format of the weights of the LSTM products'
    }),
    ...deviceSettings,
    threads: setting.integer({ min: 1, max: 1024, absent: true, defaultText: threads, help: 'threads' })
  }
}

/** The device of a trained model. */
export const deviceSettings = {
  device: setting.choice(['auto', 'cpu', 'cuda'], { absent: true, defaultText: 'auto, the faster one', help: 'device' })
}

/** Returns the options for loading a model from the values of `engineSettings`. */
export function engineOptions(values: Given<ReturnType<typeof engineSettings>>): LoadOptions {
  const { weights: precision, device = 'auto', threads } = values
  return { device, ...(precision && { precision }), ...(threads !== undefined && { threads }) }
}

/** Training settings before the data are known, from which the default of `validEvery` follows. */
export type UnsettledTraining<T extends Training> = Omit<T, 'validEvery'> & { validEvery?: number }

/** Returns the fields that are not undefined. */
export function given<T extends object>(from: T | undefined): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const fields = Object.entries(from ?? {}).filter(([, value]) => value !== undefined)
  return Object.fromEntries(fields) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

/** The limits of a run's length. They form one choice. */
const LENGTHS = ['steps', 'epochs', 'timeLimit']
/** Settings that may change on resume. The others determine the order of the data or the meaning of the optimizer state. */
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

type Named = Readonly<Record<string, unknown>>

/**
 * Merges settings by precedence: the caller's options, the resumed run's settings, the defaults. `steps`, `epochs` and `timeLimit` form
 * one choice: setting one of them drops the other two from sources of lower precedence.
 */
export function chooseTraining<T extends Training>(
  options: Partial<T>,
  old: T | undefined,
  defaults: Omit<T, 'validEvery'>
): UnsettledTraining<T> {
  const limits = (from: object) => LENGTHS.some((name) => (from as Named)[name] !== undefined)
  const before = limits(options) ? without({ ...old }, LENGTHS) : { ...old }
  const start = limits(options) || limits(before) ? without(defaults, LENGTHS) : defaults
  return { ...start, ...before, ...options } as UnsettledTraining<T>
}

function without(from: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name)))
}

/** Adds the default of `validEvery`: once per epoch, at most every 1000 steps. */
export function settleTraining<T extends Training>(training: UnsettledTraining<T>, stepsPerEpoch: number): T {
  return { ...training, validEvery: training.validEvery ?? Math.min(1000, stepsPerEpoch) } as T
}

/**
 * Throws ERR_INVALID_OPTION if an option contradicts a setting of the resumed run that cannot change. Both arguments are groups of settings
 * by name; of `training` only the settings that cannot change are compared.
 */
export function checkResumed(options: Readonly<Record<string, object | undefined>>, before: object): void {
  for (const [group, settings] of Object.entries(options)) {
    const fixed = group === 'training' ? without(settings ?? {}, FREE) : (settings ?? {})
    const old = ((before as Named)[group] ?? {}) as Named
    const changed = Object.entries(fixed).find(([name, value]) => value !== undefined && old[name] !== value)
    if (!changed) continue
    const [name, value] = changed as [string, unknown]
    throw expected(
      'ERR_INVALID_OPTION',
      `${name} ${String(old[name])}, with which the run began,`,
      String(value),
      'leave the option out to resume, or replace the run (mode "force")'
    )
  }
}
