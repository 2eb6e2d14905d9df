// Options of all commands that read ink.

import type { Command } from 'commander'
import type { ReadInkOptions } from '../../data/ink/read.js'
import { counted, errorCodes, type ErrorCode, type GatecellError } from '../../errors.js'
import type { JsonObject } from '../../io/json.js'
import { integer, percent } from '../ui/format.js'
import { readStdin } from '../ui/interrupt.js'
import { choice } from './parse.js'
import type { Output } from '../ui/output.js'

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

/** Options for reading ink, and the samples that reading left out. */
export interface InkReading {
  read: ReadInkOptions
  onBad?: (error: GatecellError, file?: string) => void
  /** Returns the counts of what was left out next to `used` samples, for a record. */
  leftOut(used: number): LeftOut
  /** Prints what was left out next to `used` samples. */
  tell(output: Output, used: number): void
}

export interface LeftOut extends JsonObject {
  samples: number
  /** Fraction of all samples, those that were left out included. */
  share: number
  /** Samples by the code of their error. */
  reasons: Record<string, number>
  /** Files of folders that hold no ink. */
  files: number
}

export function inkReading(flags: InkFlags, signal: AbortSignal): InkReading {
  const bad: GatecellError[] = []
  const badFiles: GatecellError[] = []
  const take = (error: GatecellError, file?: string) => void (file === undefined ? bad : badFiles).push(error)
  const onBad = flags.skipBad ? take : undefined
  const leftOut = (used: number): LeftOut => {
    const reasons: Record<string, number> = {}
    for (const { code } of bad) reasons[code] = (reasons[code] ?? 0) + 1
    return { samples: bad.length, share: bad.length / Math.max(1, bad.length + used), reasons, files: badFiles.length }
  }
  return {
    read: {
      signal,
      stdin: readStdin(signal),
      ...(flags.y && { y: flags.y }),
      ...(flags.level !== undefined && { level: flags.level }),
      ...(onBad && { onBad })
    },
    ...(onBad && { onBad }),
    leftOut,
    tell(output, used) {
      const all = [...bad, ...badFiles]
      if (all.length === 0) return
      const { samples, share, reasons, files } = leftOut(used)
      const examples = all.slice(0, 100).map(({ message }) => message)
      output.record({ event: 'left_out', samples, share, reasons, files, examples })
      const of = `${integer(samples)} of ${counted(samples + used, 'sample')} (${percent(share)})`
      output.line(`left out ${of}${files > 0 ? ` and ${counted(files, 'file')}` : ''}`)
      for (const [code, count] of Object.entries(reasons))
        output.line(`  ${integer(count)}: ${errorCodes[code as ErrorCode]} (${code})`)
      for (const message of examples.slice(0, 5)) output.line(`  ${message}`)
      if (all.length > 5) output.line('  ...')
    }
  }
}
