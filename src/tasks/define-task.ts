// Tasks from their model, data and measure. The other parts are as in most tasks: settings of a network and of a training, a configuration of
// both, and an evaluation that is the last measurement of a training.

import type { BatchSource, EpochSource } from '../data/batching/source.js'
import type { CheckpointFile } from '../io/checkpoint.js'
import type { Model, ModelDefinition } from '../model.js'
import { configToJson, defaultsOf, readStored, valuesCheck, withDefaults } from '../settings/index.js'
import type { Group, Values } from '../settings/index.js'
import { loadModel, type LoadedModel } from './runs/load.js'
import { prepareRun } from './runs/run.js'
import type { Application, RunData, TrainingRunOptions } from './runs/run-types.js'
import {
  checkResumed,
  chooseTraining,
  given,
  processSettings,
  settleTraining,
  type Training,
  type trainingSettings
} from './runs/settings.js'
import type { TaskEntry } from './task.js'

/** The data of a task. */
export interface TaskData {
  readonly train: EpochSource
  readonly valid: BatchSource
  /** Number of elements that a measurement counts. */
  readonly count: number
}

/** The parts of a task that differ between tasks. N: declarations of the settings of its network. */
export interface TaskParts<N extends Group> extends Pick<
  TaskEntry,
  'id' | 'summary' | 'data' | 'unit' | 'counted' | 'lossUnit' | 'measures' | 'verbs'
> {
  /** Declarations of the settings of the network. */
  readonly network: N
  /** Declarations of the settings of a training, which `trainingSettings` returns. */
  readonly training: ReturnType<typeof trainingSettings>
  /** Returns inputs, targets, network and loss. */
  definition(network: Values<N>): Omit<ModelDefinition, 'name' | 'config'>
  /** Reads the data. */
  open(files: readonly string[]): Promise<TaskData>
  /** Returns the values of the measures by name. */
  measure(model: Model, data: TaskData): Promise<Record<string, number>>
}

/**
 * Returns a task for the registry, with `load`, a function that loads its models from their files and throws ERR_FILE_NOT_FOUND,
 * ERR_FILE_FORMAT or ERR_WRONG_TASK.
 */
export function defineTask<N extends Group>(parts: TaskParts<N>): TaskEntry & { load: Load } {
  const application = applicationOf(parts)
  const { load } = application
  return {
    ...parts,
    load,
    description: parts.summary,
    settings: { network: parts.network, training: parts.training, ...processSettings },
    notes: '',
    next: 'inspect MODEL',
    evaluation: { settings: {}, notes: '' },
    async prepare({ data, ...place }, given) {
      const run = await prepareRun(application, { ...given, ...place, data })
      const introduction = { data: `data     ${data.join(', ')}`, network: parts.id, step: 'a batch' }
      return { run, introduction, measured: (values) => ({ values: values as Record<string, number>, facts: {} }) }
    },
    async evaluate({ model, words }) {
      using loaded = await load(model)
      return { values: await parts.measure(loaded.model, await parts.open(words)), facts: {} }
    }
  }
}

type Load = (source: string | CheckpointFile) => Promise<LoadedModel<object>>

interface Config {
  readonly network: object
  readonly training: Training
}

type Options = TrainingRunOptions & { data: readonly string[]; network?: object; training?: Partial<Training> }

function applicationOf<N extends Group>(
  parts: TaskParts<N>
): Application<Options, Config, RunData & { data: TaskData }, Record<string, number>> {
  const { id, network, training } = parts
  const check = valuesCheck({ network, training })
  const model = {
    task: id,
    configFromJson: (json: Parameters<typeof readStored>[1], path: string) =>
      readStored(check, json, path) as unknown as Config,
    definition: (config: Config) =>
      ({ ...parts.definition(config.network as Values<N>), name: id, config: configToJson(config) }) as ModelDefinition
  }
  return {
    ...model,
    async open(options, old) {
      const named = { network: given(options.network), training: given(options.training) }
      if (old) checkResumed(named, old)
      const data = await parts.open(options.data)
      const chosen = chooseTraining<Training>(named.training, old?.training, defaultsOf(training))
      const config = {
        network: withDefaults(network, { ...old?.network, ...named.network }),
        training: settleTraining<Training>(chosen, data.train.stepsPerEpoch)
      }
      const { train: source, valid: validation, count: measured } = data
      return { config, data: { vocabulary: null, data }, source, validation, counts: {}, measured }
    },
    load: (source) => loadModel(model, source, {}, () => 1),
    measure: async (loaded, { data }) => await parts.measure(loaded.model, data)
  }
}
