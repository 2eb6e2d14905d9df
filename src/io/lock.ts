// Lock files. A lock lies next to the file that it protects and names the process that writes it, so that two processes do not
// overwrite each other's work. It is removed by its release or at the end of the process; after a kill, the next process that
// locks the file takes it over.
//
// A lock is never removed by another process than its owner: between reading it and removing it, another process could have put
// its own in its place. Instead locks form a chain. The first is `.m.lock`; the successor of a lock is the file whose name has
// the lock's id, `.m.lock-after-<id>`. The owner of the last lock of the chain owns the file. If it has ended, a process may
// create the successor, which only one process can. It must then find itself at the end of the chain, read from the beginning,
// because the chain may have changed since it was read; then it renames its lock to `.m.lock`, which removes all locks before it
// from the chain at once. Ids are never used twice, so a lock that has left the chain does not come back.

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expected, type GatecellError } from '../errors.js'
import { parseJsonObject } from './json.js'
import { ownProcess, stateOf, type ProcessIdentity } from './owner.js'
import { checkFileName, errorCode, followLinks, staleness, temporaryName, writeError } from './target.js'

/** A lock that this process holds. */
export interface FileLock {
  release(): void
}

interface Held extends ProcessIdentity {
  /** When it was taken, in ISO 8601. */
  readonly since: string
  /** Twelve random hexadecimal digits, different for each lock. */
  readonly id: string
}

/** The last lock of a chain; `held` is null if the file is half written or not written by gatecell. */
interface Tail {
  readonly path: string
  readonly held: Held | null
}

/** Locks of this process: the file and the id of each. */
const held = new Map<string, string>()

/**
 * Locks the file at `path`, which need not exist; a symbolic link locks its target. Throws ERR_BUSY, with the owner in the
 * message, if another process or another operation of this process holds the lock, and ERR_FILE_WRITE if no lock can be written.
 * `self` is the owner; tests replace it.
 */
export function lockFile(path: string, self: ProcessIdentity = ownProcess()): FileLock {
  checkFileName(path)
  const owner: Held = { ...self, since: new Date().toISOString(), id: randomBytes(6).toString('hex') }
  let lock: string
  try {
    const real = realTarget(path)
    lock = join(dirname(real), `.${basename(real)}.lock`)
    take(path, lock, owner)
    removeLeftovers(lock, owner)
  } catch (error) {
    throw writeError(path, error)
  }
  if (held.size === 0) process.once('exit', releaseAll)
  held.set(lock, owner.id)
  return {
    release() {
      if (held.get(lock) !== owner.id) return
      held.delete(lock)
      if (held.size === 0) process.off('exit', releaseAll)
      removeOwn(lock, owner.id)
    }
  }
}

function releaseAll(): void {
  for (const [lock, id] of held) removeOwn(lock, id)
}

/** Removes a lock, unless it was removed by hand and another process has locked the file since. */
function removeOwn(lock: string, id: string): void {
  if (readLock(lock)?.held?.id === id) removeQuietly(lock)
}

function removeQuietly(path: string): void {
  try {
    fs.unlinkSync(path)
  } catch {
    // It was removed by hand, or its folder was.
  }
}

function realTarget(path: string): string {
  const target = followLinks(path)
  return join(fs.realpathSync(dirname(target)), basename(target))
}

/** Makes the lock of `owner` the last one of the chain, and then its only one. Throws ERR_BUSY if another process owns the file. */
function take(path: string, lock: string, owner: Held): void {
  const draft = `${lock}-${temporaryName(owner, owner.id)}`
  let claim: string | null = null
  try {
    fs.writeFileSync(draft, `${JSON.stringify(owner)}\n`, { flag: 'wx' })
    for (;;) {
      const tail = tailOf(lock)
      if (tail?.held?.id === owner.id) {
        if (tail.path !== lock) fs.renameSync(tail.path, lock)
        claim = null
        return
      }
      // A claim that is not the end of the chain belongs to a chain that another process has replaced in the meantime.
      if (claim !== null) removeQuietly(claim)
      claim = null
      if (tail && (tail.held === null || stateOf(tail.held, owner) !== 'gone')) throw taken(path, tail, owner)
      const next = tail ? successorOf(lock, tail.held!.id) : lock
      if (linked(draft, next) && next !== lock) claim = next
    }
  } finally {
    if (claim !== null) removeQuietly(claim)
    removeQuietly(draft)
  }
}

