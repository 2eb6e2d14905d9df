// A model from its file, whatever its task.

import type { Precision } from '../graph/plan.js'
import type { Device } from '../graph/opcodes.js'
import { readCheckpointInfo, type CheckpointInfo } from '../io/checkpoint.js'
import type { JsonObject } from '../io/json.js'
import type { Model, ModelOptions } from '../model.js'
import { loadWeights } from './run-files.js'

/** What the files of a task hold. */
export interface TaskModel<C> {
  /** The name in the file. */
  readonly task: string
  /** Reads the configuration of a model file. ERR_FILE_FORMAT names the part that is none. */
  configFromJson(json: JsonObject, path: string): C
  /** The network that a configuration describes, with first values from `options.seed`. */
  model(config: C, options?: ModelOptions): Model
}

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
  { task, configFromJson, model: make }: TaskModel<C>,
  path: string,
  { precision = 'f32', device = 'cpu', ...options }: LoadOptions,
  threadsOf: (config: C) => number
): Promise<LoadedModel<C>> {
  const header = await readCheckpointInfo(path, { task })
  const config = configFromJson(header.config, path)
  const { threads = threadsOf(config) } = options
  const model = make(config, { training: false, initialize: false, threads, precision, device })
  try {
    const info = await loadWeights(model, path, task)
    const dispose = () => model.dispose()
    return { model, config, info, dispose, [Symbol.dispose]: dispose }
  } catch (error) {
    model.dispose()
    throw error
  }
}
