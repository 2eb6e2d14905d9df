// The reading of ink for a use of a model.

import type { ReadInkOptions } from '../../data/ink/read.js'
import type { Given } from '../../settings/index.js'
import { leavingOut, type LeavingOut } from '../left-out.js'
import type { TaskContext } from '../task.js'
import type { inkReadSettings } from './settings.js'

/** Values of `inkReadSettings`. */
export type InkReadOptions = Given<typeof inkReadSettings>

/** Options for reading ink, and the samples that reading left out. */
export interface InkReading extends LeavingOut {
  read: ReadInkOptions
}

/** Returns the options for reading ink with these values. */
export function inkReading(
  flags: InkReadOptions,
  { signal, stdin }: Pick<TaskContext, 'signal' | 'stdin'>
): InkReading {
  const left = leavingOut(flags.skipBad === true)
  const { onBad } = left
  return {
    ...left,
    read: {
      signal,
      stdin: stdin(),
      ...(flags.y && { y: flags.y }),
      ...(flags.level !== undefined && { level: flags.level }),
      ...(onBad && { onBad })
    }
  }
}
