// Whole files or none: a temporary file in the same folder, fsync, rename, fsync of the folder. A kill at any instant
// leaves the old file; temporary files of dead processes are removed at the next write. Refuses targets that are no
// regular files, so that no device or folder is ever replaced.

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { GatecellError } from '../errors.js'

export interface AtomicFile {
  /** Appends all of `bytes`, or writes them at `position` (which does not move the end). */
  write(bytes: Uint8Array, position?: number): Promise<void>
}

export interface AtomicFileSync {
  write(bytes: Uint8Array, position?: number): void
}

/** The calls that can fail on a bad disk; tests replace them to inject a failure at each. */
export type FileCalls = Pick<
  typeof fs.promises,
  'stat' | 'realpath' | 'open' | 'rename' | 'unlink' | 'readdir' | 'access'
>

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space or name another folder',
  EDQUOT: 'the disk quota is used up: free some space or name another folder',
  EACCES: 'the permission is missing: change the rights or name another folder',
  EPERM: 'the permission is missing: change the rights or name another folder',
  EROFS: 'the file system is read-only: name another folder',
  ENOENT: 'the folder does not exist: create it or name another one',
  ENOTDIR: 'a part of the path is not a folder: name another path',
  EISDIR: 'it is a folder: name a file in it',
  EFBIG: 'the file grew beyond the allowed size: raise the limit (ulimit -f) or name another disk',
  ENAMETOOLONG: 'the name is too long: choose a shorter one',
  EMFILE: 'too many files are open: close some or raise the limit (ulimit -n)',
  EIO: 'the disk reports a read or write error: check it and name another one'
}

function errorCode(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return typeof code === 'string' ? code : 'an unknown error'
}

/** The ERR_FILE_WRITE for a failed system call, with the reason in words. */
export function writeError(path: string, cause: unknown): GatecellError {
  if (cause instanceof GatecellError) return cause
  const code = errorCode(cause)
  const reason = REASONS[code] ?? 'the system refused: see the code and name another place'
  return new GatecellError('ERR_FILE_WRITE', `Expected to write ${path} but received ${code}, ${reason}.`, { cause })
}

function notRegular(path: string, isFolder: boolean): GatecellError {
  const found = isFolder ? 'a folder' : 'a device, pipe or socket'
  return new GatecellError('ERR_FILE_WRITE', `Expected a file name to write to but ${path} is ${found}: name a file.`)
}

interface Target {
  path: string
  folder: string
  temporary: string
  prefix: string
  /** Permission bits of the file that is replaced. */
  mode: number | undefined
}

function makeTarget(path: string, mode: number | undefined): Target {
  const folder = dirname(path)
  const prefix = `.${basename(path)}.tmp-`
  const temporary = join(folder, `${prefix}${process.pid}-${randomBytes(6).toString('hex')}`)
  return { path, folder, temporary, prefix, mode }
}

/** Whether a name in the folder is a leftover of a dead process; `modified` in ms is asked only for our own number. */
function isStale(name: string, prefix: string): 'no' | 'yes' | 'if-old' {
  if (!name.startsWith(prefix)) return 'no'
  const found = /^([0-9]{1,10})-[0-9a-f]{12}$/.exec(name.slice(prefix.length))
  if (found === null) return 'no'
  const pid = Number(found[1])
  if (pid === process.pid) return 'if-old'
  try {
    process.kill(pid, 0)
    return 'no'
  } catch (error) {
    return errorCode(error) === 'ESRCH' ? 'yes' : 'no'
  }
}

/** A file with our own process number from before our start belongs to a dead process that had the same number. */
function isFromBefore(modified: number): boolean {
  return modified < Date.now() - process.uptime() * 1000 - 1000
}

const unsyncable = new Set(['EINVAL', 'ENOTSUP', 'ENOSYS'].concat(process.platform === 'win32' ? ['EPERM'] : []))

/**
 * Writes `path` so that it holds either its old content or all of the new one. The permission bits of an existing file
 * stay; a symbolic link is followed. Failures of the system throw ERR_FILE_WRITE, and whatever `write` throws comes
 * through; in both cases nothing of the new file stays behind.
 */
export async function writeAtomically(
  path: string,
  write: (file: AtomicFile) => Promise<void>,
  calls: FileCalls = fs.promises
): Promise<void> {
  let target: Target
  try {
    target = await findTarget(path, calls)
    await removeStale(target, calls)
  } catch (error) {
    throw writeError(path, error)
  }
  let handle: fs.promises.FileHandle | undefined
  const attempt = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call
    } catch (error) {
      throw writeError(path, error)
    }
  }
  try {
    const file = (handle = await attempt(calls.open(target.temporary, 'wx')))
    if (target.mode !== undefined) await attempt(file.chmod(target.mode))
    let end = 0
    await write({
      write: async (bytes, position) => {
        await attempt(writeAll(file, bytes, position ?? end))
        end = Math.max(end, (position ?? end) + bytes.length)
      }
    })
    await attempt(file.sync())
    handle = undefined
    await attempt(file.close())
    await attempt(calls.rename(target.temporary, target.path))
  } catch (error) {
    await handle?.close().catch(() => {})
    await calls.unlink(target.temporary).catch(() => {})
    throw error
  }
  await attempt(syncFolder(target.folder, calls))
}

