// The printing of hints.

import type { EventRecord } from '../../io/json.js'
import type { Hint } from '../../tasks/hint.js'
import type { RunLog } from '../../tasks/runs/log.js'
import type { Output } from './output.js'

/** Adds hints to the records of --json and to the log of the run. */
export function recordHints(hints: readonly Hint[], output: Output, log: RunLog | undefined): void {
  for (const { hint, message } of hints) {
    const record: EventRecord = { event: 'hint', hint, message }
    log?.note(record)
    output.record(record)
  }
}

/** Prints hints for people. */
export function printHints(hints: readonly Hint[], output: Output): void {
  for (const { message } of hints) output.line(`hint     ${message}`)
}
