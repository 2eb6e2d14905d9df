// The border to JavaScript: checks of values of any type. Every public function uses them for its arguments and options.
//
// A check is a function that takes a value and what messages call it, and returns the value or throws one typed error. Checks
// compose: `object({ seed: optional(integer(0, 9)) })` is a check again, and TypeScript refuses it where the interface has an
// option that it lacks. An object is read once, property by property, into a plain copy: what was checked is what is used,
// whatever its getters return next time. An error that a getter of the caller throws passes through as it is.

import { types } from 'node:util'
import { GatecellError, isObject, isRevoked, show, type ErrorCode } from '../errors.js'

/** Returns `value` (objects and lists: a checked copy), or throws a GatecellError that calls the value `name`. */
export type Check<T> = (value: unknown, name: string) => T

/** The error "Expected <what> as <name> but received <value>: <remedy>". */
export function expected(
  what: string,
  name: string,
  value: unknown,
  { code = 'ERR_INVALID_ARGUMENT', remedy }: { code?: ErrorCode; remedy?: string } = {}
): GatecellError {
  const message = `Expected ${what} as ${name} but received ${show(value)}`
  return new GatecellError(code, remedy === undefined ? `${message}.` : `${message}: ${remedy}.`)
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

/** `kind` with its bounds, where it has some. */
export function range(kind: string, least: number, most: number): string {
  if (most === Infinity || most === Number.MAX_VALUE) return least === -most ? kind : `${kind} of at least ${least}`
  return `${kind} from ${least} to ${most}`
}

/** A finite number in [least, most]. `most` Infinity admits Infinity itself. -0 becomes 0. */
export function number(least = -Number.MAX_VALUE, most = Number.MAX_VALUE, code?: ErrorCode): Check<number> {
  return (value, name) => {
    if (typeof value === 'number' && value >= least && value <= most) return value + 0
    throw expected(range('a number', least, most), name, value, code && { code })
  }
}

/** An integer in [least, most]; -0 becomes 0. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER, code?: ErrorCode): Check<number> {
  return (value, name) => {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return (value as number) + 0
    throw expected(range('an integer', least, most), name, value, code && { code })
  }
}

/** Seeds: an integer in [0, 2^53). */
export const seed = integer(0)

export const boolean: Check<boolean> = (value, name) => {
  if (typeof value === 'boolean') return value
  throw expected('true or false', name, value)
}

export const string: Check<string> = (value, name) => {
  if (typeof value === 'string') return value
  throw expected('a string', name, value)
}

/** A string that is not empty and holds no NUL: of files, folders, parameters. */
export const filled: Check<string> = (value, name) => {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value
  throw expected('a string that is not empty', name, value)
}

export function choice<T extends string>(...choices: readonly T[]): Check<T> {
  return (value, name) => {
    const found = choices.find((one) => one === value)
    if (found !== undefined) return found
    throw expected(choices.join(', '), name, value)
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyFunction = (...values: any[]) => any

/** A function; its arguments and its result are the caller's matter. */
export function callback<F extends AnyFunction>(): Check<F> {
  return (value, name) => {
    if (typeof value === 'function' && !isRevoked(value)) return value as F
    throw expected('a function', name, value)
  }
}

/** What a callback returned and what is awaited next: anything but a revoked proxy, of which `await` throws a TypeError. */
export const awaitable: Check<unknown> = (value, name) => {
  if (isRevoked(value)) throw expected('a value or a promise', name, value)
  return value
}

/** A function whose result is used at once, so that an async one cannot serve. */
export function syncFunction<F extends AnyFunction>(): Check<F> {
  return (value, name) => {
    if (typeof value === 'function' && !isRevoked(value) && !types.isAsyncFunction(value)) return value as F
    throw expected('a function that is not async', name, types.isAsyncFunction(value) ? asyncFunction : value)
  }
}
const asyncFunction = Object.freeze({})

/** Absent or undefined, or what `check` takes. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, name) => (value === undefined ? undefined : check(value, name))
}

/** null, or what `check` takes. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, name) => (value === null ? null : check(value, name))
}

/** Anything: what the function does not look at itself. */
export const anything: Check<unknown> = (value) => value

/** A check for every property of T, those that may be left out included. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Fields<T> = { readonly [K in keyof Required<T>]: Check<any> }

/** Throws unless `value` is an object that can be read. */
export function checkObject(value: unknown, name: string): asserts value is Record<string, unknown> {
  if (!isObject(value)) throw expected('an object', name, value)
}

/**
 * An object with these properties and no others, copied; properties that are undefined are left out. undefined itself counts as
 * an empty object where every field is optional.
 */
export function object<T extends object>(fields: Fields<T>): Check<T> {
  const names = Object.keys(fields) as (keyof T & string)[]
  return (value, name) => {
    checkObject(value, name)
    const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key))
    if (unknown !== undefined) {
      const known = `Expected ${names.join(', ')} in ${name}`
      throw new GatecellError('ERR_INVALID_ARGUMENT', `${known} but received ${show(unknown)} too.`)
    }
    return readFields(value, fields, names, name)
  }
}

/** As `object`, for values that may have other properties, which are left out of the copy. */
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

/** Options that may be left out as a whole. */
export function options<T extends object>(fields: Fields<T>): Check<T> {
  const check = object(fields)
  return (value, name) => (value === undefined ? ({} as T) : check(value, name))
}

/**
 * An object with these methods, as it is, so that the methods keep their `this`; `fields` names properties that are checked
 * besides. For interfaces that callers implement themselves.
 */
export function methods<T extends object>(
  names: readonly (keyof T & string)[],
  fields: Partial<Fields<T>> = {}
): Check<T> {
  return (value, name) => {
    checkObject(value, name)
    for (const key of names) callback()(value[key], part(name, key))
    for (const [key, check] of Object.entries(fields)) (check as Check<unknown>)(value[key], part(name, key))
    return value as T
  }
}

/** An object that one of our own functions made: a model, a tensor, a stream ... */
export function made<T extends object>(what: string, all: { has(value: T): boolean }): Check<T> {
  return (value, name) => {
    if (typeof value === 'object' && value !== null && all.has(value as T)) return value as T
    throw expected(what, name, value)
  }
}

/** An AbortSignal, or an object of another realm or library that works as one. */
export const signal: Check<AbortSignal> = (value, name) => {
  if (!isObject(value) || types.isProxy(value)) throw expected('an AbortSignal', name, value)
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
  if (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  )
    return value as AbortSignal
  throw expected('an AbortSignal', name, value)
}

/** Something that `for await ... of` takes. */
export function asyncIterable<T>(): Check<AsyncIterable<T>> {
  return (value, name) => {
    if (isObject(value) && typeof (value as Partial<AsyncIterable<T>>)[Symbol.asyncIterator] === 'function')
      return value as AsyncIterable<T>
    throw expected('an async iterable', name, value)
  }
}

/** A Map (of another realm, too). A proxy of one cannot be read. */
export function map<K, V>(): Check<ReadonlyMap<K, V>> {
  return (value, name) => {
    if (types.isMap(value)) return value as ReadonlyMap<K, V>
    throw expected('a Map', name, value)
  }
}
