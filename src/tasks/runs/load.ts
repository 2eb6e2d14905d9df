// A model from its file, whatever its task.

import type { Precision } from '../../graph/plan.js'
import type { Device } from '../../graph/opcodes.js'
import type { CheckpointInfo } from '../../io/checkpoint.js'
import { choice, filled, integer, optional, options as optionsOf } from '../../check/index.js'
import { defineModel, type Model } from '../../model.js'
import { openModelFile, type TaskModel } from './model-file.js'

export interface LoadOptions {
  /** Threads of its plans; 0: the engine's. Default: what suits one stream or one sample at a time. */
  threads?: number
  /** How the LSTM weights are used; default 'f32'. */
  precision?: Precision
  /** Where its plans run; default 'cpu'. */
  device?: Device
}

export interface LoadedModel<C> extends Disposable {
  readonly model: Model
  readonly config: C
  readonly info: CheckpointInfo
  dispose(): void
}

const readLoadOptions = optionsOf<LoadOptions>({
  threads: optional(integer(0, 1024)),
  precision: optional(choice('f32', 'bf16', 'int8', 'tf32')),
  device: optional(choice('cpu', 'cuda', 'auto'))
})

/**
 * Loads a model for inference; `threads`: of its plans, where the options name no number. ERR_FILE_NOT_FOUND,
 * ERR_FILE_FORMAT, ERR_WRONG_TASK.
 */
export async function loadModel<C>(
  task: TaskModel<C>,
  path: string,
  loadOptions: LoadOptions,
  threadsOf: (config: C) => number
): Promise<LoadedModel<C>> {
  filled(path, 'the path')
  const { precision = 'f32', device = 'cpu', ...options } = readLoadOptions(loadOptions, 'the options')
  const file = await openModelFile(task, path)
  try {
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
  } finally {
    await file.close()
  }
}
