// Checks of single values and objects that callers pass. Every public function uses them for its arguments and options.
//
// A check is a function that takes a value and its name in messages, and returns the value or throws one typed error. Checks
// compose: `object({ seed: optional(integer(0, 9)) })` is a check again, and TypeScript refuses it where the interface has an
// option that it lacks. An object is read once, property by property, into a plain copy, so that the checked values are
// used even if a getter returns another value next time. An error that a getter of the caller throws passes through unchanged.

import { types } from 'node:util'
import { expected, isObject, isRevoked, show, type ErrorCode, type GatecellError } from '../errors.js'

/** A function that returns `value` (of objects and lists a checked copy), or throws a GatecellError that calls the value `name`. */
export type Check<T> = (value: unknown, name: string) => T

/**
 * Returns the error "Expected <what> as <name> but received <value>: <remedy>." The defaults are ERR_INVALID_ARGUMENT, and no remedy:
 * for most arguments the expectation is the remedy as well.
 */
export function invalid(
  what: string,
  name: string,
  value: unknown,
  { code = 'ERR_INVALID_ARGUMENT', remedy = '' }: { code?: ErrorCode; remedy?: string } = {}
): GatecellError {
  return expected(code, `${what} as ${name}`, show(value), remedy)
}

/** Divides the name of a value into the path of it and the rest: 'style.last in the options of write' into 'style.last' and ' in the ...'. */
function divided(name: string): [path: string, rest: string] {
  const [, path = name, rest = ''] = /^(\S+)( in .*)$/s.exec(name) ?? []
  return [path, rest]
}

/** Returns the name of the property `key` of the value `name`: 'style.last', and 'style.last in the options of write' if that has blanks. */
export function part(name: string, key: string): string {
  const [path, rest] = divided(name)
  return path.includes(' ') ? `${key} in ${path}` : `${path}.${key}${rest}`
}

/** Returns the name of the element `index` of the list `name`. */
export function item(name: string, index: number): string {
  const [path, rest] = divided(name)
  return `${path}[${index}]${rest}`
}

/** Returns `kind` with its bounds, if it has any: "a number of at least 0", "an integer from 1 to 9". */
export function range(kind: string, min: number, max: number): string {
  if (max === Infinity || max === Number.MAX_VALUE) return min === -max ? kind : `${kind} of at least ${min}`
  return `${kind} from ${min} to ${max}`
}

/**
 * Checks that a value is a number in [min, max]; without bounds, any finite number. A `max` of Infinity admits Infinity itself. -0 becomes
 * 0. Throws `code`, by default ERR_INVALID_ARGUMENT.
 */
export function number(min = -Number.MAX_VALUE, max = Number.MAX_VALUE, code?: ErrorCode): Check<number> {
  return (value, name) => {
    if (typeof value === 'number' && value >= min && value <= max) return value + 0
    throw invalid(range('a number', min, max), name, value, code && { code })
  }
}

/** Checks that a value is an integer in [min, max]; -0 becomes 0. Throws `code`, by default ERR_INVALID_ARGUMENT. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER, code?: ErrorCode): Check<number> {
  return (value, name) => {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return (value as number) + 0
    throw invalid(range('an integer', min, max), name, value, code && { code })
  }
}

/** Checks that a value is a seed: an integer in [0, 2^53). */
export const seed = integer(0)

/** Checks that a value is true or false. */
export const boolean: Check<boolean> = (value, name) => {
  if (typeof value === 'boolean') return value
  throw invalid('true or false', name, value)
}

/** Checks that a value is a string. */
export const string: Check<string> = (value, name) => {
  if (typeof value === 'string') return value
  throw invalid('a string', name, value)
}

/** Checks that a value is a string that is not empty and has no NUL, such as the name of a file, folder or parameter. */
export const filled: Check<string> = (value, name) => {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value
  throw invalid('a string that is not empty', name, value)
}

