// The option for the most bytes of the tensors of a file, of the commands that open files of other programs.

import { Option } from 'commander'
import { integerParser } from './parse.js'

/** Returns the option. */
export function maxBytesOption(): Option {
  const help =
    'most bytes of the tensors of a compressed file or of shared storages (default: 4 times its size and 16 MiB)'
  return new Option('--max-bytes <bytes>', help).argParser(integerParser('--max-bytes', 0, Number.MAX_SAFE_INTEGER))
}
