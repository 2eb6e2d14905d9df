// Runs the built command as a user does, in a process of its own, and gathers its output.

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { compiledProgram, plainEnvironment } from '../compiled.js'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const main = join(root, 'dist', 'esm', 'cli', 'main.js')

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** The lines of standard output as JSON. */
  records: Record<string, unknown>[]
}

export interface CommandOptions {
  cwd?: string
  env?: Record<string, string>
  input?: string | Uint8Array
  /** Called with the process and everything it has written so far, whenever it writes. */
  watch?: (child: ChildProcess, stdout: string) => void
  /** Called when it runs. */
  started?: (child: ChildProcess) => void
  /** Leaves standard input open, and silent. */
  open?: boolean
  /** Commands of the shell that run first, to set limits. */
  shell?: string
}

export async function gatecell(words: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const { cwd = root, env = {}, input, watch, started, open = false, shell = ':' } = options
  // What tap loads into processes that its tests start is not for these: they are to be as a user's.
  const script = `unset NODE_OPTIONS NODE_V8_COVERAGE; ${shell}; exec "$@"`
  const child = spawn('/bin/sh', ['-c', script, 'sh', process.execPath, main, ...words], {
    cwd,
    env: { ...process.env, ...env }
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    watch?.(child, stdout)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => {})
  if (!open) child.stdin.end(input)
  started?.(child)
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve([code, signal]))
  })
  return {
    code,
    signal,
    stdout,
    stderr,
    get records() {
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    }
  }
}

/** Runs command lines in one process of `program` with `env` and returns the result of each, as `inProcess` does. */
export async function gatecellLines(
  lines: readonly (readonly string[])[],
  { cwd, env, program = [process.execPath] }: { cwd: string; env: Record<string, string>; program?: readonly string[] }
): Promise<Omit<Ended, 'signal'>[]> {
  const [command, ...first] = program
  const words = [...first, compiledProgram('test/cli/lines'), JSON.stringify(lines)]
  const options = { cwd, env: { ...plainEnvironment(), ...env }, maxBuffer: 2 ** 28 }
  const { stdout } = await promisify(execFile)(command!, words, options)
  return JSON.parse(stdout) as Omit<Ended, 'signal'>[]
}

/** A text of `length` characters that has something to learn, the same each time. */
export function story(length: number): string {
  const words = 'the cell keeps what the gate lets through and forgets what it does not; so it learns. '.split(' ')
  let text = ''
  let state = 1
  while (text.length < length) {
    state = (state * 16807) % 2147483647
    text += `${words[state % words.length]!} `
    if (state % 11 === 0) text += '\n'
  }
  return text.slice(0, length)
}

/** A network and a run of a second or less. */
export const tiny = '--hidden 12 --layers 2 --batch 4 --length 16 --steps 30 --threads 1'.split(' ')

export function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
