// The two files of a run. `m.safetensors` is the model to use: the weights that validated best (the last ones until a
// validation was made, and where there is none). `m.last.safetensors` is where the run stands: resuming goes on there.
// Both are whole checkpoints, written atomically. An existing run is never replaced unless its owner says so.

import * as fs from 'node:fs'
import { GatecellError } from '../errors.js'
import { assertWritable } from '../io/atomic.js'
import { openCheckpoint, writeCheckpoint, type CheckpointInfo, type LoadedCheckpoint } from '../io/checkpoint.js'
import type { Model } from '../model.js'
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
}

/** `m.safetensors` -> `m.last.safetensors`. */
export function lastPath(path: string): string {
  return `${path.replace(/\.safetensors$/, '')}.last.safetensors`
}

/** Checks that the run can write its files. ERR_FILE_EXISTS, ERR_FILE_WRITE. */
export async function openRunFiles(path: string, mode: RunMode): Promise<RunFiles> {
  const model = path
  const last = lastPath(path)
  await assertWritable(model)
  await assertWritable(last)
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

/** Reads a checkpoint's weights into `model`, without a copy. ERR_FILE_FORMAT if they are not those of this network. */
export async function loadWeights(model: Model, path: string, task: string): Promise<CheckpointInfo> {
  const { parameters } = model
  const file = await openCheckpoint(path, { task })
  try {
    const weights = [...file.info.tensors.values()].filter((tensor) => tensor.group === 'weights')
    const refuse = (expected: string, found: string) =>
      new GatecellError(
        'ERR_FILE_FORMAT',
        `Expected ${expected} in ${path} but found ${found}: the model is damaged or of another version`
      )
    for (const { name, shape } of parameters) {
      const found = file.info.tensors.get(name)
      if (found?.dtype !== 'F32' || found.shape.join() !== shape.join()) {
        throw refuse(
          `"${name}" as F32 [${shape.join(', ')}]`,
          found ? `${found.dtype} [${found.shape.join(', ')}]` : 'none'
        )
      }
    }
    const extra = weights.find((tensor) => !parameters.has(tensor.key))
    if (extra) throw refuse(`the ${weights.length - 1} weights of its configuration`, `"${extra.name}" too`)
    await file.load((tensor) => (tensor.group === 'weights' ? parameters.get(tensor.key).data : null))
    parameters.touch()
    return file.info
  } finally {
    await file.close()
  }
}

/** Everything a run needs to go on. */
export async function readRun(path: string, task: string): Promise<CheckpointInfo & LoadedCheckpoint> {
  const file = await openCheckpoint(path, { task })
  try {
    return { ...file.info, ...(await file.load()) }
  } finally {
    await file.close()
  }
}