/** Checks that a value is one of `choices`. */
export function choice<T extends string>(...choices: readonly T[]): Check<T> {
  return (value, name) => {
    const found = choices.find((one) => one === value)
    if (found !== undefined) return found
    throw invalid(choices.join(', '), name, value)
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyFunction = (...values: any[]) => any

/** Checks that a value is a function. Its arguments and its result are checked where it is called. */
export function callback<F extends AnyFunction>(): Check<F> {
  return (value, name) => {
    if (typeof value === 'function' && !isRevoked(value)) return value as F
    throw invalid('a function', name, value)
  }
}

/** Checks that the result of a callback can be awaited: it is anything but a revoked proxy, of which `await` throws a TypeError. */
export const awaitable: Check<unknown> = (value, name) => {
  if (isRevoked(value)) throw invalid('a value or a promise', name, value)
  return value
}

/** Checks that a value is a function that is not async, because its result is used at once. */
export function syncFunction<F extends AnyFunction>(): Check<F> {
  return (value, name) => {
    if (typeof value === 'function' && !isRevoked(value) && !types.isAsyncFunction(value)) return value as F
    throw invalid('a function that is not async', name, types.isAsyncFunction(value) ? asyncFunction : value)
  }
}
const asyncFunction = Object.freeze({})

/** Checks that a value is undefined, or one that `check` takes. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, name) => (value === undefined ? undefined : check(value, name))
}

/** Checks that a value is null, or one that `check` takes. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, name) => (value === null ? null : check(value, name))
}

/** Accepts every value, for values that the function only passes on. */
export const anything: Check<unknown> = (value) => value

/** Checks of the properties of T: one for each, also for those that may be left out. */
export type Fields<T> = { readonly [K in keyof Required<T>]: Check<any> } // eslint-disable-line @typescript-eslint/no-explicit-any

/** Throws unless `value` is an object that can be read. */
export function checkObject(value: unknown, name: string): asserts value is Record<string, unknown> {
  if (!isObject(value)) throw invalid('an object', name, value)
}

/**
 * Checks that a value is an object with these properties and no others, and copies it; properties that are undefined are left out of the
 * copy. Throws ERR_INVALID_ARGUMENT for a property that is not in `fields`.
 */
export function object<T extends object>(fields: Fields<T>): Check<T> {
  const names = Object.keys(fields) as (keyof T & string)[]
  return (value, name) => {
    checkObject(value, name)
    const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key))
    if (unknown !== undefined) {
      throw expected('ERR_INVALID_ARGUMENT', `${names.join(', ')} in ${name}`, `${show(unknown)} too`, '')
    }
    return readFields(value, fields, names, name)
  }
}

/** Checks an object as `object` does, but admits other properties, which are left out of the copy. */
export function open<T extends object>(fields: Fields<T>): Check<T> {
  const names = Object.keys(fields) as (keyof T & string)[]
  return (value, name) => {
    checkObject(value, name)
    return readFields(value, fields, names, name)
  }
}

function readFields<T extends object>(
  value: Record<string, unknown>,
  fields: Fields<T>,
  names: readonly (keyof T & string)[],
  name: string
): T {
  const copy: Record<string, unknown> = {}
  for (const key of names) {
    const read: unknown = (fields[key] as Check<unknown>)(value[key], part(name, key))
    if (read !== undefined) copy[key] = read
  }
  return copy as T
}

/** Checks options as `object` does; undefined counts as an empty object, so all of them must be optional. */
export function options<T extends object>(fields: object extends T ? Fields<T> : never): Check<T> {
  const check = object<T>(fields)
  return (value, name) => (value === undefined ? ({} as T) : check(value, name))
}

/** The method as it is for every function: a function may have a property `bind` of its own. */
const { bind } = Function.prototype

/**
 * Checks that a value is an object with these methods, and returns an object with only them and with the properties that `fields` checks. All
 * are read once, because a property may change from one reading to the next; the methods keep their `this`. For interfaces that callers
 * implement themselves.
 */
export function methods<T extends object>(
  names: readonly (keyof T & string)[],
  fields: Partial<Fields<T>> = {}
): Check<T> {
  return (value, name) => {
    checkObject(value, name)
    const copy: Record<string, unknown> = {}
    for (const key of names) copy[key] = Reflect.apply(bind, callback()(value[key], part(name, key)), [value])
    for (const [key, check] of Object.entries(fields))
      copy[key] = (check as Check<unknown>)(value[key], part(name, key))
    return copy as T
  }
}

/** Checks that a value is an object that a function of this library made (a model, a tensor, a stream): one of `all`. */
export function made<T extends object>(what: string, all: { has(value: T): boolean }): Check<T> {
  return (value, name) => {
    if (typeof value === 'object' && value !== null && all.has(value as T)) return value as T
    throw invalid(what, name, value)
  }
}

/** Checks that a value is an AbortSignal, or an object of another realm or library that works as one. */
export const signal: Check<AbortSignal> = (value, name) => {
  if (!isObject(value) || types.isProxy(value)) throw invalid('an AbortSignal', name, value)
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
  if (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  )
    return value as AbortSignal
  throw invalid('an AbortSignal', name, value)
}

/** Checks that a value is an object that `for await ... of` takes. */
export function asyncIterable<T>(): Check<AsyncIterable<T>> {
  return (value, name) => {
    if (isObject(value) && typeof (value as Partial<AsyncIterable<T>>)[Symbol.asyncIterator] === 'function')
      return value as AsyncIterable<T>
    throw invalid('an async iterable', name, value)
  }
}

/** Checks that a value is a Map, of this realm or another. A proxy of a Map is refused, because it cannot be read. */
export function mapOf<K, V>(): Check<ReadonlyMap<K, V>> {
  return (value, name) => {
    if (types.isMap(value)) return value as ReadonlyMap<K, V>
    throw invalid('a Map', name, value)
  }
}
