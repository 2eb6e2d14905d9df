// Whole files or none: a temporary file in the same folder, fsync, rename, fsync of the folder. A kill at any instant
// leaves the old file; temporary files of processes that have ended are removed at the next write. Symbolic links are
// followed. Targets that are not regular files are refused, so that no device or folder is ever replaced.

import * as fs from 'node:fs'
import { resolve } from 'node:path'
import { expected } from '../errors.js'
import {
  errorCode,
  findTarget,
  findTargetSync,
  followLinks,
  removeStale,
  writeError,
  type FileCalls,
  type Target
} from './target.js'

export { checkFileName, writeError, type FileCalls } from './target.js'

/** The new content of a file while it is written. */
export interface AtomicFile {
  /** Appends all of `bytes`, or writes them at `position` (which does not move the end). */
  write(bytes: Uint8Array, position?: number): Promise<void>
}

/** The new content of a file while it is written synchronously. */
export interface AtomicFileSync {
  write(bytes: Uint8Array, position?: number): void
}

const unsyncable = new Set(['EINVAL', 'ENOTSUP', 'ENOSYS'].concat(process.platform === 'win32' ? ['EPERM'] : []))

/**
 * Writes `path` so that it holds either its old content or all of the new one. The permission bits of an existing file
 * stay; a symbolic link is followed, also one to a file that does not exist yet. Throws ERR_FILE_WRITE for failures of the
 * system, and everything that `write` throws; in both cases nothing of the new file remains.
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

/** Writes a file as `writeAtomically` does, but synchronously, for the end of a process (Ctrl-C). Throws the same errors. */
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
    // It was never made: the error that is being thrown is the one to report.
  }
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
 * writeAtomically would throw for a missing folder, a missing permission, the name "-", or a target that is not a regular file.
 */
export async function assertWritable(path: string): Promise<void> {
  await writeProbe(path).catch((error: unknown) => {
    throw writeError(path, error)
  })
}

/**
 * Does the same for all outputs of a command; an output that was not asked for is undefined. Throws ERR_INVALID_OPTION for an output that
 * would replace another one or an input of the command.
 */
export async function assertOutputs(
  outputs: readonly (string | undefined)[],
  inputs: readonly (string | undefined)[]
): Promise<void> {
  const taken = new Set(inputs.flatMap((path) => (path === undefined ? [] : [targetOf(path)])))
  for (const path of outputs) {
    if (path === undefined) continue
    await assertWritable(path)
    const target = targetOf(path)
    if (taken.has(target)) {
      const found = `${path}, which is also an input or another output`
      throw expected('ERR_INVALID_OPTION', 'a file of its own for each output', found, 'choose another name')
    }
    taken.add(target)
  }
}

/** Returns the place of a file that need not exist, the same for all names of it. */
function targetOf(path: string): string {
  try {
    return fs.realpathSync(path)
  } catch {
    return resolve(followLinks(path)) // a new file, or no file at all
  }
}

async function writeProbe(path: string): Promise<void> {
  const target = await findTarget(path, fs.promises)
  const handle = await fs.promises.open(target.temporary, 'wx')
  await handle.close()
  await fs.promises.unlink(target.temporary)
}
