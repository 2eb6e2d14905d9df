// The list of all tasks: the only file that names them all.

import { captionsEntry } from './captions/task.js'
import { forecastEntry } from './forecast/task.js'
import { recognitionEntry } from './handwriting-recognition/task.js'
import { synthesisEntry } from './handwriting-synthesis/task.js'
import { musicEntry } from './music/task.js'
import { numbersEntry } from './numbers/task.js'
import type { TaskEntry } from './task.js'
import { textEntry } from './text/task.js'
import { translationEntry } from './translation/task.js'

/** All tasks, in the order of help texts. */
export const tasks: readonly TaskEntry[] = [
  textEntry,
  numbersEntry,
  forecastEntry,
  musicEntry,
  translationEntry,
  captionsEntry,
  recognitionEntry,
  synthesisEntry
]
