// Temporary files that have no name (on POSIX a file is unlinked as soon as it is open), so that a killed process leaves no file.

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expected, type GatecellError } from '../../errors.js'
import { readError } from '../../io/read-error.js'

/** A temporary file without a name. */
export interface ScratchFile {
  readonly size: number
  append(bytes: Uint8Array): Promise<void>
  /** Reads all of `target`, at once. */
  read(target: Uint8Array, position: number): void
  /** Reads some bytes, 0 at the end. */
  readSome(target: Uint8Array, position: number): Promise<number>
  close(): void
}

const writeAt = promisify(fs.write)
const readAt = promisify(fs.read)

/** Opens a scratch file in `folder` (the system's folder for temporary files if it is empty). Throws ERR_FILE_WRITE. */
export function scratchFile(folder: string): ScratchFile {
  const path = join(folder || tmpdir(), `gatecell-${process.pid}-${randomBytes(6).toString('hex')}.tmp`)
  const refuse = (cause: unknown): GatecellError => {
    const code = (cause as NodeJS.ErrnoException).code ?? 'an error'
    return expected(
      'ERR_FILE_WRITE',
      `room for the tokens of the corpus in ${folder || tmpdir()}`,
      code,
      'name another cache folder',
      cause
    )
  }
  let fd: number
  try {
    fd = fs.openSync(path, 'wx+', 0o600)
  } catch (error) {
    throw refuse(error)
  }
  // Windows removes no open file: there the name stays until close.
  const unlinked = process.platform !== 'win32'
  if (unlinked) fs.unlinkSync(path)
  let size = 0
  let open = true
  return {
    get size() {
      return size
    },
    async append(bytes) {
      try {
        for (let done = 0; done < bytes.length;) {
          done += (await writeAt(fd, bytes, done, bytes.length - done, size + done)).bytesWritten
        }
      } catch (error) {
        throw refuse(error)
      }
      size += bytes.length
    },
    read(target, position) {
      if (!open) throw expected('ERR_DISPOSED', 'an open corpus', 'one that was closed', 'open it again')
      for (let done = 0; done < target.length;) {
        const length = readSync(fd, target, done, position + done)
        if (length === 0) throw readError('the token cache', new Error('it ends early'))
        done += length
      }
    },
    readSome: async (target, position) => (await readAt(fd, target, 0, target.length, position)).bytesRead,
    close() {
      if (!open) return
      open = false
      fs.closeSync(fd)
      if (!unlinked) fs.rmSync(path, { force: true })
    }
  }
}

function readSync(fd: number, target: Uint8Array, done: number, position: number): number {
  try {
    return fs.readSync(fd, target, done, target.length - done, position)
  } catch (error) {
    throw readError('the token cache', error)
  }
}
