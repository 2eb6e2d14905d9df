// Checks of lists and arrays that callers pass; see values.ts.

import { types } from 'node:util'
import { expected, isObject, isRevoked } from '../errors.js'
import { callback, checkObject, invalid, item, part, range, type Check } from './values.js'

/** Maximum number of elements of a list that is not a typed array; larger lists take too much time and memory to check. */
const MAX_LIST = 2 ** 28

/**
 * The method checks the array at every call; optimised code leaves the check out of others, such as `keys`, and V8 11 also reads an old
 * length of a detached array in code that has seen a resizable one.
 */
const { copyWithin } = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array

/** Throws if the buffer of an array was detached or made smaller than the array, because reading such an array throws a raw TypeError. */
function checkAttached(array: NodeJS.TypedArray, name: string): void {
  try {
    copyWithin.call(array as Uint8Array, 0, 0, 0)
  } catch {
    const found = 'one whose buffer was detached or made smaller'
    throw expected('ERR_INVALID_ARGUMENT', `an array that can be read as ${name}`, found, '')
  }
}

/** Returns the length of a list. Throws ERR_INVALID_ARGUMENT unless it is an integer in [min, max]. */
function lengthOf(value: { readonly length?: unknown }, name: string, min = 0, max = MAX_LIST): number {
  const { length } = value
  if (Number.isInteger(length) && (length as number) >= min && (length as number) <= max) return length as number
  throw invalid(range('a list with a length', min, max), name, length)
}

/** Returns whether `value` is an array of `length` elements. Runs no code of the caller unless `value` is a proxy. */
export function isArrayOf(value: unknown, length: number): value is unknown[] {
  return !isRevoked(value) && Array.isArray(value) && value.length === length
}

/** Checks that a value is an array of `min` to `max` elements, each of which `check` takes, and copies it. */
export function list<T>(check: Check<T>, min = 0, max = MAX_LIST): Check<T[]> {
  return (value, name) => {
    if (isRevoked(value) || !Array.isArray(value)) throw invalid('an array', name, value)
    const length = lengthOf(value, name, min, max)
    const copy: T[] = []
    for (let i = 0; i < length; i++) copy.push(check(value[i], item(name, i)))
    return copy
  }
}

/** Checks that a value is an object of named values, each of which `check` takes, and copies it. */
export function record<T>(check: Check<T>): Check<Record<string, T>> {
  return (value, name) => {
    checkObject(value, name)
    if (Array.isArray(value) || ArrayBuffer.isView(value) || types.isPromise(value) || types.isMap(value))
      throw invalid('an object with names', name, value)
    // A loop, because sessions check the inputs of every step. An assignment to __proto__ would change the prototype.
    const copy: Record<string, T> = {}
    for (const key of Object.keys(value)) {
      const checked = check(value[key], part(name, key))
      if (key === '__proto__')
        Object.defineProperty(copy, key, { value: checked, enumerable: true, writable: true, configurable: true })
      else copy[key] = checked
    }
    return copy
  }
}

/**
 * Checks that a value is a list of numbers. A typed array is returned without a copy; an array or another object with a length is copied.
 * NaN and infinities count as numbers.
 */
export const numbers: Check<ArrayLike<number>> = (value, name) => {
  if (types.isTypedArray(value) && !types.isBigInt64Array(value) && !types.isBigUint64Array(value)) {
    checkAttached(value, name)
    return value
  }
  if (!isObject(value)) throw invalid('an array of numbers', name, value)
  const from = value as ArrayLike<unknown>
  const length = lengthOf(from, name)
  const copy: number[] = []
  for (let i = 0; i < length; i++) {
    const element = from[i]
    if (typeof element !== 'number') throw invalid('a number', item(name, i), element)
    copy.push(element)
  }
  return copy
}

