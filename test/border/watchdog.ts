// Runs a program that names each of its hostile calls in a file before it makes it, so that a call that hangs or ends the process is
// known by name.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiledProgram, plainEnvironment } from '../compiled.js'
import type { Finding } from './walk.js'

/**
 * A call that takes more processor time than this holds the event loop for good: the right ones take a second at most. Time that other
 * processes have the cores does not count, but a call that waits for ever takes no processor time: so much later it has hung too.
 */
const HANG_MS = 30_000
const WAIT_MS = 10 * HANG_MS

export interface Found {
  calls: number
  findings: Finding[]
}

/** Runs `program <file> <arguments>` in a temporary folder; `program` is named like `test/border/child`. */
export async function watch(program: string, ...args: string[]): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), 'gatecell-hostile-'))
  const file = join(folder, 'current-call')
  const where = (): string => readFileSync(file, 'utf8').trim()
  const flags = ['--max-old-space-size=1024', '--stack-size=900']
  const child = spawn(process.execPath, [...flags, compiledProgram(program), file, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...plainEnvironment(), GATECELL_OVERSUBSCRIBE: '1' }
  })
  let [output, errors, before] = ['', '', '']
  let since = performance.now()
  let used = processorTime(child.pid!) ?? since
  child.stdout.on('data', (text) => (output += String(text)))
  child.stderr.on('data', (text) => (errors = (errors + String(text)).slice(-4000)))
  let hung = false
  const timer = setInterval(() => {
    const now = performance.now()
    const cpu = processorTime(child.pid!) ?? now
    const at = exists(where)
    if (at !== before) [before, since, used] = [at, now, cpu]
    if (cpu - used < HANG_MS && now - since < WAIT_MS) return
    hung = true
    child.kill('SIGKILL')
  }, 1000)
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    if (code === 0 && output !== '') return JSON.parse(output) as Found
    const what = hung
      ? `did not end in ${Math.round(performance.now() - since)} ms`
      : `ended the process with ${signal ?? code}: ${errors}`
    return { calls: 0, findings: [{ call: exists(where), what }] }
  } finally {
    clearInterval(timer)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Milliseconds of processor time that a process has taken; null where the system does not say. */
function processorTime(pid: number): number | null {
  try {
    // proc(5): fields 14 and 15, counted from 1, in hundredths of a second; the second one, a name, may hold blanks.
    const [, fields] = /.*\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))!
    const [user, system] = fields!.split(' ').slice(11, 13).map(Number)
    return 10 * (user! + system!)
  } catch {
    return null
  }
}

function exists(where: () => string): string {
  try {
    return where()
  } catch {
    return ''
  }
}
