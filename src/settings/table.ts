// Tables of settings for documents, in Markdown.

import { settingsOf, type Group } from './group.js'
import { flagOf } from './flag.js'
import { MAX_COUNT } from './setting.js'
import type { SettingSpec } from './spec.js'

const TYPES = {
  number: 'number',
  integer: 'integer',
  duration: 'number',
  boolean: 'true or false',
  choice: 'name',
  text: 'text',
  texts: 'list of texts',
  path: 'path',
  paths: 'list of paths',
  content: 'path',
  contents: 'list of paths',
  model: 'path',
  product: 'path',
  list: 'list',
  map: 'object'
} as const

/** Returns a table with a row for each setting: its name, option, type, range, unit, default and meaning. */
export function settingsTable(group: Group): string {
  const rows = [...settingsOf(group)].map(({ path, setting }) => {
    const option = flagOf(path, setting)
    const cells = [
      `\`${path.join('.')}\``,
      option ? `\`${option.name}\`` : '',
      TYPES[setting.kind] + (setting.nullable ? ' or null' : ''),
      escaped(rangeOf(setting)),
      escaped(setting.unit ?? ''),
      escaped(defaultWords(setting) ?? ''),
      escaped(setting.help)
    ]
    return `| ${cells.join(' | ')} |`
  })
  const head = ['| setting | option | type | range | unit | default | meaning |', '|---|---|---|---|---|---|---|']
  return [...head, ...rows, ''].join('\n')
}

/** Returns a text in which Markdown sees neither a tag nor the end of a cell. */
function escaped(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('|', '\\|')
}

/** Returns the valid values in words: the names of a choice, the bounds of a number. */
function rangeOf({ choices, bounds }: SettingSpec): string {
  if (choices) return choices.join(', ')
  const { min, max, above, below } = bounds ?? {}
  const highest = max === MAX_COUNT ? undefined : max
  if (min !== undefined && highest !== undefined) return `${min} to ${highest}`
  const low = min !== undefined ? `at least ${min}` : above !== undefined ? `above ${above}` : ''
  const high = highest !== undefined ? `at most ${highest}` : below !== undefined ? `below ${below}` : ''
  return [low, high].filter((part) => part !== '').join(', ')
}

/** Returns the default in words; null if the setting has none. */
export function defaultWords({ default: initial, defaultText }: SettingSpec): string | null {
  if (defaultText !== null) return defaultText
  return initial === undefined ? null : `${initial as string | number | boolean | null}`
}
