// Values of settings from places other than the command line: the environment, and a file of JSON.

import { list, object, optional, string } from '../../check/index.js'
import { readWholeText } from '../../data/files/whole-text.js'
import { expected } from '../../errors.js'
import { parseJsonObject } from '../../io/json.js'
import { givenFields, setAt, settingsOf, type Given, type Group } from '../../settings/index.js'
import { readWords } from './settings.js'

/** Returns the name of the variable of a setting: GATECELL_MAX_ROWS for maxRows. */
export function variableOf(path: readonly string[]): string {
  return `GATECELL_${path.join('_').replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}` // prettier-ignore
}

/**
 * Returns the values that variables of the environment give. An empty variable gives none; a list has commas between its elements. Throws
 * ERR_INVALID_OPTION for a value that its setting does not take.
 */
export function givenInEnvironment<G extends Group>(group: G, environment: NodeJS.ProcessEnv): Given<G> {
  const given: Record<string, unknown> = {}
  for (const { path, setting } of settingsOf(group)) {
    const name = variableOf(path)
    const word = environment[name]
    if (word === undefined || word === '') continue
    const isList = setting.kind === 'texts' || setting.kind === 'paths'
    const words = isList ? word.split(',').map((one) => one.trim()) : word
    setAt(given, path, setting.kind === 'boolean' ? truthOf(name, word) : readWords(setting, name, words))
  }
  return given as Given<G>
}

function truthOf(name: string, word: string): boolean {
  if (word === 'true' || word === '1') return true
  if (word === 'false' || word === '0') return false
  throw expected('ERR_INVALID_OPTION', `true or false for ${name}`, JSON.stringify(word), 'correct the variable')
}

const MOST_BYTES = 2 ** 20

/**
 * Returns the values in a file: a JSON object with settings by their names, and the list `models`. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT for
 * other JSON, and ERR_INVALID_ARGUMENT for a value that its setting does not take.
 */
export async function givenInFile<G extends Group>(
  group: G,
  path: string,
  signal: AbortSignal
): Promise<{ given: Given<G>; models: readonly string[] }> {
  const json = parseJsonObject(await readWholeText(path, { maxBytes: MOST_BYTES, signal }), path)
  const fields = { ...givenFields(group), models: optional(list(string, 1)) }
  const check = object<Given<G> & { models?: string[] }>(fields)
  const { models = [], ...given } = check(json, path)
  return { given: given as unknown as Given<G>, models }
}
