// Pairs of names on the command line.

import { expected } from '../../errors.js'
import type { Parse } from './parse.js'

/** Returns a parser of names and new names: `rnn=lstm,decoder=head`. */
export function nameMap(option: string): Parse<Record<string, string>> {
  return (text) => {
    const pairs = text.split(',').map((part) => part.split('=').map((name) => name.trim()))
    const odd = pairs.findIndex((pair) => pair.length !== 2 || pair.includes(''))
    if (odd < 0) return Object.fromEntries(pairs) as Record<string, string>
    throw expected(
      'ERR_INVALID_OPTION',
      `names such as rnn=lstm,decoder=head for ${option}`,
      JSON.stringify(text),
      'see --help'
    )
  }
}

/** Returns a parser of a name and a file, `x=x.npy`: a call returns the pairs before it and one more. */
export function namedFiles(option: string): (text: string, before: Record<string, string>) => Record<string, string> {
  return (text, before) => {
    const at = text.indexOf('=')
    const [name, path] = [text.slice(0, at), text.slice(at + 1)]
    if (at > 0 && path !== '' && !Object.hasOwn(before, name)) return { ...before, [name]: path }
    throw expected(
      'ERR_INVALID_OPTION',
      `another name and a file such as x=x.npy for ${option}`,
      JSON.stringify(text),
      'see --help'
    )
  }
}
