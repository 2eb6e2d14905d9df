// Runs a command line in this process, with tasks of the caller's choice, and gathers its output.

import { runProgram } from '../../src/cli/program.js'
import type { TaskEntry } from '../../src/tasks/task.js'

/** Returns the exit code, the output and the records of a command line. */
export async function inProcess(words: readonly string[], tasks: readonly TaskEntry[]) {
  const write = process.stdout.write.bind(process.stdout)
  let stdout = ''
  process.stdout.write = (text: string | Uint8Array) => ((stdout += String(text)), true)
  try {
    const code = await runProgram(words, tasks)
    const lines = stdout.split('\n').filter((line) => line.startsWith('{"'))
    return { code, stdout, records: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
  } finally {
    process.stdout.write = write
    process.exitCode = 0
  }
}
