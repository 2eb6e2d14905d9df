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
