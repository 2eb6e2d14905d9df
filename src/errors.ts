// The error codes of gatecell in one table, the error class that carries them, and the function that makes its messages: one
// sentence with the expected value, the received one and a remedy.

import { types } from 'node:util'

/** Stable error codes and what each means. Codes never change meaning; new ones are appended. */
export const errorCodes = {
  ERR_INVALID_ARGUMENT: 'an argument has the wrong type or value',
  ERR_INVALID_SHAPE: 'a shape does not fit',
  ERR_OUT_OF_RANGE: 'an index or id lies outside its table',
  ERR_OUT_OF_MEMORY: 'an allocation failed',
  ERR_UNSUPPORTED: 'the operation has no kernel or no gradient here',
  ERR_BUSY: 'the object is already running, or another process writes the file',
  ERR_DISPOSED: 'the object was disposed of',
  ERR_ABORTED: 'the caller aborted',
  ERR_NOT_FINITE: 'loss or gradient became NaN or infinite',
  ERR_LOAD_ADDON: 'the native addon could not be loaded',
  ERR_FILE_NOT_FOUND: 'a file does not exist or cannot be read',
  ERR_FILE_WRITE: 'a file could not be written',
  ERR_FILE_EXISTS: 'a file exists already and is not to be replaced',
  ERR_FILE_FORMAT: 'a file is damaged, truncated or of another format',
  ERR_CORPUS_EMPTY: 'the data is empty or shorter than one batch',
  ERR_CORPUS_BINARY: 'binary data was given as text',
  ERR_UNKNOWN_SYMBOL: 'text has symbols outside the vocabulary',
  ERR_WRONG_TASK: 'a model of another task was given',
  ERR_INVALID_OPTION: 'a command line option is unknown or has a bad value',
  ERR_SELF_TEST: 'the engine computes wrong results on this machine',
  ERR_INVALID_INK: 'pen strokes are empty, too few or too many, or a coordinate is not a number or too large',
  ERR_TARGET_TOO_LONG: 'a target is longer than its input can emit',
  ERR_NOT_READY: 'first values are not computed yet and take long',
  ERR_OVERLOADED: 'a bounded number of requests is reached: try again later',
  ERR_NOT_FOUND: 'a model, session or route that a request names does not exist',
  ERR_FORBIDDEN: 'a request lacks the token, or its host or page is not allowed',
  ERR_BAD_REQUEST: 'a request is too large, or its body has another type or a wrong form',
  ERR_UNAVAILABLE: 'a server that is needed, such as that of the sessions, cannot be reached or refuses',
  ERR_RANKS: 'a process of a training on several is missing, has failed or differs from the others'
} as const

/** One of the codes in `errorCodes`. */
export type ErrorCode = keyof typeof errorCodes

/** The error type of the library: `code` is stable, `message` is one sentence for people. */
export class GatecellError extends Error {
  readonly code: ErrorCode
  /** Throws ERR_INVALID_ARGUMENT if `code` is not one of `errorCodes` or `message` is not a string. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    const legal = typeof code === 'string' && Object.hasOwn(errorCodes, code) && typeof message === 'string'
    if (!legal) {
      const found = `${show(code)} and ${show(message)}`
      throw expected(
        'ERR_INVALID_ARGUMENT',
        'an error code and a message',
        found,
        'pass a key of errorCodes and a sentence'
      )
    }
    super(message, isObject(options) ? options : undefined)
    this.name = 'GatecellError'
    this.code = code
  }
}

/**
 * Returns the error "Expected <what> but received <actual>: <remedy>." Every error of the library is made here.
 * `what` and `actual` are nouns as they are in the sentence, `remedy` is a clause in the imperative without a period; '' leaves
 * it out, for checks whose expectation is the remedy. `cause` is kept as the property `cause` of the error.
 */
export function expected(
  code: ErrorCode,
  what: string,
  actual: string,
  remedy: string,
  cause?: unknown
): GatecellError {
  const end = remedy === '' ? '.' : `: ${remedy}.`
  return new GatecellError(code, `Expected ${what} but received ${actual}${end}`, cause === undefined ? {} : { cause })
}

/** Returns a GatecellError with the message of `cause`, an error of the core, which makes its sentences itself. */
export function fromCore(code: ErrorCode, cause: Error): GatecellError {
  return new GatecellError(code, cause.message, { cause })
}

/** Returns whether `value` is a proxy that was revoked: any access to it throws a TypeError. Runs no code of the value. */
export function isRevoked(value: unknown): boolean {
  if (!types.isProxy(value)) return false
  try {
    Array.isArray(value)
    return false
  } catch {
    return true
  }
}

/** Returns whether `value` is an object that can be read: not null, not a function, not a revoked proxy. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !isRevoked(value)
}

/** Returns a count with its noun, to which it adds an s unless the count is 1: "1 file", "1,234 files". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}

const arrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!
  .get as () => string

/** Describes a value of any type for an error message, in a few words. Runs no code of the value (getters, toString). */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)
  if (typeof value === 'bigint') return value < 2n ** 64n && value > -(2n ** 64n) ? `${value}n` : 'a large bigint'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (isRevoked(value)) return 'a revoked proxy'
  if (Array.isArray(value)) return 'an array'
  if (types.isTypedArray(value)) return `a ${arrayTag.call(value)}`
  return types.isPromise(value) ? 'a promise' : 'an object'
}
