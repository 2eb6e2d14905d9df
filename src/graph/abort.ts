// Aborts of operations by their callers.

import { GatecellError } from '../errors.js'

/** Throws ERR_ABORTED, with the signal's reason as cause, if `signal` was aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal)
}

/** Returns ERR_ABORTED with the reason of `signal` as its cause. */
export function abortError({ reason }: AbortSignal): GatecellError {
  return new GatecellError('ERR_ABORTED', 'Expected to finish but the caller aborted: call again to do the work.', {
    cause: reason
  })
}
