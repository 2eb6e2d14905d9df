// Declarations of settings. A setting is declared once: its type, bounds, unit, default, help text and option of the command line.
// Checks, the reading of model files, options, JSON Schema and tables of documents are all made from the declaration.

import { boolean, choice as choiceOf, filled, invalid, nullable, string, type Check } from '../check/index.js'

/** The kinds of settings: how their values are checked and written on the command line. */
export type SettingKind = 'number' | 'integer' | 'duration' | 'boolean' | 'choice' | 'text' | 'path' | 'paths'

/** The option of the command line that sets a setting. */
export interface SettingFlag {
  /** Name with its dashes, for example `--hidden`. */
  readonly name: string
  /** Name of the value in help texts, for example `<n>`; null if the option takes no value. */
  readonly argument: string | null
  /** For an option without a value: the value that it stands for. */
  readonly means: boolean
  /** Help text, if that of the setting does not describe the option. */
  readonly help: string | null
}

/** Declaration of one setting with values of type T. `Absent`: whether a configuration may lack the setting. */
export interface SettingSpec<T = unknown, Absent extends boolean = boolean> {
  readonly kind: SettingKind
  /** Noun phrase or imperative without a period: meaning, and the meaning of special values. */
  readonly help: string
  /** Unit of the value; null if it has none. */
  readonly unit: string | null
  /** Value if a caller gives none; undefined if there is none, or if it depends on other settings. */
  readonly default: T | undefined
  /** The default in words, for help texts; null: the value itself is printed. */
  readonly defaultText: string | null
  /** Whether a configuration may lack it. */
  readonly absent: Absent
  /** Whether null is a value, too. */
  readonly nullable: boolean
  readonly bounds: Bounds | null
  readonly choices: readonly string[] | null
  /** null: the setting has no option on the command line. undefined: the option is derived from the name. */
  readonly flag: SettingFlag | null | undefined
  /** Noun phrase that describes the valid values, for error messages: "an integer from 1 to 1048576". */
  readonly expects: string
  /** Returns the value or throws ERR_INVALID_ARGUMENT. */
  readonly check: Check<T>
}

/** Bounds of a number. `above` and `below` are excluded from the range, `min` and `max` are included. */
export interface Bounds {
  readonly min?: number
  readonly max?: number
  readonly above?: number
  readonly below?: number
}

/** The part of a declaration that all kinds share. */
export interface Described<T> {
  readonly help: string
  readonly unit?: string
  readonly default?: T
  readonly defaultText?: string
  /** Name of the option, for example `--lr`; null: no option. Default: the name of the setting in lower case with dashes. */
  readonly flag?: string | null
  /** Name of the option's value in help texts; default: by kind. */
  readonly argument?: string
}

interface MayBeAbsent {
  /** The configuration may lack it. */
  readonly absent: true
}

type AbsentIn<O> = O extends MayBeAbsent ? true : false

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
function flag<const O extends BooleanDescription & { absent?: true }>(
  from: O
): SettingSpec<boolean, AbsentIn<O>> {
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
export const setting = { number, integer, timeSpan, flag, choice, text, path, paths, orNull }

function declare<T, Absent extends boolean>(
  kind: SettingKind,
  from: Described<T> & Bounds & { absent?: true },
  expects: string,
  check: Check<T>,
  argument: string | null
): SettingSpec<T, Absent> {
  const { help, unit = null, default: initial, defaultText = null, absent = false, min, max, above, below } = from
  const bounds = { ...(min !== undefined && { min }), ...(max !== undefined && { max }) }
  const open = { ...(above !== undefined && { above }), ...(below !== undefined && { below }) }
  const name = from.flag === undefined ? '' : from.flag
  return {
    kind,
    help,
    unit,
    default: initial,
    defaultText,
    absent: absent as Absent,
    nullable: false,
    bounds: Object.keys({ ...bounds, ...open }).length > 0 ? { ...bounds, ...open } : null,
    choices: null,
    flag: name === null ? null : { name, argument: argument && (from.argument ?? argument), means: true, help: null },
    expects,
    check
  }
}
