// Names of tensors in files of other programs, and the names of parameters here.

import { expected } from '../errors.js'
import { quoted } from '../io/safetensors/dtypes.js'

/** New names by old ones: a whole name, or its beginning before a dot, such as `{ rnn: 'lstm', 'decoder.weight': 'head.weight' }`. */
export type NameMap = Readonly<Record<string, string>>

/** Beginnings that wrappers of PyTorch add to all names: DataParallel and torch.compile. */
const wrappers = ['module.', '_orig_mod.']

/** Returns names without the beginnings that wrappers add to all of them, in their order. */
export function withoutWrappers(names: readonly string[]): string[] {
  let bare = [...names]
  for (;;) {
    const wrapper = wrappers.find((one) => bare.length > 0 && bare.every((name) => name.startsWith(one)))
    if (wrapper === undefined) return bare
    bare = bare.map((name) => name.slice(wrapper.length))
  }
}

/** Returns the name that a map gives a tensor: the longest key counts. A name that no key begins keeps itself. */
export function mappedName(name: string, map: NameMap): string {
  const keys = Object.keys(map).filter((key) => name === key || name.startsWith(`${key}.`))
  const key = keys.sort((a, b) => b.length - a.length)[0]
  return key === undefined ? name : map[key]! + name.slice(key.length)
}

/** Throws ERR_INVALID_ARGUMENT for a key of a map that begins none of the names. */
export function checkMap(map: NameMap, names: readonly string[], where: string): void {
  const unused = Object.keys(map).find((key) => !names.some((name) => name === key || name.startsWith(`${key}.`)))
  if (unused === undefined) return
  const what = `a name of a tensor of ${where}, or its beginning, as a key of the map`
  throw expected('ERR_INVALID_ARGUMENT', what, quoted(unused), `use one of ${listed(names)}`)
}

/** Returns names for a message: at most eight of them. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).map(quoted).join(', ')
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown
}
