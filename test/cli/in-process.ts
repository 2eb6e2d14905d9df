// Runs a command line in this process and gathers its output: for tests of texts and options, which need no process of their own.

import { chdir, cwd as currentFolder } from 'node:process'
import { runProgram } from '../../src/cli/program.js'
import type { TaskEntry } from '../../src/tasks/task.js'

/** Sends what is written to a stream to `take`, and returns the function that ends this. */
function capture(stream: NodeJS.WriteStream, take: (text: string) => void): () => void {
  const write = stream.write.bind(stream)
  stream.write = (text: string | Uint8Array) => (
    take(typeof text === 'string' ? text : Buffer.from(text).toString()),
    true
  )
  return () => void (stream.write = write)
}

/** Returns the exit code, the output and the records of a command line. `tasks`: those of the program; default: all of gatecell. */
export async function inProcess(words: readonly string[], tasks?: readonly TaskEntry[], cwd = currentFolder()) {
  const before = currentFolder()
  let [stdout, stderr] = ['', '']
  const ends = [
    capture(process.stdout, (text) => (stdout += text)),
    capture(process.stderr, (text) => (stderr += text))
  ]
  chdir(cwd)
  process.exitCode = 0
  try {
    const code = await runProgram(words, tasks)
    const lines = stdout.split('\n').filter((line) => line.startsWith('{"'))
    return { code, stdout, stderr, records: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
  } finally {
    for (const end of ends) end()
    chdir(before)
    process.exitCode = 0
  }
}
