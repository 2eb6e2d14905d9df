// The two files of a run. `m.safetensors` is the model to use: the weights that validated best (the last ones before the first
// validation, or without validations), and nothing else. `m.last.safetensors` is the state of the run, from which it is resumed.
// It includes the best weights, so that a missing model can be written again. Both are written atomically and locked. An existing
// run is only replaced with the mode 'force'.

import * as fs from 'node:fs'
import { expected, GatecellError } from '../../errors.js'
import type { NamedTensor } from '../../graph/parameter-arenas.js'
import { assertWritable } from '../../io/atomic.js'
import { readCheckpoint, writeCheckpoint, type Checkpoint, type LoadedCheckpoint } from '../../io/checkpoint.js'
import type { JsonObject } from '../../io/json.js'
import { lockFile, type FileLock } from '../../io/lock.js'
import type { Snapshot } from '../../train/progress.js'
import type { SavedRun } from './model-file.js'

/** Treatment of files that exist: 'new' refuses them, 'resume' continues their run, 'force' replaces them. */
export type RunMode = 'new' | 'resume' | 'force'

/** The two files of a run, locked. */
export interface RunFiles {
  /** Path of the model to use. */
  readonly model: string
  /** Path of the state of the run. */
  readonly last: string
  /** The file from which the run is resumed; null for a run that begins. */
  readonly resumable: string | null
  /** Whether the model's file is missing, so that `begin` writes it from the best weights of the resumed run. */
  readonly remakes: boolean
  /** Takes the run that was read from `resumable`. Throws ERR_FILE_EXISTS if the model's file does not belong to it. */
  resume(saved: SavedRun<unknown>): Promise<void>
  /**
   * Removes the files of an old run with the mode 'force', and writes the state of a run that begins. Call when everything else is
   * ready.
   */
  begin(start: Snapshot): Promise<void>
  /** Writes the model with the best weights ('best'), or the state of the run ('last'). Throws ERR_FILE_WRITE. */
  save(snapshot: Snapshot, kind: 'best' | 'last'): Promise<void>
  /** Releases the locks of the files. */
  release(): void
}

/** Returns the path of the state of the run: `m.last.safetensors` for the model `m.safetensors`. */
export function lastPath(path: string): string {
  return `${path.replace(/\.safetensors$/, '')}.last.safetensors`
}

/**
 * Checks that the run can write its files, and locks them until `release`. Throws ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_BUSY if
 * another training has locked them, and ERR_FILE_NOT_FOUND if a run is to be resumed but only its model exists.
 */
export async function openRunFiles(path: string, mode: RunMode): Promise<RunFiles> {
  const model = path
  const last = lastPath(path)
  await assertWritable(model)
  await assertWritable(last)
  const release = lockAll([model, last])
  try {
    const existing = [last, model].filter((file) => fs.existsSync(file))
    const resumable = checkExisting(model, last, mode, existing)
    return filesOf({ model, last, resumable, release }, mode === 'force' ? existing : [])
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

/** Returns the file from which the run is resumed; null for a run that begins. */
function checkExisting(model: string, last: string, mode: RunMode, existing: readonly string[]): string | null {
  if (mode === 'new' && existing.length > 0) {
    throw expected(
      'ERR_FILE_EXISTS',
      'a new file name for the model',
      `${existing.join(' and ')}, which ${existing.length > 1 ? 'exist' : 'exists'} already`,
      'resume the run (mode "resume"), replace it (mode "force") or choose another name'
    )
  }
  if (mode !== 'resume' || existing.length === 0) return null
  if (existing.includes(last)) return last
  throw expected(
    'ERR_FILE_NOT_FOUND',
    `${last}, the state of the training, to resume from`,
    `only its model ${model}`,
    'copy that file here too, begin again (mode "force") or choose another name'
  )
}

function filesOf(
  opened: Pick<RunFiles, 'model' | 'last' | 'resumable' | 'release'>,
  replaced: readonly string[]
): RunFiles {
  const { model, last, resumable } = opened
  let best: Checkpoint['best']
  let lost: Checkpoint | null = null
  return {
    ...opened,
    get remakes() {
      return lost !== null
    },
    async resume(saved) {
      const { step, loss } = (saved.progress['best'] ?? {}) as { step?: number; loss?: number }
      if (fs.existsSync(model)) await checkModel(model, saved, step ?? -1)
      if (step === undefined) return
      best = tensorsOf(saved.best)
      if (fs.existsSync(model)) return
      const progress = { step, validation: { step, loss: loss! } }
      lost = { task: saved.task, config: saved.config, progress, weights: best }
    },
    async begin(start) {
      // Only the target of a link is removed: the link is the user's choice of a place.
      for (const file of replaced) await fs.promises.rm(await fs.promises.realpath(file), { force: true })
      if (lost) await writeCheckpoint(model, lost)
      lost = null
      // Before the first model, so that every model that a killed process leaves has a run to resume.
      if (resumable === null) await writeCheckpoint(last, start)
    },
    async save(snapshot, kind) {
      if (kind === 'best') {
        best = validated(snapshot).map(({ name, shape, data }) => ({ name, shape, data: data.slice() }))
        return await writeCheckpoint(model, modelOf(snapshot))
      }
      await writeCheckpoint(last, best ? { ...snapshot, best } : snapshot)
      if (!best) await writeCheckpoint(model, modelOf(snapshot))
    }
  }
}

/** Returns the model to use: weights, their step, and their validation if they have one. */
function modelOf(snapshot: Snapshot): Checkpoint {
  const { task, config, progress } = snapshot
  const { step, validation } = progress
  const own = (validation as { step?: unknown } | null)?.step === step
  return { task, config, progress: { step: step!, validation: own ? validation! : null }, weights: validated(snapshot) }
}

/** Returns the weights that validations measure and that the model's file has: the averaged ones if there are any. */
function validated({ weights, average }: Snapshot): NamedTensor[] {
  return average ?? weights
}

function tensorsOf(loaded: LoadedCheckpoint['best']): NamedTensor[] {
  return [...loaded].map(([name, { shape, data }]) => ({ name, shape, data: data as Float32Array }))
}

/**
 * Throws ERR_FILE_EXISTS unless the model's file has the best weights of the run, those of `step`, or later ones: a process can
 * be killed between the writes of the model and of `saved`.
 */
async function checkModel(path: string, saved: SavedRun<unknown>, step: number): Promise<void> {
  const found = await readCheckpoint(path).catch((error: unknown) => {
    if (error instanceof GatecellError && error.code === 'ERR_FILE_FORMAT') return null
    throw error
  })
  if (found && equalTensors(found.weights, saved.best)) return
  const later = Number(found?.progress['step']) > step
  if (found && later && equalSettings(found.config, saved.config)) return
  throw expected(
    'ERR_FILE_EXISTS',
    `the model of the run at ${path}`,
    'another file there',
    'move it away, and the run makes its model again'
  )
}

type Tensors = LoadedCheckpoint['best']

function equalTensors(a: Tensors, b: Tensors): boolean {
  const equal = ([name, { data }]: [string, { data: ArrayBufferView }]) => {
    const other = b.get(name)?.data
    return other !== undefined && bytesOf(data).equals(bytesOf(other))
  }
  return a.size === b.size && [...a].every(equal)
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** Whether two configurations have the same network and data. The settings of the training may differ: a resume may change them. */
function equalSettings(a: JsonObject, b: JsonObject): boolean {
  const plain = ({ training: _, ...rest }: JsonObject) => JSON.stringify(rest)
  return plain(a) === plain(b)
}
