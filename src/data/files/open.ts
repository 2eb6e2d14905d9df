// Files and pipes opened for reading so that an AbortSignal ends every wait: a FIFO that nobody writes to blocks neither the
// call nor a thread of the process, and a device or socket is refused.

import * as fs from 'node:fs'
import { Socket } from 'node:net'
import { promisify } from 'node:util'
import { expected, GatecellError } from '../../errors.js'
import { readError } from '../../io/read-error.js'
import { aborted, type ReadAt } from './resolve.js'

const open = promisify(fs.open)
const close = promisify(fs.close)
const stat = promisify<number, { bigint: true }, fs.BigIntStats>(fs.fstat)
const read = promisify(fs.read)

/** An open regular file or pipe. */
export interface OpenedFile {
  /** Reads bytes at a position of a regular file; of a pipe the next bytes, in order. Returns 0 at the end. */
  readonly readAt: ReadAt
  /** Whether the bytes can be read only once. */
  readonly isPipe: boolean
  /** Bytes of a regular file; 0 for a pipe. */
  readonly size: number
  /** Identifies the content of a regular file by inode, size and time of its last change; '' for a pipe. */
  readonly identity: string
  /** Throws ERR_FILE_FORMAT if a regular file is not the one that was opened, or was changed since. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Returns the ERR_FILE_FORMAT for a file that changed while it was read. */
export function changedWhileRead(path: string): GatecellError {
  return expected(
    'ERR_FILE_FORMAT',
    `a file that does not change while it is read as ${path}`,
    'one that changed',
    'try again'
  )
}

/** Opens a regular file or a FIFO. Throws ERR_FILE_NOT_FOUND for everything else, ERR_ABORTED after an abort. */
export async function openFile(path: string, signal?: AbortSignal): Promise<OpenedFile> {
  const attempt = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call
    } catch (error) {
      throw readError(path, error)
    }
  }
  if (signal?.aborted) throw aborted()
  // Without O_NONBLOCK opening a FIFO waits for a writer, in a thread that only SIGKILL ends.
  const descriptor = await attempt(open(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0)))
  try {
    const found = await attempt(stat(descriptor, { bigint: true }))
    if (found.isFIFO()) return pipeOf(descriptor, path, signal)
    if (!found.isFile()) {
      const kind = found.isDirectory() ? 'a folder' : 'a device or socket'
      throw expected('ERR_FILE_NOT_FOUND', 'a file', `${path}, which is ${kind}`, 'name a file')
    }
    const identityOf = ({ dev, ino, size, mtimeNs }: fs.BigIntStats) => [dev, ino, size, mtimeNs].join(' ')
    const identity = identityOf(found)
    return {
      isPipe: false,
      size: Number(found.size),
      identity,
      async readAt(target, position) {
        if (signal?.aborted) throw aborted()
        // What was appended since is not read, so that a file that never stops growing has an end; `check` names the change.
        if (found.size > 0n && position >= found.size) return 0
        return (await attempt(read(descriptor, target, 0, target.length, position))).bytesRead
      },
      async check() {
        // A file of size 0 may be one of /proc, whose content is made while it is read.
        if (found.size > 0n && identityOf(await attempt(stat(descriptor, { bigint: true }))) !== identity)
          throw changedWhileRead(path)
      },
      close: () => close(descriptor)
    }
  } catch (error) {
    await close(descriptor)
    throw error
  }
}

/** The event loop waits for a pipe's bytes, not a thread: `Socket` registers the descriptor with it. */
function pipeOf(descriptor: number, path: string, signal: AbortSignal | undefined): OpenedFile {
  const socket = new Socket({ fd: descriptor, readable: true, writable: false })
  const readAt = sequential(untilAborted(socket, signal))
  return {
    isPipe: true,
    size: 0,
    identity: '',
    async readAt(target, position) {
      try {
        return await readAt(target, position)
      } catch (error) {
        throw error instanceof GatecellError ? error : readError(path, error)
      }
    },
    async check() {},
    async close() {
      socket.destroy()
    }
  }
}

/** Yields what `source` yields; throws ERR_ABORTED as soon as `signal` aborts, also while nothing comes. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  let stop = (): void => {}
  const aborts = new Promise<never>((_, reject) => (stop = () => reject(aborted())))
  aborts.catch(() => {})
  signal?.addEventListener('abort', stop, { once: true })
  try {
    for (;;) {
      if (signal?.aborted) throw aborted()
      const result = await Promise.race([iterator.next(), aborts])
      if (result.done) return
      yield result.value
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    // Not awaited: a source that waits for bytes answers only when they come.
    iterator.return?.().catch(() => {})
  }
}

/** The first bytes of a stream that can be read a second time: the magic number of gzip is read before everything else. */
const HEAD_BYTES = 3

/** Reads a stream by position, in order; only positions of its head can be read again. */
export function sequential(stream: AsyncIterable<Uint8Array | string>): ReadAt {
  const iterator = stream[Symbol.asyncIterator]()
  let piece: Uint8Array = new Uint8Array(0)
  let begin = 0
  return async (target, position) => {
    while (position >= begin + piece.length) {
      const result = await iterator.next()
      if (result.done) return 0
      const bytes = typeof result.value === 'string' ? Buffer.from(result.value) : result.value
      const end = begin + piece.length
      piece = end < HEAD_BYTES ? Buffer.concat([piece, bytes]) : bytes
      if (end >= HEAD_BYTES) begin = end
    }
    const part = piece.subarray(position - begin, position - begin + target.length)
    target.set(part)
    return part.length
  }
}
