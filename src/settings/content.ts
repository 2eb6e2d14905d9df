// Declarations of the inputs and products of a use of a model that the command line takes from files and writes to files. A program that has
// no files, such as a server, hands over the contents themselves and gets the products as records.

import { filled, invalid, object, string, type Check } from '../check/index.js'
import { isObject } from '../errors.js'
import { declare, type AbsentIn, type Described, type SettingSpec } from './spec.js'

/** Content of a file: the path of the file, or its text with a name for messages. */
export type Content = { readonly path: string } | { readonly name: string; readonly text: string }

const FILE = 'the path of a file'

const checkPath = object<{ path: string }>({ path: filled })
const checkHeld = object<{ name: string; text: string }>({ name: filled, text: string })

const checkContent: Check<Content> = (value, name) =>
  isObject(value) && 'text' in value ? checkHeld(value, name) : checkPath(value, name)

type ContentDescription = Omit<Described<never>, 'default'> & {
  /** Media type of the content. */
  readonly mediaType: string
  readonly absent?: true
}

/** Declares the content of a file. */
export function content<const O extends ContentDescription>(from: O): SettingSpec<Content, AbsentIn<O>> {
  const made = declare<Content, AbsentIn<O>>('content', from, FILE, checkContent, '<file>')
  return { ...made, mediaType: from.mediaType }
}

/** Declares the contents of files, at least one. */
export function contents<const O extends ContentDescription>(from: O): SettingSpec<readonly Content[], AbsentIn<O>> {
  const check: Check<readonly Content[]> = (value, name) => {
    if (Array.isArray(value) && value.length > 0) return value.map((one, i) => checkContent(one, `${name}[${i}]`))
    throw invalid('a list of contents', name, value)
  }
  const made = declare<readonly Content[], AbsentIn<O>>('contents', from, 'a list of paths', check, '<file...>')
  return { ...made, mediaType: from.mediaType }
}

/** Declares the name of another model: the path of its file on the command line. */
export function model<const O extends Omit<Described<string>, 'default'> & { absent?: true }>(
  from: O
): SettingSpec<string, AbsentIn<O>> {
  return declare<string, AbsentIn<O>>('model', from, FILE, filled, '<model>')
}

/**
 * Declares a file that a use of a model makes on demand. Its value is whether the file is wanted; an option of the command line names the
 * place of the file.
 */
export function product(
  from: Omit<Described<never>, 'default'> & { readonly mediaType: string }
): SettingSpec<boolean, true> {
  const check: Check<boolean> = (value, name) => {
    if (typeof value === 'boolean') return value
    throw invalid('true or false', name, value)
  }
  const made = declare<boolean, true>('product', { ...from, absent: true }, FILE, check, '<file>')
  return { ...made, mediaType: from.mediaType }
}
