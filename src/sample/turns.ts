// One budget of time for all streams of the process: however many generate at once, they hold the event loop for a few
// milliseconds a turn together.

import type { ParameterStore } from '../graph/parameters.js'

/** Milliseconds of one turn of the event loop that all streams have together. */
const TURN_MS = 4
/** A block is sized for this share of a turn at least, so that the costs of changing streams stay small. */
const SMALLEST_SHARE = 8

const queue: (() => void)[] = []
let scheduled = false

function turn(): void {
  const begin = performance.now()
  do queue.shift()!()
  while (queue.length > 0 && performance.now() - begin < TURN_MS)
  scheduled = queue.length > 0
  if (scheduled) setImmediate(turn)
}

/**
 * Runs `block` in a turn of the event loop that has time left, after the blocks that were asked for before, with the weights of one
 * step: a fit of the model that is under way waits meanwhile. Throws ERR_ABORTED and what `block` throws.
 */
export async function inTurn<R>(
  parameters: ParameterStore,
  signal: AbortSignal | undefined,
  block: () => R
): Promise<R> {
  const wait = () =>
    new Promise<R>((resolve) => {
      // An async function runs at once up to its first await, and turns an exception into a rejection.
      queue.push(() => resolve((async () => block())()))
      if (!scheduled) setImmediate(turn)
      scheduled = true
    })
  if (!parameters.isReady) await parameters.ready({ signal })
  return parameters.operations.reading(signal, wait)
}

/** Tokens of the next block of a stream, after one of `count` tokens that took `milliseconds`: at most twice as many. */
export function nextBlock(count: number, milliseconds: number): number {
  const share = TURN_MS / Math.min(SMALLEST_SHARE, queue.length + 1)
  return Math.max(1, Math.min(4096, 2 * count, Math.floor((count * share) / Math.max(milliseconds, 1e-3))))
}
