// Option values: from the words of a command line to numbers and names. Every refusal is ERR_INVALID_OPTION and names the
// option, the values that it takes and the word that was given.

import { extname } from 'node:path'
import { range } from '../../check/index.js'
import { expected } from '../../errors.js'

/** A function that reads the value of an option from a word of the command line, or throws ERR_INVALID_OPTION. */
export type Parse<T> = (text: string) => T

function refuse(option: string, what: string, found: string, remedy = 'see --help'): never {
  throw expected('ERR_INVALID_OPTION', `${what} for ${option}`, `"${found}"`, remedy)
}

/** A decimal number. */
export const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** An integer without a sign. */
export const INTEGER = /^\d+(e\d+)?$/i

/** Returns a parser of numbers from `min` to `max`. */
export function numberParser(option: string, min: number, max: number): Parse<number> {
  return (text) => {
    const value = Number(text)
    return DECIMAL.test(text) && value >= min && value <= max
      ? value
      : refuse(option, range('a number', min, max), text)
  }
}

/** Returns a parser of integers from `min` to `max`. */
export function integerParser(option: string, min: number, max: number): Parse<number> {
  return (text) => {
    const value = Number(text)
    const fits = INTEGER.test(text) && Number.isSafeInteger(value) && value >= min && value <= max
    return fits ? value : refuse(option, range('an integer', min, max), text)
  }
}

/** Returns a parser that takes one of `choices`. */
export function choiceParser<T extends string>(option: string, choices: readonly T[]): Parse<T> {
  return (text) => choices.find((name) => name === text) ?? refuse(option, `one of ${choices.join(', ')}`, text)
}

/**
 * Returns a parser of the path of a file or folder. It refuses the empty word, which a shell makes of a variable without a value. `option`
 * may also be the name of an argument.
 */
export function filePath(option: string, kind: 'file' | 'folder' = 'file'): Parse<string> {
  return (text) => (text === '' ? refuse(option, `the path of a ${kind}`, text) : text)
}

/**
 * Returns a parser of the path of a model to write. It refuses the extensions of other formats, because the file would not be what its
 * name promises; a name without an extension is taken.
 */
export function modelPath(option: string): Parse<string> {
  const read = filePath(option)
  return (text) => {
    const extension = extname(read(text))
    if (extension === '' || extension === '.safetensors') return text
    const remedy = `end the name with .safetensors instead of ${extension}, because the file has that format`
    return refuse(option, 'the path of a .safetensors file', text, remedy)
  }
}

/** Returns a parser of paths, one for each word: a call returns the paths before it and one more. */
export function filePaths(option: string): (text: string, before?: readonly string[]) => string[] {
  const read = filePath(option)
  return (text, before = []) => [...before, read(text)]
}

/** Returns a parser of values with commas between them. */
export function listParser<T>(item: Parse<T>): Parse<T[]> {
  return (text) => text.split(',').map((part) => item(part.trim()))
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const

/** Returns a parser of times such as 90s, 15m and 1.5h, which returns seconds. */
export function seconds(option: string): Parse<number> {
  return (text) => {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? []
    const value = Number(amount) * SECONDS[(unit ?? 's') as keyof typeof SECONDS]
    return value > 0 && value <= 1e9 ? value : refuse(option, 'a time such as 180s, 15m or 2h', text)
  }
}

/** Parses the value of --device. */
export function device(text: string): 'auto' | 'cpu' | 'cuda' {
  return choiceParser('--device', ['auto', 'cpu', 'cuda'])(text)
}
