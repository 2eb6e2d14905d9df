// Loading of a model of any task from its file.

import type { Precision } from '../../graph/opcodes.js'
import type { Device } from '../../graph/opcodes.js'
import { checkCheckpointFile, type CheckpointFile, type CheckpointInfo } from '../../io/checkpoint.js'
import { choice, filled, integer, optional, options as optionsOf } from '../../check/index.js'
import { defineModel, type Model } from '../../model.js'
import { readModelFile, withCheckpoint, type TaskModel } from './model-file.js'

/** Options of loading a model. */
export interface LoadOptions {
  /**
   * Threads of its plans, from 0 to 1024. 0 takes the number of the engine. Default: the number that is fastest for one stream or sample.
   */
  threads?: number
  /** Format of the operands of the LSTM products: 'f32' (default), 'bf16', 'int8' or, with cuda, 'tf32'. */
  precision?: Precision
  /** Device of its plans: 'cpu' (default), 'cuda', or 'auto', which takes the faster one. */
  device?: Device
}

/** A model that was loaded from a file. C: its configuration. */
export interface LoadedModel<C> extends Disposable {
  /** The network with its weights. */
  readonly model: Model
  /** The configuration from the file. */
  readonly config: C
  /** The header of the file: task, configuration, progress, checksum and tensors. */
  readonly info: CheckpointInfo
  /** Frees the model. Later uses throw ERR_DISPOSED. */
  dispose(): void
}

const readLoadOptions = optionsOf<LoadOptions>({
  threads: optional(integer(0, 1024)),
  precision: optional(choice('f32', 'bf16', 'int8', 'tf32')),
  device: optional(choice('cpu', 'cuda', 'auto'))
})

/**
 * Loads a model for inference from a path, or from a file that is open and stays open. `threadsOf` returns the number of threads if the options have
 * none. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a model of another task.
 */
export async function loadModel<C>(
  task: TaskModel<C>,
  source: string | CheckpointFile,
  loadOptions: LoadOptions,
  threadsOf: (config: C) => number
): Promise<LoadedModel<C>> {
  if (typeof source === 'object') checkCheckpointFile(source, 'the path')
  else filled(source, 'the path')
  const { precision = 'f32', device = 'cpu', ...options } = readLoadOptions(loadOptions, 'the options')
  return await withCheckpoint(source, async (opened) => {
    const file = readModelFile(task, opened)
    const { info, config, definition } = file
    const { threads = threadsOf(config) } = options
    const model = defineModel(definition, { training: false, initialize: false, threads, precision, device })
    try {
      await file.loadWeights(model)
    } catch (error) {
      model.dispose()
      throw error
    }
    const dispose = () => model.dispose()
    return { model, config, info, dispose, [Symbol.dispose]: dispose }
  })
}
