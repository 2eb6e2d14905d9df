// Turns of the event loop for long synchronous work.

import { setImmediate } from 'node:timers/promises'
import { aborted } from './resolve.js'

/** Longest stretch of work between two turns of the event loop, in milliseconds. */
const SLICE = 8

/**
 * Returns a function for loops of small pieces of work: after each piece, `if (due()) await turn()`. `due` returns whether the
 * slice of time is over; `turn` lets the event loop run, and then throws ERR_ABORTED if `signal` has aborted.
 */
export function createPace(signal?: AbortSignal): { due(): boolean; turn(): Promise<void> } {
  let begin = performance.now()
  if (signal?.aborted) throw aborted()
  return {
    due: () => performance.now() - begin >= SLICE,
    async turn() {
      await setImmediate()
      if (signal?.aborted) throw aborted()
      begin = performance.now()
    }
  }
}
