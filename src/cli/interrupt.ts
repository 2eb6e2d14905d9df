// Ctrl-C and its kin as an AbortSignal: the command finishes what it is at, saves and says how to go on. The second
// Ctrl-C ends the process at once; a checkpoint is never half written even then.

import { exitCodes, watchOutput } from './output.js'

export interface Interrupts {
  readonly signal: AbortSignal
  /** The exit code for what came, 0 if nothing did. */
  readonly exitCode: number
  /** Whether the reader of standard output has gone: then nothing is left to say. */
  readonly closed: boolean
}

/** Runs `work` with the signals of this process caught. */
export async function withInterrupts<T>(work: (interrupts: Interrupts) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const state = { signal: controller.signal, exitCode: 0, closed: false }
  const stop = (exitCode: number) => {
    if (controller.signal.aborted) process.exit(exitCode)
    state.exitCode = exitCode
    controller.abort()
  }
  const handlers = {
    SIGINT: () => stop(exitCodes.interrupted),
    SIGTERM: () => stop(exitCodes.terminated),
    SIGHUP: () => stop(exitCodes.terminated)
  }
  const names = Object.keys(handlers) as (keyof typeof handlers)[]
  for (const name of names) process.on(name, handlers[name])
  watchOutput(() => {
    state.closed = true
    controller.abort()
  })
  try {
    return await work(state)
  } finally {
    for (const name of names) process.off(name, handlers[name])
  }
}
