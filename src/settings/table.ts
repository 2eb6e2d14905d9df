// Tables of settings for documents, in Markdown.

import { settingsOf, type Group } from './group.js'
import { flagOf } from './flag.js'
import type { SettingSpec } from './setting.js'

/** Returns a table with a row for each setting: its path, its option, its valid values, its default and its meaning. */
export function settingsTable(group: Group): string {
  const rows = [...settingsOf(group)].map(({ path, setting }) => {
    const option = flagOf(path, setting)
    const cells = [
      `\`${path.join('.')}\``,
      option ? `\`${option.name}\`` : '',
      setting.expects + (setting.unit === null ? '' : `, in ${setting.unit}`),
      defaultWords(setting) ?? '',
      setting.help
    ]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| setting | option | value | default | meaning |', '|---|---|---|---|---|', ...rows, ''].join('\n')
}

/** Returns the default in words; null if the setting has none. */
export function defaultWords({ default: initial, defaultText }: SettingSpec): string | null {
  if (defaultText !== null) return defaultText
  return initial === undefined ? null : `${initial as string | number | boolean | null}`
}
