// A limit on the size of the files of a program, which tests of full disks set. This file has no test itself.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** Whether runWithLimit can work here. */
export const prlimit = spawnSync('prlimit', ['--version']).status === 0

/**
 * Runs a program that waits for a line after its first output, and lets its files grow to `bytes` from then on. Resolves
 * to its whole output when it has ended well.
 */
export async function runWithLimit(bytes: number, ...program: string[]): Promise<string> {
  const running = spawn(process.execPath, program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(running, 'exit')
  let output = ''
  running.stdout.on('data', (text) => (output += String(text)))
  await once(running.stdout, 'data')
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(running.pid), `--fsize=${bytes}`])
  if (status !== 0) throw new Error(String(stderr))
  running.stdin.write('go\n')
  const [code, signal] = (await ended) as [number | null, string | null]
  if (code !== 0) throw new Error(`ended with ${code} ${signal}`)
  return output
}
