// The border to the addon: its errors become GatecellErrors with the same code.

import { GatecellError, errorCodes, type ErrorCode } from '../errors.js'

/** The GatecellError for whatever a native call threw; errors without a code of ours are returned as they are. */
export function nativeError(error: unknown): unknown {
  if (error instanceof GatecellError || !(error instanceof Error) || !('code' in error)) return error
  const code = error.code
  if (typeof code !== 'string' || !Object.hasOwn(errorCodes, code)) return error
  return new GatecellError(code as ErrorCode, error.message, { cause: error })
}

/** Runs a native call; throws its errors as GatecellErrors. */
export function callNative<R>(call: () => R): R {
  try {
    return call()
  } catch (error) {
    throw nativeError(error)
  }
}