async function findTarget(path: string, calls: FileCalls): Promise<Target> {
  try {
    const found = await calls.stat(path)
    if (!found.isFile()) throw notRegular(path, found.isDirectory())
    // Renaming would replace a write-protected file without asking.
    await calls.access(path, fs.constants.W_OK)
    return makeTarget(await calls.realpath(path), found.mode & 0o7777)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return makeTarget(path, undefined)
  }
}

async function removeStale(target: Target, calls: FileCalls): Promise<void> {
  for (const name of await calls.readdir(target.folder)) {
    const stale = isStale(name, target.prefix)
    if (stale === 'no') continue
    const leftover = join(target.folder, name)
    try {
      if (stale === 'yes' || isFromBefore((await calls.stat(leftover)).mtimeMs)) await calls.unlink(leftover)
    } catch {
      // Another process removed it first, or may not be ours to remove: the write itself does not depend on it.
    }
  }
}

async function writeAll(file: fs.promises.FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' })
    done += bytesWritten
  }
}

async function syncFolder(folder: string, calls: FileCalls): Promise<void> {
  let handle: fs.promises.FileHandle | undefined
  try {
    handle = await calls.open(folder, 'r')
    await handle.sync()
  } catch (error) {
    if (!unsyncable.has(errorCode(error))) throw error
  } finally {
    await handle?.close()
  }
}

/** writeAtomically for the last moments of a process (Ctrl-C), where nothing may wait. */
export function writeAtomicallySync(path: string, write: (file: AtomicFileSync) => void): void {
  let fd = -1
  let target: Target | undefined
  const attempt = <T>(call: () => T): T => {
    try {
      return call()
    } catch (error) {
      throw writeError(path, error)
    }
  }
  try {
    const { temporary, mode } = (target = attempt(() => findTargetSync(path)))
    fd = attempt(() => fs.openSync(temporary, 'wx'))
    if (mode !== undefined) attempt(() => fs.fchmodSync(fd, mode))
    let end = 0
    write({
      write: (bytes, position) => {
        attempt(() => writeAllSync(fd, bytes, position ?? end))
        end = Math.max(end, (position ?? end) + bytes.length)
      }
    })
    attempt(() => fs.fsyncSync(fd))
    const closing = fd
    fd = -1
    attempt(() => fs.closeSync(closing))
    attempt(() => fs.renameSync(temporary, target!.path))
  } catch (error) {
    if (fd !== -1) fs.closeSync(fd)
    if (target !== undefined) removeQuietly(target.temporary)
    throw error
  }
  attempt(() => syncFolderSync(target.folder))
}

function removeQuietly(path: string): void {
  try {
    fs.unlinkSync(path)
  } catch {
    // It was never made: the error on the way is the one to tell.
  }
}

function findTargetSync(path: string): Target {
  const found = fs.statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return makeTarget(path, undefined)
  if (!found.isFile()) throw notRegular(path, found.isDirectory())
  fs.accessSync(path, fs.constants.W_OK)
  return makeTarget(fs.realpathSync(path), found.mode & 0o7777)
}

function writeAllSync(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    const written = fs.writeSync(fd, bytes, done, bytes.length - done, position + done)
    if (written === 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' })
    done += written
  }
}

function syncFolderSync(folder: string): void {
  let fd = -1
  try {
    fd = fs.openSync(folder, 'r')
    fs.fsyncSync(fd)
  } catch (error) {
    if (!unsyncable.has(errorCode(error))) throw error
  } finally {
    if (fd !== -1) fs.closeSync(fd)
  }
}

/** Writes a text file atomically, as UTF-8. */
export async function writeTextAtomically(path: string, text: string): Promise<void> {
  await writeAtomically(path, (file) => file.write(new TextEncoder().encode(text)))
}

/**
 * Finds out before the work begins whether `path` can be written at its end: throws the ERR_FILE_WRITE that
 * writeAtomically would throw for a missing folder, a missing permission, or a target that is no regular file.
 */
export async function assertWritable(path: string): Promise<void> {
  await writeProbe(path).catch((error: unknown) => {
    throw writeError(path, error)
  })
}

async function writeProbe(path: string): Promise<void> {
  const target = await findTarget(path, fs.promises)
  const handle = await fs.promises.open(target.temporary, 'wx')
  await handle.close()
  await fs.promises.unlink(target.temporary)
}
