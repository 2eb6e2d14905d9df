// Integers as digits, for the network: least significant digit first, negative numbers in ten's complement. So a number can have any width, and
// the digits of a sum depend only on digits that were read before.

import { integer, list, type Check } from '../../check/index.js'
import { expected, type GatecellError } from '../../errors.js'

/** Number of terms, the last ones, that the network reads. */
export const CONTEXT = 6

/** Number of digits, which are the first symbols. */
export const DIGITS = 10

/** The symbol for a term that does not exist, and for the digit before the first one. */
export const NONE = DIGITS

/** Number of symbols: the digits and NONE. */
export const SYMBOLS = DIGITS + 1

/** Most digits of a term that the task takes. Longer numbers are refused. */
export const MAX_DIGITS = 500

/** Most terms that the task takes. */
export const MAX_TERMS = 1000

/** Returns the number of digits of an integer, at least 1, without its sign. */
export function digitCount(value: bigint): number {
  return `${value < 0n ? -value : value}`.length
}

/** Returns the width of ten's complement in which all values have a digit for their sign. */
export function widthOf(values: readonly bigint[]): number {
  return 1 + values.reduce((most, value) => Math.max(most, digitCount(value)), 1)
}

/** Returns the digits of a value from the most significant on, in ten's complement of `width` digits, which is at least `widthOf([value])`. */
export function complement(value: bigint, width: number): string {
  return value < 0n ? `${10n ** BigInt(width) + value}` : `${value}`.padStart(width, '0')
}

/** Returns the value of digits in ten's complement, least significant first. A last, most significant, digit of 5 or more means a negative number. */
export function valueOf(digits: readonly number[]): bigint {
  const value = BigInt(digits.toReversed().join(''))
  return digits.at(-1)! >= 5 ? value - 10n ** BigInt(digits.length) : value
}

/** A sequence for the network: its last terms, the next term if it is known, and the number of its family. */
export interface NumberSample {
  readonly terms: readonly bigint[]
  readonly next: bigint | null
  readonly family: number
}

/** The tensors of a batch of sequences of T digits. */
export interface PackedNumbers {
  /** `[T, B, CONTEXT]`: digit t of each of the last terms; NONE for terms before the first one. */
  readonly terms: Int32Array
  /** `[T, B]`: digit t - 1 of the next term; NONE at the first digit. */
  readonly previous: Int32Array
  /** `[T, B]`: digit t of the next term. */
  readonly digits: Int32Array
  /** `[B]`: number of the family. */
  readonly family: Int32Array
}

/** Returns the tensors of a batch. Numbers are extended to `width` digits by their sign. A next term that is not known has no digits. */
export function packNumbers(samples: readonly NumberSample[], width: number): PackedNumbers {
  const batch = samples.length
  const terms = new Int32Array(width * batch * CONTEXT).fill(NONE)
  const previous = new Int32Array(width * batch).fill(NONE)
  const digits = new Int32Array(width * batch)
  const family = new Int32Array(batch)
  samples.forEach((sample, b) => {
    family[b] = sample.family
    const last = sample.terms.slice(-CONTEXT)
    last.forEach((term, i) => {
      const text = complement(term, width)
      const at = CONTEXT - last.length + i
      for (let t = 0; t < width; t++) terms[(t * batch + b) * CONTEXT + at] = text.charCodeAt(width - 1 - t) - 48
    })
    if (sample.next === null) return
    const text = complement(sample.next, width)
    for (let t = 0; t < width; t++) {
      digits[t * batch + b] = text.charCodeAt(width - 1 - t) - 48
      if (t + 1 < width) previous[(t + 1) * batch + b] = digits[t * batch + b]!
    }
  })
  return { terms, previous, digits, family }
}

const INTEGER = /^[+-]?\d+$/

/**
 * Reads terms from words: integers in decimal, with commas between them or not. Throws ERR_INVALID_ARGUMENT if a word is not an integer or has
 * more than MAX_DIGITS digits, or if there are fewer than two or more than MAX_TERMS terms.
 */
export function readTerms(words: readonly string[]): bigint[] {
  const parts = words.flatMap((word) => word.split(/[\s,]+/)).filter((word) => word !== '')
  const terms = parts.map((word) => {
    if (!INTEGER.test(word)) throw refused('integers such as 6 or -3 as terms', shown(word), 'write them in decimal')
    const value = word.replace(/^([+-]?)0+(?=\d)/, '$1')
    if (value.replace(/^[+-]/, '').length > MAX_DIGITS) throw tooLong(value.replace(/^[+-]/, '').length)
    return BigInt(value)
  })
  return checkCount(terms)
}

/**
 * Checks terms that a caller passes: bigints, or numbers that are integers from -2^53 + 1 to 2^53 - 1. Throws ERR_INVALID_ARGUMENT for others, and as
 * `readTerms` does.
 */
export const checkTerms: Check<bigint[]> = (value, name) => {
  const terms = list(checkTerm, 0, MAX_TERMS)(value, name)
  return checkCount(terms)
}

const checkTerm: Check<bigint> = (value, name) => {
  if (typeof value !== 'bigint') return BigInt(integer(-Number.MAX_SAFE_INTEGER)(value, name))
  if (value < LIMIT && value > -LIMIT) return value
  throw tooLong(`more than ${MAX_DIGITS} digits`)
}

const LIMIT = 10n ** BigInt(MAX_DIGITS)

function tooLong(found: number | string): GatecellError {
  return refused(`terms of at most ${MAX_DIGITS} digits`, `one of ${found}`, 'leave longer numbers out')
}

function checkCount(terms: bigint[]): bigint[] {
  if (terms.length >= 2 && terms.length <= MAX_TERMS) return terms
  const what = terms.length < 2 ? 'at least two terms' : `at most ${MAX_TERMS} terms`
  throw refused(what, `${terms.length}`, 'give the last terms of a sequence, for example 6 7 8')
}

const refused = (what: string, found: string, remedy: string) => expected('ERR_INVALID_ARGUMENT', what, found, remedy)

function shown(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}...` : word)
}
