// Samples and files that reading left out: their records, and the lines about them.

import { counted, errorCodes, type ErrorCode, type GatecellError } from '../errors.js'
import { grouped, percent } from '../format.js'
import type { JsonObject } from '../io/json.js'
import { field, type Group } from '../settings/index.js'
import type { TaskOutput } from './task.js'
import type { RecordOf } from './verb.js'

/** Fields of the records of samples and files that reading left out. */
export const leftOutFields = {
  samples: field.integer('samples that were left out'),
  share: field.number('fraction of all samples, those that were left out included'),
  reasons: field.map(field.integer('number of samples'), 'samples by the code of their error'),
  files: field.integer('files of folders that hold no sample'),
  examples: field.list(field.text('message of an error'), 'the first errors, at most 100')
} satisfies Group

/** The record of samples and files that reading left out. */
export type LeftOutRecord = RecordOf<{ left_out: typeof leftOutFields }>

/** Samples and files that reading left out. */
export interface LeftOut extends JsonObject {
  samples: number
  /** Fraction of all samples, those that were left out included. */
  share: number
  /** Samples by the code of their error. */
  reasons: Record<string, number>
  /** Files of folders that hold no sample. */
  files: number
}

/** Samples and files that reading leaves out, as it takes their errors. */
export interface LeavingOut {
  /** Takes an error; absent if errors are to be thrown. */
  readonly onBad?: (error: GatecellError, file?: string) => void
  /** Returns the counts of what was left out next to `used` samples, for a record. */
  leftOut(used: number): LeftOut
  /** Returns the record of what was left out next to `used` samples; null if nothing was. */
  record(used: number): LeftOutRecord | null
  /** Prints what was left out next to `used` samples. */
  tell(output: TaskOutput, used: number): void
}

/** Returns the functions that take errors and return what was left out. Without `skipBad` nothing is. */
export function leavingOut(skipBad: boolean): LeavingOut {
  const bad: GatecellError[] = []
  const badFiles: GatecellError[] = []
  const leftOut = (used: number): LeftOut => {
    const reasons: Record<string, number> = {}
    for (const { code } of bad) reasons[code] = (reasons[code] ?? 0) + 1
    return { samples: bad.length, share: bad.length / Math.max(1, bad.length + used), reasons, files: badFiles.length }
  }
  const record = (used: number): LeftOutRecord | null => {
    const all = [...bad, ...badFiles]
    if (all.length === 0) return null
    return { event: 'left_out', ...leftOut(used), examples: all.slice(0, 100).map(({ message }) => message) }
  }
  return {
    ...(skipBad && { onBad: (error, file) => void (file === undefined ? bad : badFiles).push(error) }),
    leftOut,
    record,
    tell(output, used) {
      const found = record(used)
      if (found === null) return
      output.record(found)
      for (const line of leftOutLines(found)) output.line(line)
    }
  }
}

/** Returns the lines about samples and files that reading left out. */
export function leftOutLines({ samples, share, reasons, files, examples }: LeftOutRecord): string[] {
  const of =
    samples === 0
      ? counted(files, 'file')
      : `${grouped(samples)} of ${counted(Math.round(samples / share), 'sample')} (${percent(share)})${files > 0 ? ` and ${counted(files, 'file')}` : ''}`
  return [
    `left out ${of}`,
    ...Object.entries(reasons).map(
      ([code, count]) => `  ${grouped(count)}: ${errorCodes[code as ErrorCode]} (${code})`
    ),
    ...examples.slice(0, 5).map((message) => `  ${message}`),
    ...(examples.length > 5 ? ['  ...'] : [])
  ]
}
