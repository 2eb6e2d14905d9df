// Options of all commands that read ink.

import type { Command } from 'commander'
import type { ReadInkOptions } from '../data/ink/read.js'
import type { GatecellError } from '../errors.js'
import { readStdin } from './interrupt.js'
import { choice } from './options.js'
import type { Output } from './output.js'

export interface InkFlags {
  y?: 'up' | 'down'
  level?: string
  skipBad?: true
}

export const INK_FORMATS = `
Ink is stroke JSON, {"strokes": [[[x, y] or [x, y, t] or {"x", "y", "t"}, ...], ...], "text": "..."}, one object a line, a list of
them or one in a file; QuickDraw; stroke-3 and stroke-5 offsets [[dx, dy, pen up], ...]; UNIPEN; InkML; or XML of IAM-OnDB, with
its text in a .txt file next to it. Gzip is unpacked. y points up in stroke JSON and UNIPEN, else down.`

export function addInkOptions(command: Command): Command {
  return command
    .option(
      '--y <direction>',
      'where y points in the files: up or down (default: by format)',
      choice('--y', ['up', 'down'])
    )
    .option('--level <name>', 'in UNIPEN: segments that are the samples, as WORD (default: the first of .HIERARCHY)')
    .option('--skip-bad', 'leave out samples that cannot be used, and name them (default: end with the first)')
}

/** How to read, and what was left out. */
export interface InkReading {
  read: ReadInkOptions
  onBad?: (error: GatecellError) => void
  /** Says what was left out. */
  tell(output: Output): void
}

export function inkReading(flags: InkFlags, signal: AbortSignal): InkReading {
  const bad: string[] = []
  const onBad = flags.skipBad ? (error: GatecellError) => void bad.push(error.message) : undefined
  return {
    read: {
      signal,
      stdin: readStdin(signal),
      ...(flags.y && { y: flags.y }),
      ...(flags.level !== undefined && { level: flags.level }),
      ...(onBad && { onBad })
    },
    ...(onBad && { onBad }),
    tell(output) {
      if (bad.length === 0) return
      output.record({ event: 'left out', samples: bad.length, reasons: bad.slice(0, 100) })
      output.line(`left out ${bad.length} samples:`)
      for (const reason of bad.slice(0, 5)) output.line(`  ${reason}`)
      if (bad.length > 5) output.line('  ...')
    }
  }
}
