// The error for a file that cannot be read.

import { expected, type GatecellError } from '../errors.js'

/** Failures of the system in words, each with its remedy. */
const REASONS: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOENT: ['a name that does not exist', 'check the name'],
  ENOTDIR: ['a path with a part that is not a folder', 'check the path'],
  EISDIR: ['a folder', 'name a file in it'],
  EACCES: ['a refusal, because the permission is missing', 'change the rights'],
  EPERM: ['a refusal, because the permission is missing', 'change the rights'],
  ELOOP: ['symbolic links that lead to each other', 'name the file itself'],
  ENAMETOOLONG: ['a name that is too long', 'check the name'],
  EMFILE: ['a refusal, because too many files are open', 'close some or raise the limit (ulimit -n)'],
  EIO: ['a read error of the disk', 'check the disk']
}

/** Returns the ERR_FILE_NOT_FOUND for a failed system call that reads `path`, with the reason in words and a remedy. */
export function readError(path: string, cause: unknown): GatecellError {
  const { code = 'an error without a code' } = cause as NodeJS.ErrnoException
  const [reason, remedy] = REASONS[code] ?? [`the system's answer ${code}`, 'check the file and its disk']
  return expected('ERR_FILE_NOT_FOUND', `to read ${path}`, reason, remedy, cause)
}
