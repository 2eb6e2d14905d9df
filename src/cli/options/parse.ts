// Option values: from the words of a command line to numbers and names. Every refusal is ERR_INVALID_OPTION and names the
// option, what it takes and what came.

import { GatecellError } from '../../errors.js'

export type Parse<T> = (text: string) => T

function refuse(option: string, expected: string, found: string): never {
  throw new GatecellError(
    'ERR_INVALID_OPTION',
    `Expected ${expected} for ${option} but received "${found}": see --help`
  )
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** A number from `least` to `most`; `open`: the ends do not belong to it. */
export function number(
  option: string,
  least: number,
  most: number,
  open: 'least' | 'most' | 'none' = 'none'
): Parse<number> {
  return (text) => {
    const value = Number(text)
    const fits = DECIMAL.test(text) && value >= least && value <= most
    if (fits && !(open === 'least' && value === least) && !(open === 'most' && value === most)) return value
    const from = open === 'least' ? `above ${least}` : `from ${least}`
    const to = open === 'most' ? `below ${most}` : `to ${most}`
    return refuse(option, Number.isFinite(most) ? `a number ${from} ${to}` : `a number ${from} on`, text)
  }
}

export function whole(option: string, least: number, most = Number.MAX_SAFE_INTEGER): Parse<number> {
  return (text) => {
    const value = Number(text)
    if (/^\d+(e\d+)?$/i.test(text) && Number.isSafeInteger(value) && value >= least && value <= most) return value
    return refuse(
      option,
      `a whole number of at least ${least}${most < 2 ** 53 - 1 ? ` and at most ${most}` : ''}`,
      text
    )
  }
}

export function choice<T extends string>(option: string, choices: readonly T[]): Parse<T> {
  return (text) => choices.find((name) => name === text) ?? refuse(option, `one of ${choices.join(', ')}`, text)
}

/**
 * The path of a file or folder. Refuses the empty word, which a shell makes of a variable without a value. `option` may also be the
 * name of an argument.
 */
export function filePath(option: string, kind: 'file' | 'folder' = 'file'): Parse<string> {
  return (text) => (text === '' ? refuse(option, `the path of a ${kind}`, text) : text)
}

/** Paths, one a word: each call returns those that came before and one more. */
export function filePaths(option: string): (text: string, before?: readonly string[]) => string[] {
  const read = filePath(option)
  return (text, before = []) => [...before, read(text)]
}

/** Values with commas between them. */
export function list<T>(item: Parse<T>): Parse<T[]> {
  return (text) => text.split(',').map((part) => item(part.trim()))
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const

/** 90s, 15m, 1.5h -> seconds. */
export function seconds(option: string): Parse<number> {
  return (text) => {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? []
    const value = Number(amount) * SECONDS[(unit ?? 's') as keyof typeof SECONDS]
    return value > 0 && value <= 1e9 ? value : refuse(option, 'a time such as 180s, 15m or 2h', text)
  }
}

/** What --device accepts. */
export function device(text: string): 'auto' | 'cpu' | 'cuda' {
  return choice('--device', ['auto', 'cpu', 'cuda'])(text)
}

/** What --precision trains in. */
export function precision(text: string): 'f32' | 'bf16' | 'tf32' {
  return choice('--precision', ['f32', 'bf16', 'tf32'])(text)
}

/** What --weights runs a model with. */
export function weights(text: string): 'f32' | 'bf16' | 'int8' {
  return choice('--weights', ['f32', 'bf16', 'int8'])(text)
}