/** Checks that a value is a list of integers in [min, max], and returns them as a new Int32Array. */
export function integers(min: number, max = 2 ** 31 - 1): Check<Int32Array> {
  return (value, name) => {
    const from = numbers(value, name)
    for (let i = 0; i < from.length; i++) {
      const id = from[i]!
      if (Number.isInteger(id) && id >= min && id <= max) continue
      throw invalid(range('an integer', min, max), item(name, i), id)
    }
    return Int32Array.from(from)
  }
}

/** Returns `array`. Throws if its buffer was detached or made smaller, or if its length is not `length` (undefined: any length). */
function ofLength<A extends NodeJS.TypedArray>(array: A, kind: string, name: string, length?: number): A {
  if (length === undefined) checkAttached(array, name)
  if (length === undefined || array.length === length) return array
  throw expected('ERR_INVALID_SHAPE', `a ${kind} of ${length} elements as ${name}`, `one of ${array.length}`, '')
}

/** Checks that a value is a Float32Array of `length` elements (undefined: any number). Throws ERR_INVALID_SHAPE for another length. */
export function float32Array(length?: number): Check<Float32Array> {
  return (value, name) => {
    if (types.isFloat32Array(value)) return ofLength(value, 'Float32Array', name, length)
    throw invalid('a Float32Array', name, value)
  }
}

/** Checks that a value is a Float64Array of `length` elements (undefined: any number). Throws ERR_INVALID_SHAPE for another length. */
export function float64Array(length?: number): Check<Float64Array> {
  return (value, name) => {
    if (types.isFloat64Array(value)) return ofLength(value, 'Float64Array', name, length)
    throw invalid('a Float64Array', name, value)
  }
}

/** Checks that a value is an Int32Array of `length` elements (undefined: any number). Throws ERR_INVALID_SHAPE for another length. */
export function int32Array(length?: number): Check<Int32Array> {
  return (value, name) => {
    if (types.isInt32Array(value)) return ofLength(value, 'Int32Array', name, length)
    throw invalid('an Int32Array', name, value)
  }
}

/** Checks that a value is a Uint32Array of `length` elements (undefined: any number). Throws ERR_INVALID_SHAPE for another length. */
export function uint32Array(length?: number): Check<Uint32Array> {
  return (value, name) => {
    if (types.isUint32Array(value)) return ofLength(value, 'Uint32Array', name, length)
    throw invalid('a Uint32Array', name, value)
  }
}

/** Checks that a value is a Uint8Array whose buffer can be read. */
export const uint8Array: Check<Uint8Array> = (value, name) => {
  if (types.isUint8Array(value)) return ofLength(value, 'Uint8Array', name)
  throw invalid('a Uint8Array', name, value)
}

/** Checks that a value is an object that `for ... of` takes (not a string). Returns an iterable that checks each item when it is taken. */
export function iterable<T>(check: Check<T>): Check<Iterable<T>> {
  return (value, name) => {
    if (!isObject(value)) throw invalid('an iterable', name, value)
    if (types.isTypedArray(value)) checkAttached(value, name)
    const begin = callback<() => unknown>()(
      (value as Record<symbol, unknown>)[Symbol.iterator],
      `the iterator of ${name}`
    )
    return {
      [Symbol.iterator]() {
        const iterator = begin.call(value)
        checkObject(iterator, `the iterator of ${name}`)
        return checkedIterator(iterator, check, name)
      }
    }
  }
}

function checkedIterator<T>(iterator: Record<string, unknown>, check: Check<T>, name: string): Iterator<T> {
  const next = callback<() => unknown>()(iterator['next'], `next() of ${name}`)
  let count = 0
  return {
    next() {
      const result = next.call(iterator)
      checkObject(result, `the result of next() of ${name}`)
      if (result['done']) return { done: true, value: undefined }
      return { value: check(result['value'], item(name, count++)) }
    },
    return() {
      const { return: end } = iterator
      if (typeof end === 'function') (end as () => unknown).call(iterator)
      return { done: true, value: undefined }
    }
  }
}
