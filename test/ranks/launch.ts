// Starts programs with the launchers of Open MPI and MPICH, where they are installed. This file has no test itself.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { main } from '../cli/command.js'

export interface Launch {
  readonly name: string
  readonly command: readonly string[]
}

// The processes of the tests share few cores, and Open MPI refuses root by default.
const all: readonly Launch[] = [
  { name: 'Open MPI', command: ['mpirun.openmpi', '--oversubscribe', '--bind-to', 'none', '-np'] },
  { name: 'MPICH', command: ['mpiexec.hydra', '-n'] }
]
const env = {
  ...process.env,
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  GATECELL_OVERSUBSCRIBE: '1'
}

/** The launchers of this machine. */
export const launchers = all.filter(({ command }) => spawnSync(command[0]!, ['--version']).status === 0)

/** The reason to skip tests, if there is no launcher. */
export const skip =
  launchers.length > 0 ? false : 'neither Open MPI nor MPICH is installed (Debian: apt-get install openmpi-bin mpich)'

export interface Launched {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program of Node with `ranks` processes. `watch` is called with the launcher and everything that was printed, whenever a process prints. */
export async function launch(
  { command }: Launch,
  ranks: number,
  words: readonly string[],
  options: { cwd: string; env?: Record<string, string>; watch?: (launcher: ChildProcess, stdout: string) => void }
): Promise<Launched> {
  const { cwd, watch } = options
  const [file, ...before] = command
  const script = 'unset NODE_OPTIONS NODE_V8_COVERAGE; exec "$@"'
  const child = spawn('/bin/sh', ['-c', script, 'sh', file!, ...before, `${ranks}`, process.execPath, ...words], {
    cwd,
    env: { ...env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.stdout += text
    watch?.(child, printed.stdout)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.stderr += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, ...printed }
}

/** Runs the command of the package with `ranks` processes. */
export function launchCommand(
  launcher: Launch,
  ranks: number,
  words: readonly string[],
  options: Parameters<typeof launch>[3]
): Promise<Launched> {
  return launch(launcher, ranks, [main, ...words], options)
}
