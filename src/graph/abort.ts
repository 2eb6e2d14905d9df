// Aborts of operations by their callers.

import { expected, type GatecellError } from '../errors.js'

/** Throws ERR_ABORTED, with the reason of `signal` as its cause, if `signal` was aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal)
}

/** Returns the error ERR_ABORTED with the reason of the signal as its cause. */
export function abortError({ reason }: AbortSignal): GatecellError {
  return expected('ERR_ABORTED', 'to finish', 'an abort by the caller', 'call again to do the work', reason)
}
