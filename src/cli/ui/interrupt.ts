// Ctrl-C and its kin as an AbortSignal: the command finishes what it is at, saves and says how to go on. The second
// Ctrl-C ends the process at once; a checkpoint is never half written even then.

import { GatecellError } from '../../errors.js'
import { exitCodes, watchOutput } from './output.js'

export interface Interrupts {
  readonly signal: AbortSignal
  /** The exit code for what came, 0 if nothing did. */
  readonly exitCode: number
  /** Whether the reader of standard output has gone: then nothing is left to say. */
  readonly closed: boolean
}

/** Runs `work`, which returns an exit code, with the signals of this process caught. */
export async function withInterrupts(work: (interrupts: Interrupts) => Promise<number>): Promise<number> {
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

/** Standard input, up to an abort: then ERR_ABORTED, also while nothing comes. */
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
    throw new GatecellError('ERR_ABORTED', 'Expected to read standard input but it was stopped: run the command again')
}
