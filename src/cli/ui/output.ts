// Output of commands on standard output: text lines, or with --json one JSON object per line. A reader that
// goes away (EPIPE) ends the command quietly; errors are one sentence on standard error.

import { expected, GatecellError } from '../../errors.js'
import type { EventRecord } from '../../io/json.js'
import { withFlags } from './flags.js'
import { printableJson, printableText } from './printable.js'

/** The output of a command, for people or for programs. */
export interface Output {
  /** Whether records are printed, and no lines. */
  readonly json: boolean
  /** Whether standard output is a terminal on which lines may be overwritten. */
  readonly terminal: boolean
  /** Prints a line for people, with control characters escaped; prints nothing with --json. */
  line(text?: string): void
  /** Prints a line for programs; prints nothing without --json. */
  record(record: EventRecord): void
  /** Prints a piece of text, and waits while the reader is slow. On a terminal control characters are escaped. */
  write(text: string): Promise<void>
}

/** Creates the output of a command; `json`: records instead of lines. */
export function createOutput(json: boolean): Output {
  const { stdout } = process
  return {
    json,
    terminal: !json && stdout.isTTY === true && process.env['TERM'] !== 'dumb',
    line(text = '') {
      if (!json) stdout.write(`${printableText(text)}\n`)
    },
    record(record) {
      if (json) stdout.write(`${printableJson(record)}\n`)
    },
    async write(text) {
      // Files and pipes get the text unchanged.
      if (stdout.write(stdout.isTTY ? printableText(text) : text) || stdout.destroyed) return
      await new Promise<void>((resolve) => {
        const done = () => {
          stdout.off('drain', done).off('close', done)
          resolve()
        }
        stdout.on('drain', done).on('close', done)
      })
    }
  }
}

/** Prints nothing: the output of the processes of a training that do not lead it. */
export const silentOutput: Output = { json: true, terminal: false, line() {}, record() {}, async write() {} }

type OnClosed = () => void

let onClosed: OnClosed | undefined

/**
 * Sets the function that is called when the reader of standard output has gone, and returns the one before. Any other
 * failure of standard output (a full disk) ends the process with an error.
 */
export function watchOutput(handler: OnClosed | undefined): OnClosed | undefined {
  const before = onClosed
  if (process.stdout.listenerCount('error', outputFailed) === 0) process.stdout.on('error', outputFailed)
  onClosed = handler
  return before
}

function outputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return onClosed?.()
  const remedy = 'check the disk or the program that reads it'
  const actual = error.code ?? error.message
  process.exit(reportError(expected('ERR_FILE_WRITE', 'to write to standard output', actual, remedy, error), false))
}

/** Exit codes: 0 done, 1 failed, 2 wrong command line, 130 after Ctrl-C, 143 after SIGTERM or SIGHUP. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const

/** Prints an error and returns the exit code. Prints a stack only if GATECELL_DEBUG is set. */
export function reportError(error: unknown, json: boolean): number {
  const known = error instanceof GatecellError
  const code = known ? error.code : 'ERR_INTERNAL'
  const message = known
    ? withFlags(error.message)
    : `Expected to succeed but an error came from within gatecell: ${describe(error)}`
  if (json) process.stdout.write(`${printableJson({ event: 'error', code, message })}\n`)
  process.stderr.write(`gatecell: ${printableText(message).replace(/\.?$/, '')} (${code})\n`)
  // The stack repeats the message, which may hold text from a file.
  if (process.env['GATECELL_DEBUG']) process.stderr.write(`${printableText(stackOf(error))}\n`)
  return code === 'ERR_INVALID_OPTION' ? exitCodes.usage : exitCodes.failed
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0]! : String(error)
}
