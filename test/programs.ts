// Runs programs that are written as a stranger writes them: all in one process that has no loader of the tests.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { compiledProgram, plainEnvironment } from './compiled.js'

/** Runs the JavaScript programs `paths` with the arguments `words`, in their order, in the folder `cwd`; returns the output of each. */
export async function runPrograms(
  paths: readonly string[],
  cwd: string,
  words: readonly string[] = []
): Promise<string[]> {
  const all = [compiledProgram('test/run-programs'), JSON.stringify(paths), ...words]
  const { stdout } = await promisify(execFile)(process.execPath, all, { cwd, env: plainEnvironment() })
  return JSON.parse(stdout) as string[]
}
