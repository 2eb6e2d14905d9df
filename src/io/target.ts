// The target of an atomic write: follows symbolic links, refuses everything but regular files, names the temporary file after its
// process, and removes temporary files of processes that have ended.

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { expected, GatecellError } from '../errors.js'
import { crc32c } from './crc32c.js'
import { ownProcess, stateOf, type ProcessIdentity } from './owner.js'

/** The calls that can fail on a bad disk; tests replace them to inject a failure at each. */
export type FileCalls = Pick<
  typeof fs.promises,
  'stat' | 'realpath' | 'open' | 'rename' | 'unlink' | 'readdir' | 'access'
>

/** A file that will be replaced, and the temporary file for its new content. */
export interface Target {
  /** The file itself, no link. */
  readonly path: string
  readonly folder: string
  readonly temporary: string
  readonly prefix: string
  /** Permission bits of the file that is replaced. */
  readonly mode: number | undefined
}

/** Failures of the system in words, each with its remedy. */
const REASONS: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'free some space or name another folder'],
  EDQUOT: ['the disk quota is used up', 'free some space or name another folder'],
  EACCES: ['the permission is missing', 'change the rights or name another folder'],
  EPERM: ['the permission is missing', 'change the rights or name another folder'],
  EROFS: ['the file system is read-only', 'name another folder'],
  ENOENT: ['the folder does not exist', 'create it or name another one'],
  ENOTDIR: ['a part of the path is not a folder', 'name another path'],
  EISDIR: ['it is a folder', 'name a file in it'],
  EFBIG: ['the file grew beyond the allowed size', 'raise the limit (ulimit -f) or name another disk'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter one'],
  ELOOP: ['symbolic links lead to each other', 'name another file'],
  EMFILE: ['too many files are open', 'close some or raise the limit (ulimit -n)'],
  EIO: ['the disk reports a read or write error', 'check it and name another one']
}

/** Returns the code of a failed system call, such as ENOENT. */
export function errorCode(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return typeof code === 'string' ? code : 'an unknown error'
}

/** Returns the ERR_FILE_WRITE for a failed system call, with the reason in words and one remedy; a GatecellError as it is. */
export function writeError(path: string, cause: unknown): GatecellError {
  if (cause instanceof GatecellError) return cause
  const code = errorCode(cause)
  const [reason, remedy] = REASONS[code] ?? ['the system refused', 'see the code and name another place']
  return expected('ERR_FILE_WRITE', `to write ${path}`, `${code}, ${reason}`, remedy, cause)
}

/** Throws ERR_FILE_WRITE for '' and for '-', which many programs take as standard output. */
export function checkFileName(path: string): void {
  if (path !== '-' && path !== '') return
  const remedy = path === '-' ? 'name a file, or ./- for one of that name' : 'name a file'
  throw expected('ERR_FILE_WRITE', 'the name of a file to write to', `"${path}"`, `${remedy}`)
}

function checkRegular(path: string, found: fs.Stats): void {
  if (found.isFile()) return
  const kind = found.isDirectory() ? 'a folder' : 'a device, pipe or socket'
  throw expected('ERR_FILE_WRITE', 'the name of a file to write', `${path}, which is ${kind}`, 'name a file')
}

/** Finds the file that `path` names, through symbolic links. Throws ERR_FILE_WRITE, or the error of the system, if it cannot be replaced. */
export async function findTarget(path: string, calls: FileCalls): Promise<Target> {
  checkFileName(path)
  try {
    const found = await calls.stat(path)
    checkRegular(path, found)
    // Renaming would replace a write-protected file without asking.
    await calls.access(path, fs.constants.W_OK)
    return makeTarget(await calls.realpath(path), found.mode & 0o7777)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return makeTarget(followLinks(path), undefined)
  }
}

/** Finds the file that `path` names as `findTarget` does, but synchronously. */
export function findTargetSync(path: string): Target {
  checkFileName(path)
  const found = fs.statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return makeTarget(followLinks(path), undefined)
  checkRegular(path, found)
  fs.accessSync(path, fs.constants.W_OK)
  return makeTarget(fs.realpathSync(path), found.mode & 0o7777)
}

/** Returns the end of a chain of symbolic links, which need not exist; `path` itself if it is not a link. Throws ELOOP after 40 links. */
export function followLinks(path: string): string {
  let at = path
  for (let left = 40; left > 0; left--) {
    const target = linkTarget(at)
    if (target === null) return at
    // Not normalised: a ".." after a link means the folder above the one that the link leads to.
    at = isAbsolute(target) ? target : `${dirname(at)}/${target}`
  }
  throw Object.assign(new Error('too many links'), { code: 'ELOOP' })
}

function linkTarget(path: string): string | null {
  try {
    return fs.readlinkSync(path)
  } catch {
    return null // it is not a link, or nothing at all
  }
}

/** Characters of the file's name in that of a temporary file: at most 192 bytes of the 255 that a name may have. */
const NAME_CHARACTERS = 48

function makeTarget(path: string, mode: number | undefined): Target {
  const folder = dirname(path)
  const prefix = `.${Array.from(basename(path)).slice(0, NAME_CHARACTERS).join('')}.tmp-`
  const temporary = join(folder, prefix + temporaryName(ownProcess(), randomBytes(6).toString('hex')))
  return { path, folder, temporary, prefix, mode }
}

/** Returns the part of a temporary file's name after the prefix. `unique` is twelve hexadecimal digits. */
export function temporaryName(owner: ProcessIdentity, unique: string): string {
  return [spaceDigits(owner), owner.pid, owner.start || 0, unique].join('-')
}

/** Returns eight hexadecimal digits: a checksum of the host and namespace of a process. */
function spaceDigits({ host, space }: ProcessIdentity): string {
  return crc32c(new TextEncoder().encode(`${host}\n${space}`))
    .toString(16)
    .padStart(8, '0')
}

/** Age at which temporary files of any origin are removed. A write in progress keeps changing its file, so it is never that old. */
const FORGOTTEN_MS = 7 * 24 * 3600 * 1000

/**
 * Returns whether the file with this name (`prefix`, then a temporary name) is left from a process that has ended: 'if-old' if it is from
 * another host or container than that of `self`, so that only its age shows whether it is left.
 */
export function staleness(name: string, prefix: string, self: ProcessIdentity = ownProcess()): 'no' | 'yes' | 'if-old' {
  if (!name.startsWith(prefix)) return 'no'
  const found = /^([0-9a-f]{8})-([0-9]{1,10})-([0-9]{1,20})-[0-9a-f]{12}$/.exec(name.slice(prefix.length))
  if (found === null) return 'no'
  const [, digits, pid, start] = found
  if (digits !== spaceDigits(self)) return 'if-old'
  const owner = { ...self, pid: Number(pid), start: start === '0' ? '' : start! }
  return stateOf(owner, self) === 'gone' ? 'yes' : 'no'
}

/** Removes the temporary files of processes that were killed while they wrote this file. */
export async function removeStale(target: Target, calls: FileCalls): Promise<void> {
  for (const name of await calls.readdir(target.folder)) {
    const stale = staleness(name, target.prefix)
    if (stale === 'no') continue
    const leftover = join(target.folder, name)
    try {
      const forgotten = async () => (await calls.stat(leftover)).mtimeMs < Date.now() - FORGOTTEN_MS
      if (stale === 'yes' || (await forgotten())) await calls.unlink(leftover)
    } catch {
      // Another process removed it first, or may not be ours to remove: the write itself does not depend on it.
    }
  }
}
