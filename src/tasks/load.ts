// A model from its file, whatever its task.

import type { Precision } from '../graph/plan.js'
import type { Device } from '../graph/opcodes.js'
import type { CheckpointInfo } from '../io/checkpoint.js'
import { defineModel, type Model } from '../model.js'
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

/**
 * Loads a model for inference; `threads`: of its plans, where the options name no number. ERR_FILE_NOT_FOUND,
 * ERR_FILE_FORMAT, ERR_WRONG_TASK.
 */
export async function loadModel<C>(
  task: TaskModel<C>,
  path: string,
  { precision = 'f32', device = 'cpu', ...options }: LoadOptions,
  threadsOf: (config: C) => number
): Promise<LoadedModel<C>> {
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
