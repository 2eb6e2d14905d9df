// A server in a process of its own: its start, its measurements, the processor time of its main thread, its end.

import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expected } from '../../errors.js'
import { packageInfo } from '../../native.js'
import { jsonRecord } from './events.js'

/** A server that runs. */
export interface ServerProcess {
  readonly url: string
  readonly pid: number
  /** Sends a signal. */
  signal(name: 'SIGHUP'): void
  /** Returns the measurements of `/metrics` by their names, sums over their labels. */
  measurements(): Promise<ReadonlyMap<string, number>>
  /** Returns the seconds that the main thread has run; null where /proc does not have them. */
  mainThreadSeconds(): number | null
  /** Ends the server by SIGTERM. Returns its exit code and all that it printed as errors. */
  close(): Promise<{ code: number | null; errors: string }>
}

/** Returns the words of a command line that runs `gatecell serve`. */
export function serveWords(model: string, more: readonly string[] = []): string[] {
  const program = join(packageInfo().root, 'dist', 'esm', 'cli', 'main.js')
  const limits = ['--max-tokens', String(2 ** 30), '--max-waiting', '65536', '--log-level', 'error', '--threads', '1']
  return [program, 'serve', model, '--port', '0', '--json', ...limits, ...more]
}

const MOST_ERRORS = 65536

/** Starts a program of Node.js that prints a record `{"event": "serving", "url"}` when it serves. Throws ERR_UNSUPPORTED if it ends before. */
export async function startServerProcess(words: readonly string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-MOST_ERRORS)))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const url = await Promise.race([firstAddress(child), ended.then(() => null)])
  if (url === null) {
    const found = errors.trim().split('\n').at(-1) ?? 'its end'
    throw expected('ERR_UNSUPPORTED', `a server of ${words.join(' ')}`, found, 'run it by hand to see why')
  }
  const pid = child.pid!
  return {
    url,
    pid,
    signal: (name) => void child.kill(name),
    measurements: () => readMeasurements(`${url}/metrics`),
    mainThreadSeconds: () => mainThreadSeconds(pid),
    async close() {
      child.kill('SIGTERM')
      return { code: await ended, errors }
    }
  }
}

async function firstAddress(child: ChildProcess): Promise<string | null> {
  try {
    for await (const line of createInterface({ input: child.stdout! })) {
      const record = jsonRecord<{ event?: string; url?: string }>(line)
      if (record?.event === 'serving' && record.url !== undefined) return record.url
    }
    return null
  } finally {
    // The reader of lines pauses the output when it ends, and a program whose output nobody takes would wait for it.
    child.stdout!.resume()
  }
}

async function readMeasurements(url: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(url)).text()
  const found = new Map<string, number>()
  for (const [, name, value] of text.matchAll(/^(\w+)(?:\{[^}]*\})? (\S+)$/gm))
    found.set(name!, (found.get(name!) ?? 0) + Number(value))
  return found
}

/** The first number of schedstat is the time on a processor in nanoseconds. The main thread of a process has its number. */
function mainThreadSeconds(pid: number): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e9
  } catch {
    return null
  }
}

/** Milliseconds between the ticks of which the server measures the delay: an idle loop has this value. */
const LOOP_TICK_MS = 10

/** Returns the 99th percentile of the delay of a server's event loop since the last reading, in milliseconds. */
export function loopDelayOf(measurements: ReadonlyMap<string, number>): number {
  return Math.max(0, 1000 * (measurements.get('nodejs_eventloop_lag_p99_seconds') ?? NaN) - LOOP_TICK_MS)
}
