// Memory limits of the process, and the refusal of a training that needs more, which would be killed while it runs or whose allocations would
// fail.

import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { expected, type GatecellError } from '../../errors.js'
import type { RunMemory } from './memory.js'

/** Memory limits of a process, in bytes. null means that there is no limit. */
export interface MemoryLimits {
  /** Limit of the resident memory of the process's control group (a container). */
  readonly group: number | null
  /** Limit of the address space (ulimit -v). */
  readonly addressSpace: number | null
  /** Address space in use; 0 if the system does not report it. */
  readonly addressed: number
}

/** Returns the limit of the process's control group in bytes; null if there is none below the machine's memory. */
export function groupMemoryLimit(): number | null {
  // Node gives 2^64 - 1, rounded, where the group sets no limit.
  const limit = process.constrainedMemory()
  return limit > 0 && limit < totalmem() ? limit : null
}

/** Returns the limits of this process. */
export function memoryLimits(): MemoryLimits {
  const soft = /^Max address space +(\d+)/m.exec(readOr('/proc/self/limits'))?.[1]
  const pages = /^VmSize:\s+(\d+) kB/m.exec(readOr('/proc/self/status'))?.[1]
  return {
    group: groupMemoryLimit(),
    addressSpace: soft === undefined ? null : Number(soft),
    addressed: 1024 * Number(pages ?? 0)
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // another system than Linux
  }
}

/**
 * Throws ERR_OUT_OF_MEMORY, with both figures, for a training on the processor that does not fit. Call it after the plans are made:
 * `limits.addressed` includes their address space, but hardly any of their memory is in use yet.
 */
export function checkMemory(memory: RunMemory, limits: MemoryLimits = memoryLimits()): void {
  if (memory.device === 'cuda') return
  const { group, addressSpace, addressed } = limits
  if (group !== null && memory.total > group) throw tooLarge(memory.total, group, 'the limit of its control group')
  const needed = addressed + memory.measurement
  if (addressSpace !== null && needed > addressSpace)
    throw tooLarge(needed, addressSpace, 'the limit of its address space (ulimit -v)')
}

function tooLarge(needed: number, limit: number, what: string): GatecellError {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`
  return expected(
    'ERR_OUT_OF_MEMORY',
    `a training that takes at most ${megabytes(limit)}, ${what},`,
    `one that needs ${megabytes(needed)}`,
    'raise the limit, or make the network or the batches smaller'
  )
}
