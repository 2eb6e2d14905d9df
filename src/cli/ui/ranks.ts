// A command that several processes run together: joining them, and the report of an error by one of them.

import { counted, expected } from '../../errors.js'
import { machineInfo, setThreads } from '../../machine.js'
import { joinRanks, type Ranks } from '../../ranks/ranks.js'
import { exitCodes } from './output.js'

/**
 * Runs `work`, which returns an exit code, with the processes that a launcher has started. The error of one process ends all of them, and is thrown
 * only where no other process reports it.
 */
export async function withRanks(work: (ranks: Ranks) => Promise<number>): Promise<number> {
  const ranks = await joinRanks()
  try {
    const code = await work(ranks)
    await ranks.leave()
    return code
  } catch (error) {
    if (await ranks.fail(error)) return exitCodes.failed
    throw error
  }
}

/** Throws ERR_INVALID_OPTION if several processes are to read standard input, which only one of them gets. */
export function refuseStdin(inputs: readonly string[], { size }: Ranks): void {
  if (size === 1 || !inputs.includes('-')) return
  throw expected(
    'ERR_INVALID_OPTION',
    `files that all ${size} processes can read`,
    'standard input',
    'put it into a file'
  )
}

/** Divides the cores of a machine among its processes, unless the launcher has bound each of them to some. */
export function shareThreads({ size, localSize }: Ranks): void {
  const { cpusOnline, cpusAffinity, threads } = machineInfo()
  const here = localSize ?? 1
  if (size > 1 && here > 1 && cpusAffinity === cpusOnline) setThreads(Math.max(1, Math.floor(threads / here)))
}

/** Returns the line about the processes of a training. */
export function ranksLine({ size, launcher, version }: Ranks, shards: number): string {
  return `ranks    ${size} processes for ${counted(shards, 'shard')}, started by ${launcher}; ${shortVersion(version!)}`
}

/** Returns the first part of the version of an MPI library: "Open MPI v4.1.4" of a line with the place where it was built. */
export function shortVersion(version: string): string {
  return version.split(',')[0]!.replace(/\s+/g, ' ').trim()
}
