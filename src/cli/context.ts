// The surroundings of a function of a task on the command line.

import type { TaskContext } from '../tasks/task.js'
import { readStdin, type Interrupts } from './ui/interrupt.js'
import { createOutput } from './ui/output.js'
import { createProgress } from './ui/progress.js'

/** Returns output, progress, signal and standard input of a command. */
export async function createContext(json: boolean, { signal }: Interrupts): Promise<TaskContext> {
  const output = createOutput(json)
  const progress = await createProgress(output)
  return { output, progress, signal, stdin: () => readStdin(signal) }
}