function successorOf(lock: string, id: string): string {
  return `${lock}-after-${id}`
}

/** Returns the last lock of the chain that begins with `lock`; null if there is none. */
function tailOf(lock: string): Tail | null {
  let tail = readLock(lock)
  for (const seen = new Set<string>(); tail?.held;) {
    const { id } = tail.held
    // Only files made by hand can form a ring.
    if (seen.has(id)) return { path: tail.path, held: null }
    seen.add(id)
    const next = readLock(successorOf(lock, id))
    if (next === null) break
    tail = next
  }
  return tail
}

/** Removes drafts of processes that were killed, and locks that have left the chain of `owner`, whose lock is its only one. */
function removeLeftovers(lock: string, owner: Held): void {
  const folder = dirname(lock)
  const prefix = `${basename(lock)}-`
  const left = (name: string) =>
    /^after-[0-9a-f]{12}$/.test(name.slice(prefix.length)) || staleness(name, prefix, owner) === 'yes'
  let names: string[] = []
  try {
    names = fs.readdirSync(folder)
  } catch {
    // The folder may be writable but not readable. Only the cleaning depends on the listing, not the lock.
  }
  for (const name of names) if (name.startsWith(prefix) && left(name)) removeQuietly(join(folder, name))
}

/**
 * Creates `lock` as a hard link to `draft`, so that it has its content at once; returns false if it exists. Where there are no hard
 * links it is a copy: another process may read it half written, and refuses with ERR_BUSY.
 */
function linked(draft: string, lock: string): boolean {
  try {
    fs.linkSync(draft, lock)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    if (!UNLINKABLE.has(errorCode(error))) throw error
  }
  try {
    fs.copyFileSync(draft, lock, fs.constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

/** Errors of file systems without hard links (FAT, some network file systems). */
const UNLINKABLE = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Most bytes of a lock. A larger file was not written by gatecell. */
const LOCK_BYTES = 4096

/** Reads a lock; returns null if it does not exist. */
function readLock(path: string): Tail | null {
  try {
    const { size } = fs.statSync(path)
    // A pipe would wait for a writer; its size is 0.
    return { path, held: size > 0 && size <= LOCK_BYTES ? readHeld(fs.readFileSync(path, 'utf8')) : null }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Parses the content of a lock; returns null if it is half written or not written by gatecell. */
function readHeld(text: string): Held | null {
  try {
    const found = parseJsonObject(text, 'a lock')
    const { host, pid, start, space, machine, since, id } = found
    const texts = [host, start, space, machine, since, id]
    if (!Number.isSafeInteger(pid) || texts.some((part) => typeof part !== 'string')) return null
    if (!/^[0-9a-f]{12}$/.test(id as string)) return null // it becomes a part of a file's name
    return found as unknown as Held
  } catch {
    return null
  }
}

/** Returns the error for a file whose last lock is `tail`. */
function taken(path: string, { path: lock, held: other }: Tail, self: ProcessIdentity): GatecellError {
  const remedy = `if it has ended, remove ${lock}`
  const found = (who: string, what: string) => expected('ERR_BUSY', `no other writer of ${path}`, who, what)
  if (other === null) return found(`the lock ${lock}`, remedy)
  const { host, pid, since } = other
  const who = `process ${pid} on ${host}, which has been writing it since ${since}`
  const here = stateOf(other, self) === 'alive'
  if (here) return found(who, 'wait for its end, or name another file')
  const elsewhere = host === self.host ? 'it runs in another container or before a restart' : 'it runs on another host'
  return found(who, `${elsewhere}, which cannot be checked from here: ${remedy}, else name another file`)
}
