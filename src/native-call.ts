// The border to the addon: its errors become GatecellErrors with the same code.

import { GatecellError, errorCodes, fromCore, type ErrorCode } from './errors.js'

/** Returns the GatecellError for an error of a native call; an error without a code of `errorCodes` is returned as it is. */
export function nativeError(error: unknown): unknown {
  if (error instanceof GatecellError || !(error instanceof Error) || !('code' in error)) return error
  const code = error.code
  if (typeof code !== 'string' || !Object.hasOwn(errorCodes, code)) return error
  return fromCore(code as ErrorCode, error)
}

/** Runs a native call and throws its errors as GatecellErrors. */
export function callNative<R>(call: () => R): R {
  try {
    return call()
  } catch (error) {
    throw nativeError(error)
  }
}

/** Runs a native call that returns a promise, and throws its errors as GatecellErrors. */
export async function awaitNative<R>(call: () => Promise<R>): Promise<R> {
  try {
    return await call()
  } catch (error) {
    throw nativeError(error)
  }
}
