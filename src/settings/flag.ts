// The option of the command line that belongs to a setting.

import type { SettingFlag, SettingSpec } from './spec.js'

/** Returns the option of the setting at `path`, with its name; null if the setting has none. */
export function flagOf(path: readonly string[], { flag, default: initial }: SettingSpec): SettingFlag | null {
  if (!flag || flag.name !== '') return flag ?? null
  const words = path.at(-1)!.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  // An option without a value that switches off a setting which is on by default.
  const off = flag.argument === null && !flag.means && initial === true
  return { ...flag, name: `--${off ? 'no-' : ''}${words}` }
}
