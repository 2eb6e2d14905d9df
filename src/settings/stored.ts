// Reads the configuration in a model file, strictly, with the checks of callers' values.

import { checkObject, string, type Check } from '../check/index.js'
import { expected, GatecellError } from '../errors.js'
import type { JsonObject } from '../io/json.js'

/** Returns a configuration as JSON. */
export function configToJson(config: object): JsonObject {
  return JSON.parse(JSON.stringify(config)) as JsonObject
}

/**
 * Returns the configuration `json` of the file `path` after `check`. A value that the check refuses with ERR_INVALID_ARGUMENT is refused
 * with ERR_FILE_FORMAT here, because a file holds it.
 */
export function readStored<C>(check: Check<C>, json: JsonObject, path: string): C {
  string(path, 'path')
  checkObject(json, 'json')
  try {
    return check(json, 'the configuration')
  } catch (error) {
    if (!(error instanceof GatecellError) || error.code !== 'ERR_INVALID_ARGUMENT') throw error
    const { what, actual } = partsOf(error)
    throw expected(
      'ERR_FILE_FORMAT',
      what,
      `${actual} in ${path}`,
      'take another copy of the file, because this one is damaged',
      error
    )
  }
}

/** Returns a check from a function that reads the same value from a model file and throws ERR_FILE_FORMAT. */
export function checkFromReader<C>(read: (json: JsonObject, path: string) => C): Check<C> {
  return (value, name) => {
    try {
      return read(value as JsonObject, name)
    } catch (error) {
      if (!(error instanceof GatecellError) || error.code !== 'ERR_FILE_FORMAT') throw error
      const { what, actual } = partsOf(error)
      throw expected('ERR_INVALID_ARGUMENT', what, actual, 'correct this value', error)
    }
  }
}

/** Returns the parts of the sentence of an error, without its remedy. */
function partsOf({ message }: GatecellError): { what: string; actual: string } {
  const [, what = message, actual = 'another value'] =
    /^Expected (.*) but (?:received|found) (.*?)(?:: [^:]*)?\.?$/s.exec(message) ?? []
  return { what, actual }
}
