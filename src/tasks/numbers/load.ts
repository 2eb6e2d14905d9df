// A model of numbers from its file, which continues sequences of integers.

import { optional, options as optionsOf, signal as signalOf } from '../../check/index.js'
import type { CheckpointFile } from '../../io/checkpoint.js'
import { givenFields, withDefaults } from '../../settings/index.js'
import type { DefinedRun, DefinedRunOptions, TaskConfig } from '../define-task.js'
import type { LoadedModel, LoadOptions } from '../runs/load.js'
import { checkTerms } from './digits.js'
import { continueTerms, type Continuation } from './predict.js'
import type { numbersNetworkSettings } from './settings.js'
import { numbersEntry } from './task.js'
import { continuationSettings } from './use-settings.js'

/** Configuration of a model of numbers, which its file stores. */
export type NumbersConfig = TaskConfig<typeof numbersNetworkSettings>

/** Options of `LoadedNumbersModel.continue`. */
export interface ContinuationOptions {
  /** Number of terms to append, from 1 to 100; default 3. */
  count?: number
  /** Number of most probable next terms to return, from 1 to 10; default 3. */
  choices?: number
  signal?: AbortSignal | undefined
}

/** A model of numbers that was loaded from a file. */
export interface LoadedNumbersModel extends LoadedModel<NumbersConfig> {
  /**
   * Continues a sequence of 2 to 1,000 integers of at most 500 digits, of which the network reads the last six, on the engine's thread. Throws
   * ERR_INVALID_ARGUMENT for other terms and invalid options, and ERR_ABORTED soon after `signal` aborts.
   */
  continue(terms: readonly (number | bigint)[], options?: ContinuationOptions): Promise<Continuation>
}

const readOptions = optionsOf<ContinuationOptions>({ ...givenFields(continuationSettings), signal: optional(signalOf) })

/**
 * Loads a model of numbers. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a
 * model of another task.
 *
 * @example
 * using numbers = await loadNumbersModel('numbers.safetensors')
 * const { next, then, families } = await numbers.continue([2, 4, 8], { count: 2 })
 * console.log(`${next[0].term} with probability ${next[0].probability}, a sequence of the family ${families[0].family}`)
 * console.log(then.map(({ term }) => term)) // bigints
 */
export async function loadNumbersModel(
  source: string | CheckpointFile,
  options: LoadOptions = {}
): Promise<LoadedNumbersModel> {
  const loaded = await numbersEntry.load(source, options)
  return {
    ...loaded,
    async continue(terms, given) {
      const { signal, ...own } = readOptions(given, 'the options of continue')
      const { count, choices } = withDefaults(continuationSettings, own)
      return await continueTerms(loaded.model, checkTerms(terms, 'the terms'), { count, choices, signal })
    }
  }
}

/** Options of a training of a model of numbers, which has no data files. Settings that are not given have the defaults of the task. */
export type NumbersRunOptions = DefinedRunOptions<typeof numbersNetworkSettings>

/** A training of a model of numbers that is ready to start. */
export type NumbersRun = DefinedRun<typeof numbersNetworkSettings>

/**
 * Prepares the training of a model of numbers: makes the network and locks the files; `fit` of the result trains. Throws ERR_INVALID_ARGUMENT for
 * invalid options, ERR_INVALID_OPTION for settings that contradict a run that is resumed, and, for files, ERR_FILE_EXISTS, ERR_FILE_WRITE,
 * ERR_FILE_FORMAT and ERR_BUSY.
 */
export async function prepareNumbersRun(options: NumbersRunOptions): Promise<NumbersRun> {
  return await numbersEntry.prepareRun(options)
}
