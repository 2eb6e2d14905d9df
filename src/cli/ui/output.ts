// Where a command's words go: lines for people or one JSON object a line for programs, on standard output. A reader that
// goes away (EPIPE) ends the command quietly; errors are one sentence on standard error.

import { GatecellError } from '../../errors.js'
import type { JsonObject } from '../../io/json.js'
import { withFlags } from './flags.js'
import { printableJson, printableText } from './printable.js'

export interface Output {
  readonly json: boolean
  /** People watch: lines may be drawn over. */
  readonly terminal: boolean
  /** Prints a line for people, with control characters escaped; prints nothing with --json. */
  line(text?: string): void
  /** Prints a line for programs; prints nothing without --json. */
  record(record: JsonObject): void
  /** Prints a piece of text, and waits while the reader is slow. On a terminal control characters are escaped. */
  write(text: string): Promise<void>
}

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

type OnClosed = () => void

let onClosed: OnClosed | undefined

/**
 * From now on `handler` is called when the reader of standard output has gone; returns the handler before. Any other
 * failure (a full disk) ends the process with its sentence.
 */
export function watchOutput(handler: OnClosed | undefined): OnClosed | undefined {
  const before = onClosed
  if (process.stdout.listenerCount('error', outputFailed) === 0) process.stdout.on('error', outputFailed)
  onClosed = handler
  return before
}

function outputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return onClosed?.()
  const message = `Expected to write to standard output but received ${error.code ?? error.message}: check the disk or the program that reads it`
  process.exit(reportError(new GatecellError('ERR_FILE_WRITE', message, { cause: error }), false))
}

/** Exit codes: 2 for a wrong command line, 130 after Ctrl-C, 1 for everything else that fails. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const

/** Says what went wrong and returns the exit code. Never a stack, unless GATECELL_DEBUG is set. */
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
