// The end of a run: which limit is reached, and how much of the run is done.

import { GatecellError } from '../errors.js'
import type { Dims } from '../model.js'
import type { CheckedOptions } from './options.js'
import type { Progress } from './progress.js'
import type { StopReason } from './reports.js'

/** The position of a run, in steps and in seconds of training. */
export interface Position {
  progress: Progress
  stepsPerEpoch: number | undefined
  /** Seconds of training, those before a resume included. */
  elapsed: number
  /** Mean seconds of a step; 0 before the first. */
  stepSeconds: number
}

/**
 * Returns the limit that is reached, or null. A step that would probably end after the time limit is not begun. `several`: there are other
 * processes, with which this one agrees on the time limit elsewhere.
 */
export function reachedLimit(
  { steps, timeLimit, patience }: CheckedOptions,
  at: Position,
  several = false
): StopReason | null {
  if (patience !== undefined && at.progress.bad >= patience) return 'patience'
  if (steps !== undefined && at.progress.step >= steps) return 'steps'
  return timeLimit !== undefined && !several && at.elapsed + at.stepSeconds > timeLimit ? 'time' : null
}

/** Returns the finished share of the run, the share of one step, and the remaining seconds; null if the end is unknown. */
export function shareDone(
  options: CheckedOptions,
  at: Position
): { done: number; share: number; remaining: number } | null {
  const { steps, epochs, timeLimit } = options
  const { progress, stepsPerEpoch, elapsed, stepSeconds } = at
  const shares: { done: number; share: number; remaining: number }[] = []
  const add = (end: number) => {
    shares.push({ done: progress.step / end, share: 1 / end, remaining: (end - progress.step) * stepSeconds })
  }
  if (steps !== undefined) add(steps)
  if (epochs !== undefined && stepsPerEpoch !== undefined) add(epochs * stepsPerEpoch)
  if (timeLimit !== undefined) {
    shares.push({ done: elapsed / timeLimit, share: stepSeconds / timeLimit, remaining: timeLimit - elapsed })
  }
  if (shares.length === 0) return null
  const first = shares.reduce((a, b) => (b.done > a.done ? b : a))
  return { done: Math.min(1, first.done), share: first.share, remaining: Math.max(0, first.remaining) }
}

/** Returns the number of symbols of a batch of this shape: the product of its dims. */
export function symbolCount(dims: Dims): number {
  return Object.values(dims).reduce((product, size) => product * size, 1)
}

/** Returns the result of `promise`, or 'abort' as soon as `signal` is aborted. */
export async function unlessAborted<R>(promise: Promise<R>, signal: AbortSignal | undefined): Promise<R | 'abort'> {
  if (!signal) return promise
  let stop = () => {}
  const aborted = new Promise<'abort'>((resolve) => {
    stop = () => resolve('abort')
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([aborted, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Returns the result of `promise`, or 'abort' if it rejects with ERR_ABORTED. */
export async function orAborted<R>(promise: Promise<R>): Promise<R | 'abort'> {
  try {
    return await promise
  } catch (error) {
    if (error instanceof GatecellError && error.code === 'ERR_ABORTED') return 'abort'
    throw error
  }
}
