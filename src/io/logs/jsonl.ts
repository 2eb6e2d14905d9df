// Logs of one JSON object a line, appended to across runs. A line that a killed run left unfinished is cut off when the
// log is opened again.

import * as fs from 'node:fs'
import { expected } from '../../errors.js'
import { appendWhole } from './append.js'
import { writeError } from '../atomic.js'
import { parseJsonObject, type JsonObject } from '../json.js'

/** An open log of JSON lines. */
export interface JsonLog {
  /** Appends one line, at once. Numbers that JSON cannot represent (NaN) become null. Throws ERR_FILE_WRITE. */
  write(record: JsonObject): void
  close(): void
}

/** Opens a log for appending, and creates the file if it is missing. Throws ERR_FILE_WRITE. */
export function openJsonLog(path: string): JsonLog {
  let fd = -1
  const attempt = <T>(call: () => T): T => {
    try {
      return call()
    } catch (error) {
      throw writeError(path, error)
    }
  }
  attempt(() => {
    fd = fs.openSync(path, 'a+')
    if (fs.fstatSync(fd).isFile()) fs.ftruncateSync(fd, finishedBytes(fd))
  })
  return {
    write: (record) => appendWhole(path, fd, Buffer.from(`${JSON.stringify(record)}\n`)),
    close: () => attempt(() => fs.closeSync(fd))
  }
}

/** How many bytes of the file belong to finished lines. */
function finishedBytes(fd: number): number {
  const block = Buffer.alloc(4096)
  for (let end = fs.fstatSync(fd).size; end > 0;) {
    const begin = Math.max(0, end - block.length)
    const length = fs.readSync(fd, block, 0, end - begin, begin)
    const newline = block.subarray(0, length).lastIndexOf(10)
    if (newline !== -1) return begin + newline + 1
    end = begin
  }
  return 0
}

/** Reads a log line by line, without an unfinished last line. Throws ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT for a line that is not JSON. */
export async function* readJsonLog(path: string): AsyncGenerator<JsonObject> {
  let handle: fs.promises.FileHandle | undefined
  let finished: number
  try {
    handle = await fs.promises.open(path, 'r')
    finished = finishedBytes(handle.fd)
  } catch (cause) {
    await handle?.close()
    const { code = 'an error' } = cause as NodeJS.ErrnoException
    throw expected('ERR_FILE_NOT_FOUND', `a log at ${path}`, code, 'name the metrics.jsonl of a log folder', cause)
  }
  try {
    // Not readline: it also ends lines at U+2028, which JSON strings may hold.
    let rest: Buffer = Buffer.alloc(0)
    let number = 0
    for await (const chunk of handle.createReadStream({ end: Math.max(0, finished - 1), autoClose: false })) {
      rest = Buffer.concat([rest, chunk as Buffer])
      for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
        yield parseJsonObject(rest.toString('utf8', 0, end), `line ${++number} of ${path}`)
        rest = rest.subarray(end + 1)
      }
    }
  } finally {
    await handle.close()
  }
}
