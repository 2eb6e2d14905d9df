// SIGINT (Ctrl-C), SIGTERM and SIGHUP as an AbortSignal: the command finishes its step, saves and prints how to continue. The second
// signal ends the process at once; even then no checkpoint is half written.

import { expected, GatecellError } from '../../errors.js'
import { exitCodes, watchOutput } from './output.js'

/** The signals that a command has received. */
export interface Interrupts {
  /** Aborted by the first signal, or when the reader of standard output has gone. */
  readonly signal: AbortSignal
  /** The exit code of the signal; 0 if there was none. */
  readonly exitCode: number
  /** Whether the reader of standard output has gone: then nothing more is printed. */
  readonly closed: boolean
}

/**
 * Runs `work`, which returns an exit code, with the signals of this process caught. `hangUp` is called for SIGHUP instead of the end of the
 * command.
 */
export async function withInterrupts(
  work: (interrupts: Interrupts) => Promise<number>,
  hangUp?: () => void
): Promise<number> {
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
    SIGHUP: hangUp ?? (() => stop(exitCodes.terminated))
  }
  const names = Object.keys(handlers) as (keyof typeof handlers)[]
  for (const name of names) process.on(name, handlers[name])
  const before = watchOutput(() => {
    state.closed = true
    controller.abort()
  })
  try {
    return await work(state)
  } catch (error) {
    if (!controller.signal.aborted || !(error instanceof GatecellError) || error.code !== 'ERR_ABORTED') throw error
    if (!state.closed) process.stderr.write('gatecell: stopped\n')
    return state.exitCode
  } finally {
    for (const name of names) process.off(name, handlers[name])
    if (!state.closed) watchOutput(before)
  }
}

/** Yields standard input. Throws ERR_ABORTED when `signal` is aborted, also while it waits for bytes. */
export async function* readStdin(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { stdin } = process
  const stop = () => stdin.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const bytes of stdin) yield bytes as Uint8Array
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
  if (signal.aborted)
    throw expected('ERR_ABORTED', 'to read standard input to its end', 'a signal', 'run the command again')
}
