// Declarations of settings. A setting is declared once: its type, bounds, unit, default, help text and option of the command line.
// Checks, the reading of model files, options, JSON Schema and tables of documents are all made from the declaration.

import { boolean, choice as choiceOf, filled, invalid, list, nullable, string, type Check } from '../check/index.js'
import { content, contents, model, product } from './content.js'
import { declare, type AbsentIn, type Bounds, type Described, type SettingKind, type SettingSpec } from './spec.js'

/** A size of anything in a configuration. */
export const MAX_SIZE = 2 ** 20
/** The largest count. */
export const MAX_COUNT = Number.MAX_SAFE_INTEGER

/** Declares a number. */
function number<const O extends Described<number> & Bounds & { absent?: true }>(
  from: O
): SettingSpec<number, AbsentIn<O>> {
  return numeric('number', from, 'a number', Number.isFinite)
}

/** Declares an integer. */
function integer<const O extends Described<number> & Bounds & { absent?: true }>(
  from: O
): SettingSpec<number, AbsentIn<O>> {
  return numeric('integer', { max: MAX_COUNT, ...from }, 'an integer', Number.isInteger, from)
}

/** Declares a time in seconds, which the command line takes as 90s, 15m or 1.5h. */
function timeSpan<const O extends Described<number> & Bounds & { absent?: true }>(
  from: O
): SettingSpec<number, AbsentIn<O>> {
  return numeric('duration', from, 'a number', Number.isFinite)
}

function numeric<Absent extends boolean>(
  kind: SettingKind,
  from: Described<number> & Bounds & { absent?: true },
  noun: string,
  fits: (value: number) => boolean,
  shown: Bounds = from
): SettingSpec<number, Absent> {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = from
  const what = `${noun}${rangeOf(shown)}`
  const check: Check<number> = (value, name) => {
    const inside =
      typeof value === 'number' && fits(value) && value >= min && value <= max && value > above && value < below
    if (inside) return value + 0 // -0 becomes 0
    throw invalid(what, name, value)
  }
  return declare<number, Absent>(kind, from, what, check, kind === 'duration' ? '<time>' : '<n>')
}

/** Returns the range in words, with a blank in front: " from 1 to 9", " of at least 1", " above 0 and below 1". */
function rangeOf({ min, max, above, below }: Bounds): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`
  const low = min !== undefined ? `of at least ${min}` : above !== undefined ? `above ${above}` : ''
  const high = max !== undefined ? `of at most ${max}` : below !== undefined ? `below ${below}` : ''
  return `${low || high ? ' ' : ''}${[low, high].filter((part) => part !== '').join(' and ')}`
}

/** Description of a setting that is true or false. */
export interface BooleanDescription extends Described<boolean> {
  /** The value that the option of the command line stands for; default: the opposite of the default. */
  readonly means?: boolean
  /** Help text of the option, if that of the setting does not describe it: for an option that stands for false. */
  readonly flagHelp?: string
}

/** Declares a value that is true or false. On the command line it is an option without a value. */
function flag<const O extends BooleanDescription & { absent?: true }>(from: O): SettingSpec<boolean, AbsentIn<O>> {
  const made = declare<boolean, AbsentIn<O>>('boolean', from, 'true or false', boolean, null)
  const means = from.means ?? from.default !== true
  return { ...made, flag: made.flag && { ...made.flag, means, help: from.flagHelp ?? null } }
}

/** Declares one of several names. */
function choice<const T extends string, const O extends Described<T> & { absent?: true }>(
  choices: readonly T[],
  from: O
): SettingSpec<T, AbsentIn<O>> {
  const made = declare<T, AbsentIn<O>>('choice', from, `one of ${choices.join(', ')}`, choiceOf(...choices), '<name>')
  return { ...made, choices }
}

/** Declares a text. */
function text<const O extends Described<string> & { absent?: true }>(from: O): SettingSpec<string, AbsentIn<O>> {
  return declare<string, AbsentIn<O>>('text', from, 'a text', string, '<text>')
}

/** Declares a list of texts, at least one. */
function texts<const O extends Described<readonly string[]> & { absent?: true }>(
  from: O
): SettingSpec<readonly string[], AbsentIn<O>> {
  return declare<readonly string[], AbsentIn<O>>('texts', from, 'a list of texts', list(string, 1), '<text...>')
}

/** Declares the path of a file or folder, which is not empty. */
function path<const O extends Described<string> & { absent?: true; folder?: true }>(
  from: O
): SettingSpec<string, AbsentIn<O>> {
  const what = from.folder ? 'folder' : 'file'
  return declare<string, AbsentIn<O>>('path', from, `the path of a ${what}`, filled, `<${what}>`)
}

/** Declares a list of paths, at least one. */
function paths<const O extends Described<readonly string[]> & { absent?: true }>(
  from: O
): SettingSpec<readonly string[], AbsentIn<O>> {
  const what = 'a list of paths of files'
  const check: Check<readonly string[]> = (value, name) => {
    if (Array.isArray(value) && value.length > 0) return value.map((one, i) => filled(one, `${name}[${i}]`))
    throw invalid(what, name, value)
  }
  return declare<readonly string[], AbsentIn<O>>('paths', from, what, check, '<file...>')
}

/** Returns the declaration of a setting that may also be null, which is its default. */
function orNull<T, Absent extends boolean>(setting: SettingSpec<T, Absent>): SettingSpec<T | null, Absent> {
  return {
    ...setting,
    default: null,
    defaultText: setting.defaultText ?? 'none',
    nullable: true,
    check: nullable(setting.check)
  }
}

/**
 * The declarations of settings by their kind. Each function takes the help text, the default and the bounds of a setting and returns its
 * declaration; `orNull` takes a declaration and admits null, too.
 *
 * @example
 * const settings = { hidden: setting.integer({ min: 1, default: 128, help: 'units of a layer' }) }
 */
export const setting = {
  number,
  integer,
  timeSpan,
  flag,
  choice,
  text,
  texts,
  path,
  paths,
  content,
  contents,
  model,
  product,
  orNull
}
