// The reading of ink for a use of a model, and the samples that reading leaves out.

import type { ReadInkOptions } from '../../data/ink/read.js'
import { counted, errorCodes, type ErrorCode, type GatecellError } from '../../errors.js'
import type { JsonObject } from '../../io/json.js'
import { grouped, percent } from '../../format.js'
import type { Given } from '../../settings/index.js'
import type { TaskContext, TaskOutput } from '../task.js'
import type { inkReadSettings } from './settings.js'

/** Values of `inkReadSettings`. */
export type InkReadOptions = Given<typeof inkReadSettings>

/** Options for reading ink, and the samples that reading left out. */
export interface InkReading {
  read: ReadInkOptions
  onBad?: (error: GatecellError, file?: string) => void
  /** Returns the counts of what was left out next to `used` samples, for a record. */
  leftOut(used: number): LeftOut
  /** Prints what was left out next to `used` samples. */
  tell(output: TaskOutput, used: number): void
}

/** Samples and files that reading left out. */
export interface LeftOut extends JsonObject {
  samples: number
  /** Fraction of all samples, those that were left out included. */
  share: number
  /** Samples by the code of their error. */
  reasons: Record<string, number>
  /** Files of folders that hold no ink. */
  files: number
}

/** Returns the options for reading ink with these values. */
export function inkReading(
  flags: InkReadOptions,
  { signal, stdin }: Pick<TaskContext, 'signal' | 'stdin'>
): InkReading {
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
      stdin: stdin(),
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
      const of = `${grouped(samples)} of ${counted(samples + used, 'sample')} (${percent(share)})`
      output.line(`left out ${of}${files > 0 ? ` and ${counted(files, 'file')}` : ''}`)
      for (const [code, count] of Object.entries(reasons))
        output.line(`  ${grouped(count)}: ${errorCodes[code as ErrorCode]} (${code})`)
      for (const message of examples.slice(0, 5)) output.line(`  ${message}`)
      if (all.length > 5) output.line('  ...')
    }
  }
}
