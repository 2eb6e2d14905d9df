// Aborts of operations by their callers.

import { GatecellError } from '../errors.js'

/** Throws ERR_ABORTED, with the signal's reason as cause, if `signal` was aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new GatecellError('ERR_ABORTED', 'Expected to finish but the caller aborted.', { cause: signal.reason })
  }
}
