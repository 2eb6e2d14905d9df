// Locks under every interleaving of a few processes (in npm test every third one). A process is a call of lockFile with an identity of its own.
// Between any two of its calls of the file system, others run, stop or are killed; a killed process makes no further call. Afterwards at most one
// process that lives has the lock, and once all have ended the next one gets it and leaves no file.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { lockFile, type FileLock } from '../../src/io/lock.js'
import { ownProcess, type ProcessIdentity } from '../../src/io/owner.js'
import { rounds } from '../amounts.js'

/** The calls before which other processes may run. statSync is not among them: it is followed by the reading of the same lock at once. */
const calls = ['writeFileSync', 'linkSync', 'renameSync', 'unlinkSync', 'readFileSync'] as const

/** Script of a process: `events[n]` happens before its call number n of the file system. */
interface Script {
  readonly events?: Readonly<Record<number, Script | 'killed'>>
  readonly end?: 'killed' | 'released'
}

interface Process {
  readonly owner: ProcessIdentity
  readonly events: Script['events']
  made: number
  alive: boolean
  /** Whether it ever got the lock, and the lock that it has now. */
  locked: boolean
  lock: FileLock | null
}

const all = new Map<number, Process>()
const stack: Process[] = []
let file = ''

/** Runs a process until it has the lock, was refused or is killed. */
function run({ events, end }: Script): Process {
  const pid = 2 ** 30 + all.size
  const owner = { ...ownProcess(), pid, start: '' }
  const process: Process = { owner, events, made: 0, alive: true, locked: false, lock: null }
  all.set(pid, process)
  stack.push(process)
  try {
    process.lock = lockFile(file, owner)
    process.locked = true
    if (end === 'released') {
      process.lock.release()
      process.lock = null
    }
  } catch (error) {
    if (process.alive && (error as { code?: unknown }).code !== 'ERR_BUSY') throw error
  } finally {
    stack.pop()
  }
  if (end === 'killed') process.alive = false
  return process
}

/** Runs the event before a call of the process that runs now. */
function beforeCall(): void {
  const process = stack.at(-1)
  if (!process) return
  const event = process.alive ? process.events?.[process.made] : undefined
  process.made++
  if (event === 'killed') process.alive = false
  else if (event) run(event)
  if (!process.alive) throw new Error('killed')
}

t.before(() => {
  for (const name of calls) {
    const call = fs[name] as (...args: unknown[]) => unknown
    const instead = (...args: unknown[]) => {
      if (stack.length > 0) beforeCall()
      return call(...args)
    }
    Object.assign(fs, { [name]: instead })
    t.teardown(() => (Object.assign(fs, { [name]: call }), syncBuiltinESMExports()))
  }
  syncBuiltinESMExports()
  const kill = process.kill.bind(process)
  process.kill = (pid, signal) => {
    const found = all.get(pid)
    if (!found) return kill(pid, signal)
    if (!found.alive) throw Object.assign(new Error('no such process'), { code: 'ESRCH' })
    return true
  }
  t.teardown(() => (process.kill = kill))
})

/** Number of the call at which the second process is killed, after it has made the successor of the first one's lock. */
const AFTER_CLAIM = 4

/** Starts from the lock of a killed process and the lock of one that was killed while it took over; returns the fault, if there is one. */
function play(folder: string, killedAt: number | null, script: Script): string | null {
  all.clear()
  for (const name of fs.readdirSync(folder)) fs.unlinkSync(join(folder, name))
  file = join(folder, 'm')
  run({ end: 'killed' })
  if (killedAt !== null) run({ events: { [killedAt]: 'killed' } })
  run(script)
  const owners = [...all.values()].filter(({ alive, lock }) => alive && lock)
  const fault = owners.length > 1 ? `${owners.length} owners` : null
  for (const process of all.values()) process.alive = false
  const last = run({ end: 'released' })
  if (fault) return fault
  const files = fs.readdirSync(folder)
  if (files.length > 0) return `${files.length} files stay`
  return last.locked ? null : 'the next process is refused'
}

/** Scripts of a process that comes in between: it runs to its end, or only up to its call number n. */
function* others(calls: number): Generator<Script> {
  yield* [{}, { end: 'released' }, { end: 'killed' }] as const
  for (let n = 0; n < calls; n++) yield* [{ events: { [n]: 'killed' } }, { events: { [n]: {} } }] as const
}

/** Scripts of a process with the given number of calls, which a second process interrupts, and a third one at the same call or later. */
function* scripts(calls: number): Generator<Script> {
  for (const other of others(calls)) {
    for (let first = 0; first < calls; first++) {
      yield { events: { [first]: other } }
      for (let second = first + 1; second < calls; second++) yield { events: { [first]: other, [second]: {} } }
    }
  }
}

t.test('interleavings of three processes that take over the lock of a killed one', async (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'gatecell-lock-'))
  t.teardown(() => fs.rmSync(folder, { recursive: true, force: true }))
  const faults = new Map<string, string>()
  let played = 0
  for (const killedAt of [null, AFTER_CLAIM]) {
    play(folder, killedAt, {})
    const calls = all.get(2 ** 30 + (killedAt === null ? 1 : 2))!.made + 1
    for (const [number, script] of [...scripts(calls)].entries()) {
      if (number % rounds(3, 2, 1) !== 0) continue
      played++
      const fault = play(folder, killedAt, script)
      if (fault && !faults.has(fault)) faults.set(fault, JSON.stringify([killedAt, script]))
    }
  }
  t.same([...faults], [], `${played} interleavings`)
})
