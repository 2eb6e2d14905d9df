// The two files of a run. `m.safetensors` is the model to use: the weights that validated best (the last ones until a
// validation was made, and where there is none). `m.last.safetensors` is where the run stands: resuming goes on there.
// Both are whole checkpoints, written atomically. An existing run is never replaced unless its owner says so.

import * as fs from 'node:fs'
import { GatecellError } from '../errors.js'
import { assertWritable } from '../io/atomic.js'
import { writeCheckpoint } from '../io/checkpoint.js'
import { lockFile, type FileLock } from '../io/lock.js'
import type { Snapshot } from '../train/progress.js'

/** What to do where the files exist: refuse, go on from them, or replace them. */
export type RunMode = 'new' | 'resume' | 'force'

export interface RunFiles {
  readonly model: string
  readonly last: string
  /** Where a resumed run goes on; null: at the start. */
  readonly resumable: string | null
  /** Removes the files of an old run, where that is wanted. Call when everything else is ready. */
  begin(): Promise<void>
  save(snapshot: Snapshot, kind: 'best' | 'last'): Promise<void>
  /** Lets other trainings have the files. */
  release(): void
}

/** `m.safetensors` -> `m.last.safetensors`. */
export function lastPath(path: string): string {
  return `${path.replace(/\.safetensors$/, '')}.last.safetensors`
}

/**
 * Checks that the run can write its files, and locks them until `release`. ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_BUSY where
 * another training has them.
 */
export async function openRunFiles(path: string, mode: RunMode): Promise<RunFiles> {
  const model = path
  const last = lastPath(path)
  await assertWritable(model)
  await assertWritable(last)
  const release = lockAll([model, last])
  try {
    return { ...filesOf(model, last, mode), release }
  } catch (error) {
    release()
    throw error
  }
}

/** Locks all of the files or none. */
function lockAll(paths: readonly string[]): () => void {
  const locks: FileLock[] = []
  const release = () => locks.forEach((lock) => lock.release())
  try {
    for (const path of paths) locks.push(lockFile(path))
  } catch (error) {
    release()
    throw error
  }
  return release
}

function filesOf(model: string, last: string, mode: RunMode): Omit<RunFiles, 'release'> {
  const existing = [last, model].filter((file) => fs.existsSync(file))
  if (mode === 'new' && existing.length > 0) {
    throw new GatecellError(
      'ERR_FILE_EXISTS',
      `Expected a new file name for the model but ${existing.join(' and ')} exist already: go on with --resume, replace with --force or choose another name`
    )
  }
  return {
    model,
    last,
    resumable: mode === 'resume' ? (existing[0] ?? null) : null,
    async begin() {
      if (mode !== 'force') return
      // A link stays: it says where its owner wants the file.
      for (const file of existing) await fs.promises.rm(await fs.promises.realpath(file), { force: true })
    },
    async save(snapshot, kind) {
      await writeCheckpoint(kind === 'best' ? model : last, snapshot)
      const validated = (snapshot.progress as { best?: unknown }).best !== null
      if (kind === 'last' && !validated) await writeCheckpoint(model, snapshot)
    }
  }
}
