// Lock files. A lock lies next to the file that it protects and names the process that writes it, so that two processes do not
// overwrite each other's work. It is removed by its release or at the end of the process; after a kill, by the next process that
// locks the file.

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { GatecellError } from '../errors.js'
import { parseJsonObject } from './json.js'
import { ownProcess, stateOf, type Owner } from './owner.js'
import { checkFileName, errorCode, followLinks, temporaryName, writeError } from './target.js'

export interface FileLock {
  release(): void
}

interface Held extends Owner {
  /** When it was taken, in ISO 8601. */
  readonly since: string
}

const held = new Set<string>()

/**
 * Locks the file at `path`, which need not exist; a symbolic link locks its target. Throws ERR_BUSY, with the owner in the
 * message, if another process or another operation of this process holds the lock, and ERR_FILE_WRITE if no lock can be written.
 * `self` is the owner; tests replace it.
 */
export function lockFile(path: string, self: Owner = ownProcess()): FileLock {
  checkFileName(path)
  let lock: string
  try {
    const real = realTarget(path)
    lock = join(dirname(real), `.${basename(real)}.lock`)
    take(path, lock, { ...self, since: new Date().toISOString() })
  } catch (error) {
    throw writeError(path, error)
  }
  if (held.size === 0) process.once('exit', releaseAll)
  held.add(lock)
  return {
    release() {
      if (!held.delete(lock)) return
      if (held.size === 0) process.off('exit', releaseAll)
      removeQuietly(lock)
    }
  }
}

function releaseAll(): void {
  for (const lock of held) removeQuietly(lock)
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

/** Creates the lock, unless a process that still runs holds it. */
function take(path: string, lock: string, owner: Held): void {
  const draft = `${lock}-${temporaryName(owner, randomBytes(6).toString('hex'))}`
  fs.writeFileSync(draft, `${JSON.stringify(owner)}\n`, { flag: 'wx' })
  try {
    // Each iteration takes the lock, throws, or removes one lock of a process that has ended.
    while (!linked(draft, lock)) {
      const text = readQuietly(lock)
      if (text === null) continue // released meanwhile
      const other = readHeld(text)
      if (other === null || stateOf(other, owner) !== 'gone') throw taken(path, lock, other, owner)
      setAside(lock, text, draft)
    }
  } finally {
    removeQuietly(draft)
  }
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

/** Removes the lock with content `text`; one that another process has made in its place meanwhile is put back. */
function setAside(lock: string, text: string, draft: string): void {
  const aside = `${draft}-old`
  try {
    fs.renameSync(lock, aside)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return
    throw error
  }
  if (readQuietly(aside) !== text) linked(aside, lock)
  removeQuietly(aside)
}

function readQuietly(path: string): string | null {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Parses the content of a lock; returns null if it is half written or not written by gatecell. */
function readHeld(text: string): Held | null {
  try {
    const found = parseJsonObject(text, 'a lock')
    const { host, pid, start, space, machine, since } = found
    const texts = [host, start, space, machine, since]
    if (!Number.isSafeInteger(pid) || texts.some((part) => typeof part !== 'string')) return null
    return found as unknown as Held
  } catch {
    return null
  }
}

/** Returns the error for a lock that `other` holds; null if its content names no owner. */
function taken(path: string, lock: string, other: Held | null, self: Owner): GatecellError {
  const remedy = `if it has ended, remove ${lock}`
  const found = (who: string, what: string) =>
    new GatecellError('ERR_BUSY', `Expected to be the only writer of ${path} but ${who}: ${what}.`)
  if (other === null) return found(`${lock} is there`, remedy)
  const { host, pid, since } = other
  const who = `process ${pid} on ${host} has been writing it since ${since}`
  const here = stateOf(other, self) === 'alive'
  if (here) return found(who, 'wait for its end, or name another file')
  const elsewhere = host === self.host ? 'it runs in another container or before a restart' : 'it runs on another host'
  return found(who, `${elsewhere}, which cannot be checked from here: ${remedy}, else name another file`)
}
