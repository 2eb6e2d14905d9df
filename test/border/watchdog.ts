// Runs a program that names each of its hostile calls in a file before it makes it, so that a call that hangs or ends the process is
// known by name.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from './walk.js'

/** A call that takes longer than this holds the event loop for good; on a busy machine the right ones take a second. */
const HANG_MS = 30_000

export interface Found {
  calls: number
  findings: Finding[]
}

/** Runs `script <file> <arguments>` in a temporary folder. */
export async function watch(script: string, ...args: string[]): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), 'gatecell-hostile-'))
  const file = join(folder, 'current-call')
  const where = (): string => readFileSync(file, 'utf8').trim()
  const flags = [...process.execArgv, '--max-old-space-size=1024', '--stack-size=900']
  const child = spawn(process.execPath, [...flags, script, file, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, GATECELL_OVERSUBSCRIBE: '1' }
  })
  let [output, errors, before, since] = ['', '', '', performance.now()]
  child.stdout.on('data', (text) => (output += String(text)))
  child.stderr.on('data', (text) => (errors = (errors + String(text)).slice(-4000)))
  let hung = false
  const timer = setInterval(() => {
    const now = performance.now()
    const at = exists(where)
    if (at !== before) [before, since] = [at, now]
    if (now - since < HANG_MS) return
    hung = true
    child.kill('SIGKILL')
  }, 1000)
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    if (code === 0 && output !== '') return JSON.parse(output) as Found
    const what = hung ? `did not end in ${HANG_MS} ms` : `ended the process with ${signal ?? code}: ${errors}`
    return { calls: 0, findings: [{ call: exists(where), what }] }
  } finally {
    clearInterval(timer)
    rmSync(folder, { recursive: true, force: true })
  }
}

function exists(where: () => string): string {
  try {
    return where()
  } catch {
    return ''
  }
}
