// Appends to logs in whole pieces: a piece that a full disk takes only in part is cut off again, so that a log always ends at the end of a
// record.

import * as fs from 'node:fs'
import { writeError } from '../atomic.js'

/** Appends all of `bytes` to a file that was opened for appending, or nothing and throws ERR_FILE_WRITE. */
export function appendWhole(path: string, fd: number, bytes: Uint8Array): void {
  let end: number | undefined
  try {
    end = fs.fstatSync(fd).size
    for (let done = 0; done < bytes.length;) done += fs.writeSync(fd, bytes, done)
  } catch (error) {
    if (end !== undefined) truncate(fd, end)
    throw writeError(path, error)
  }
}

function truncate(fd: number, end: number): void {
  try {
    fs.ftruncateSync(fd, end)
  } catch {
    // A device or a broken disk: the first error is the one to tell.
  }
}
