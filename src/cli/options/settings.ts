// Settings as options of a command: their declarations make the options and help texts, and read the words of a command line.

import type { Command } from 'commander'
import { expected, GatecellError } from '../../errors.js'
import {
  defaultWords,
  flagOf,
  setAt,
  settingsOf,
  type Given,
  type Group,
  type SettingFlag,
  type SettingSpec
} from '../../settings/index.js'
import type { Verb } from '../../tasks/verb.js'
import { DECIMAL, filePaths, INTEGER, seconds } from './parse.js'

/** Adds an option for each setting that has one. */
export function addSettings(command: Command, group: Group): Command {
  for (const { path, setting } of settingsOf(group)) {
    const flag = flagOf(path, setting)
    if (flag) addOption(command, flag, helpOf(setting), [setting])
  }
  return command
}

/** Adds an option that refuses a word which none of `settings` takes; the words themselves are kept. */
export function addOption(command: Command, flag: SettingFlag, help: string, settings: readonly SettingSpec[]): void {
  const { name, argument } = flag
  if (argument === null) command.option(name, help)
  else if (settings.some(({ kind }) => kind === 'paths')) command.option(`${name} ${argument}`, help, filePaths(name))
  else if (settings.some(({ kind }) => kind === 'texts'))
    command.option(`${name} ${argument}`, help, (word, before: string[] = []) => [...before, word])
  else
    command.option(`${name} ${argument}`, help, (word) => {
      const fits = settings.some((setting) => takes(setting, name, word))
      if (!fits) readWords(settings[0]!, name, word)
      return word
    })
}

function takes(setting: SettingSpec, name: string, word: string): boolean {
  try {
    readWords(setting, name, word)
    return true
  } catch {
    return false
  }
}

/** Returns the help text of a setting's option: meaning, names to choose from, default. */
export function helpOf(setting: SettingSpec): string {
  const { choices, help, flag, kind } = setting
  const names = choices ? `: ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)!}` : ''
  const initial = kind === 'boolean' || setting.nullable ? null : defaultWords(setting)
  const times = kind === 'duration' ? ': 90s, 15m, 2h' : ''
  return `${flag?.help ?? help}${names}${times}${initial === null ? '' : ` (default: ${initial})`}`
}

/**
 * Returns the values that the command line gives, in the groups of their settings. Throws ERR_INVALID_OPTION for a value that its setting
 * does not take.
 */
export function givenOnCommandLine<G extends Group>(command: Command, group: G): Given<G> {
  const given: Record<string, unknown> = {}
  for (const { path, setting } of settingsOf(group)) {
    const flag = flagOf(path, setting)
    const option = flag && command.options.find(({ long }) => long === flag.name)
    if (!option || command.getOptionValueSource(option.attributeName()) !== 'cli') continue
    const words: unknown = command.getOptionValue(option.attributeName())
    setAt(given, path, typeof words === 'boolean' ? flag.means : readWords(setting, flag.name, words as string))
  }
  return given as Given<G>
}

/** Returns the paths that options of the command line give for products, by the names of their settings. */
export function productsOnCommandLine(command: Command, group: Group): Map<string, string> {
  const paths = new Map<string, string>()
  for (const { path, setting } of settingsOf(group)) {
    const flag = setting.kind === 'product' ? flagOf(path, setting) : null
    const option = flag && command.options.find(({ long }) => long === flag.name)
    const place = option && (command.getOptionValue(option.attributeName()) as string | undefined)
    if (place !== null && place !== undefined) paths.set(path.at(-1)!, place)
  }
  return paths
}

/** Returns the values of the words of a use. Throws ERR_INVALID_OPTION for a word that its setting does not take. */
export function givenWords(
  { settings, words }: Pick<Verb, 'settings' | 'words'>,
  texts: readonly string[]
): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const [i, name] of words.entries()) {
    const setting = settings[name] as SettingSpec
    const word = texts[i]
    const many = setting.kind === 'contents' || setting.kind === 'texts'
    if (word !== undefined) given[name] = readWords(setting, `the ${name}`, many ? texts.slice(i) : word)
  }
  return given
}

/** Reads the words that an option was given: one word, or a list of them for a list. Throws ERR_INVALID_OPTION. */
export function readWords(setting: SettingSpec, name: string, words: string | readonly string[]): unknown {
  const { kind, check, expects } = setting
  if (kind === 'duration') return check(seconds(name)(words as string), name)
  try {
    return check(typed(kind, words), name)
  } catch (error) {
    if (!(error instanceof GatecellError)) throw error
    throw expected('ERR_INVALID_OPTION', `${expects} for ${name}`, `"${words.toString()}"`, 'see --help', error)
  }
}

/** Returns the words of an option as a value of a kind. The value is not checked. */
function typed(kind: SettingSpec['kind'], words: string | readonly string[]): unknown {
  switch (kind) {
    case 'number':
      return DECIMAL.test(words as string) ? Number(words) : words
    case 'integer':
      return INTEGER.test(words as string) ? Number(words) : words
    case 'content':
      return { path: words }
    case 'contents':
      return (words as readonly string[]).map((path) => ({ path }))
    case 'product':
      // True if a path is given; the empty word is passed on, so that the check refuses it.
      return words !== '' || words
    default:
      return words
  }
}
