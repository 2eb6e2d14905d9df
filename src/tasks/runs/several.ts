// A training from files to files by several processes: rank 0 writes the files, and the others read the checkpoint that it resumes.

import { expected } from '../../errors.js'
import type { Ranks } from '../../ranks/ranks.js'
import { shardsFor } from '../../train/options.js'
import { lastPath, openRunFiles, type RunFiles } from './files.js'
import type { RunConfig, TrainingRunOptions } from './run-types.js'

/** Opens the files of a run: rank 0 locks and writes them. Throws as `openRunFiles`. */
export async function openFilesOf(options: TrainingRunOptions): Promise<RunFiles> {
  const { out, mode = 'new', ranks } = options
  if (!ranks || ranks.size === 1) return await openRunFiles(out, mode)
  const files = ranks.rank === 0 ? await openRunFiles(out, mode) : null
  try {
    const [decided] = await ranks.gather(Uint8Array.of(files?.resumable ? 1 : 0))
    return files ?? followedFiles(out, decided![0] === 1)
  } catch (error) {
    files?.release()
    throw error
  }
}

/** Returns the files of a run that another process writes. */
function followedFiles(model: string, resumes: boolean): RunFiles {
  const last = lastPath(model)
  return {
    model,
    last,
    resumable: resumes ? last : null,
    remakes: false,
    async resume() {},
    async begin() {},
    async save() {},
    release() {}
  }
}

/**
 * Returns the options of a run with the number of shards in them, if batches are cut: that of the options, of the run that is resumed, or the default
 * of several processes. Throws ERR_RANKS if the number of processes does not divide it, ERR_INVALID_OPTION if the run to resume has none but
 * there are several processes, and ERR_UNSUPPORTED for a GPU.
 */
export function withShards<O extends TrainingRunOptions>(options: O, resumed: RunConfig | null): O {
  const { ranks, device } = options
  const { training } = options as { training?: { shards?: number } }
  const before = resumed?.training?.shards
  if (resumed && before === undefined && (ranks?.size ?? 1) > 1) {
    const found = 'one that began without them'
    const remedy = 'resume it with one process, or begin again (mode "force")'
    throw expected('ERR_INVALID_OPTION', 'a run with shards to resume with several processes', found, remedy)
  }
  const shards = shardsFor(training?.shards ?? before, ranks)
  if (shards === undefined) return options
  if (device === 'cuda') {
    const remedy = 'leave the device out, or train with one process and without shards'
    throw expected('ERR_UNSUPPORTED', 'the device cpu for a training in shards', 'cuda', remedy)
  }
  return { ...options, device: 'cpu', training: { ...training, shards } }
}

/** Waits until all processes are here, so that rank 0 replaces no file that another one still reads. */
export async function meet(ranks: Ranks | undefined): Promise<void> {
  if (ranks && ranks.size > 1) await ranks.gather(new Uint8Array(1))
}
