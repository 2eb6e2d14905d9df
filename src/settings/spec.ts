// The form of the declarations of settings: the parts that all kinds share.

import type { Check } from '../check/index.js'

/** The kinds of settings: how their values are checked and written on the command line. */
export type SettingKind =
  | 'number'
  | 'integer'
  | 'duration'
  | 'boolean'
  | 'choice'
  | 'text'
  /** A list of texts. */
  | 'texts'
  | 'path'
  | 'paths'
  /** Content of a file, or of several: see content.ts. */
  | 'content'
  | 'contents'
  /** Name of a model. */
  | 'model'
  /** A file that a use of a model makes on demand. */
  | 'product'
  /** In records only: see field.ts. */
  | 'list'
  | 'map'

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
  /** Declaration of the elements of a list or map: of one value, or of the fields of an object; null for other kinds. */
  readonly items: Item | null
  /** Media type of a content or product; null for other kinds. */
  readonly mediaType: string | null
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

/** Declaration of the elements of a list: of one value, or of the fields of an object. */
export type Item = SettingSpec | { readonly [name: string]: Item }

interface MayBeAbsent {
  /** The configuration may lack it. */
  readonly absent: true
}

/** Whether an object with these options declares a setting that may be absent. */
export type AbsentIn<O> = O extends MayBeAbsent ? true : false

/** Returns a declaration whose parts that differ between kinds are given. */
export function declare<T, Absent extends boolean>(
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
    items: null,
    mediaType: null,
    flag: name === null ? null : { name, argument: argument && (from.argument ?? argument), means: true, help: null },
    expects,
    check
  }
}
