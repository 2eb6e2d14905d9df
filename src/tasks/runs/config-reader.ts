// Reads the configuration in a model file, strictly: every refusal names the part (ERR_FILE_FORMAT).

import { checkObject, isArrayOf, string, type Check } from '../../check/index.js'
import { GatecellError, isObject } from '../../errors.js'
import type { JsonObject } from '../../io/json.js'

/** A configuration as JSON. */
export function configToJson(config: object): JsonObject {
  return JSON.parse(JSON.stringify(config)) as JsonObject
}

export type Fields = Readonly<Record<string, unknown>>
export type ConfigReader = ReturnType<typeof configReader>

/** A size of anything in a configuration. */
export const MAX_SIZE = 2 ** 20
export const MAX_COUNT = Number.MAX_SAFE_INTEGER

/**
 * Returns a check of a configuration that a caller passes. `read` reads the same configuration from model files; a value that it refuses with
 * ERR_FILE_FORMAT is refused with ERR_INVALID_ARGUMENT here. The check returns the copy that `read` makes.
 */
export function configOf<C>(read: (json: JsonObject, path: string) => C): Check<C> {
  return (value, name) => {
    checkObject(value, name)
    try {
      return read(value as JsonObject, name)
    } catch (error) {
      if (!(error instanceof GatecellError) || error.code !== 'ERR_FILE_FORMAT') throw error
      const message = error.message.replace(/: the model is damaged\.?$/, '.')
      throw new GatecellError('ERR_INVALID_ARGUMENT', message, { cause: error })
    }
  }
}

export function configReader(path: string) {
  string(path, 'path')
  const refuse = (expected: string, name: string): never => {
    const message = `Expected ${expected} as "${name}" in the configuration of ${path} but found another value: the model is damaged`
    throw new GatecellError('ERR_FILE_FORMAT', message)
  }
  return {
    object(value: unknown, name: string): Fields {
      return isObject(value) && !Array.isArray(value) ? (value as Fields) : refuse('an object', name)
    },
    list(value: unknown, name: string, count: number): readonly unknown[] {
      return isArrayOf(value, count) ? value : refuse(`a list of ${count}`, name)
    },
    number(from: Fields, name: string, least: number, most: number, whole = false): number {
      const value = from[name]
      const fits = typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value))
      return fits ? value : refuse(`${whole ? 'an integer' : 'a number'} from ${least} to ${most}`, name)
    },
    boolean(from: Fields, name: string): boolean {
      const value = from[name]
      return typeof value === 'boolean' ? value : refuse('true or false', name)
    },
    text(from: Fields, name: string): string {
      const value = from[name]
      return typeof value === 'string' ? value : refuse('a text', name)
    },
    choice<T extends string>(from: Fields, name: string, choices: readonly T[]): T {
      const found = choices.find((choice) => choice === from[name])
      return found ?? refuse(choices.join(', '), name)
    }
  }
}
