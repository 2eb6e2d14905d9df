// Makes tasks without special needs from their model, data and measure. It adds the training settings, the configuration in model files, and
// an evaluation that measures as a training does at its end.

import { filled, list, object, optional } from '../check/index.js'
import type { BatchSource, EpochSource } from '../data/batching/source.js'
import type { CheckpointFile } from '../io/checkpoint.js'
import type { Model, ModelDefinition } from '../model.js'
import { configToJson, defaultsOf, givenFields, readStored, valuesCheck, withDefaults } from '../settings/index.js'
import type { Given, Group, Values } from '../settings/index.js'
import type { LoadedModel, LoadOptions } from './runs/load.js'
import { runFields, type Run, type RunData, type TrainableTask, type TrainingRunOptions } from './runs/run-types.js'
import { checkResumed, chooseTraining, given, processSettings, settleTraining } from './runs/settings.js'
import type { Training, trainingSettings } from './runs/settings.js'
import type { ModelInput, TaskContext, TaskEntry, TaskMeasurement, TaskRun } from './task.js'
import type { Verb } from './verb.js'

/** The data of a task. */
export interface TaskData {
  readonly train: EpochSource
  readonly valid: BatchSource
  /** Number of elements that the measurement after a training counts; 0 leaves the measurement out. */
  readonly count: number
}

/** The configuration of a task that `defineTask` makes, which its model files store. */
export interface TaskConfig<N extends Group = Group> {
  readonly network: Values<N>
  readonly training: Training
}

/** The code of a task: its model, data and measure. N: declarations of the settings of its network. */
export interface TaskCode<N extends Group> {
  /** Returns inputs, targets, network and loss. */
  definition(network: Values<N>): Omit<ModelDefinition, 'name' | 'config'>
  /** Opens the data for a training, or for an evaluation. `training` has no `validEvery`, because its default follows from the data. */
  open(
    files: readonly string[],
    config: { readonly network: Values<N>; readonly training: Omit<Training, 'validEvery'> }
  ): TaskData | Promise<TaskData>
  /** Measures a model on the validation part; `data` is the value that `open` returned. */
  measure(model: Model, data: TaskData, options: { signal: AbortSignal | undefined }): Promise<TaskMeasurement>
  /** Measures a model's file; default: as `measure` does, on the data that `open` returns for the words after the model. */
  evaluate?(loaded: LoadedModel<TaskConfig<N>>, input: ModelInput, context: TaskContext): Promise<TaskMeasurement>
  /** Returns the texts that introduce a training; default: the names of its files and of the task. */
  introduce?(config: TaskConfig<N>, data: TaskData): Partial<TaskRun['introduction']>
}

/** The parts of a task that `defineTask` completes. N: declarations of the settings of its network. */
export interface TaskParts<N extends Group>
  extends
    Pick<TaskEntry, 'id' | 'summary' | 'data' | 'unit' | 'counted' | 'lossUnit' | 'measures'>,
    Partial<Pick<TaskEntry, 'description' | 'notes' | 'next' | 'evaluation'>> {
  /** Declarations of the settings of the network. */
  readonly network: N
  /** Declarations of the settings of a training, which `trainingSettings` returns. */
  readonly training: ReturnType<typeof trainingSettings>
  /** Returns the verbs; `load` loads the models of the task. */
  verbs(load: LoadTask<N>): readonly Verb[]
  /** Returns the use that shows the network at work. */
  tracing?(load: LoadTask<N>): Verb
  /** Imports the code, which a list of commands or a help text does not need. */
  code(): Promise<TaskCode<N>>
}

/** Loads a model of a task from its file. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT or ERR_WRONG_TASK. */
export type LoadTask<N extends Group> = (
  source: string | CheckpointFile,
  options?: LoadOptions
) => Promise<LoadedModel<TaskConfig<N>>>

/** Options of a training of a task. Settings that are not given have the defaults of the task. N: declarations of the settings of its network. */
export interface DefinedRunOptions<N extends Group> extends TrainingRunOptions {
  /** Names of files, folders or patterns; a task without data files has none. */
  data?: readonly string[]
  network?: Given<N>
  training?: Partial<Training>
}

/** A training of a task that is ready to start. */
export interface DefinedRun<N extends Group> extends Run<TaskMeasurement> {
  readonly config: TaskConfig<N>
}

/** A task for the registry, and the functions by which programs load and train its models. */
export interface DefinedTask<N extends Group> extends TaskEntry {
  readonly load: LoadTask<N>
  /** Prepares a training. Throws ERR_INVALID_ARGUMENT for invalid options, the errors of the data, and those of `prepareRun`. */
  prepareRun(options: DefinedRunOptions<N>): Promise<DefinedRun<N>>
}

/** Returns a task for the registry, with functions that load and train its models. */
export function defineTask<N extends Group>(parts: TaskParts<N>): DefinedTask<N> {
  const { code: _, network, training, id, summary, verbs, tracing, ...others } = parts
  const trainable = async () => await trainableOf(parts, await parts.code())
  const load: LoadTask<N> = async (source, options) => await (await trainable()).loadWith(source, options)
  const readOptions = object<DefinedRunOptions<N>>({
    ...runFields,
    ...givenFields({ network, training }),
    data: parts.data ? list(filled, 1) : optional(list(filled, 0, 0))
  })
  return {
    description: summary,
    notes: '',
    next: 'inspect MODEL',
    evaluation: { settings: {}, notes: '' },
    ...others,
    id,
    summary,
    settings: { network, training, ...processSettings },
    verbs: verbs(load),
    ...(tracing && { tracing: tracing(load) }),
    load,
    model: trainable,
    async prepareRun(options) {
      const { prepareRun } = await import('./runs/run.js')
      const { data = [], ...given } = readOptions(options, 'the options of the run')
      return await prepareRun(await trainable(), { ...given, data })
    },
    async prepare({ data, ...place }, given) {
      const { prepareRun } = await import('./runs/run.js')
      const ready = await trainable()
      const run = await prepareRun(ready, { ...given, ...place, data })
      const own = ready.code.introduce?.(run.config, run.data)
      const introduction = { data: data.join(', '), network: id, step: 'a batch', ...own }
      return { run, introduction, measured: (measured) => measured as TaskMeasurement }
    },
    async evaluate(input, context) {
      const { code, loadWith } = await trainable()
      using loaded = await loadWith(input.model)
      if (code.evaluate) return await code.evaluate(loaded, input, context)
      const data = await code.open(input.words, loaded.config)
      return await code.measure(loaded.model, data, context)
    }
  }
}

type Options = TrainingRunOptions & { data: readonly string[]; network?: object; training?: Partial<Training> }

type Trainable<N extends Group> = TrainableTask<Options, TaskConfig<N>, RunData & { data: TaskData }, TaskMeasurement>

async function trainableOf<N extends Group>(
  { id, network, training }: TaskParts<N>,
  code: TaskCode<N>
): Promise<Trainable<N> & { code: TaskCode<N>; loadWith: LoadTask<N> }> {
  const { loadModel } = await import('./runs/load.js')
  const check = valuesCheck({ network, training })
  const model = {
    task: id,
    configFromJson: (json: Parameters<typeof readStored>[1], path: string) =>
      readStored(check, json, path) as unknown as TaskConfig<N>,
    definition: (config: TaskConfig<N>) =>
      ({ ...code.definition(config.network), name: id, config: configToJson(config) }) as ModelDefinition
  }
  const loadWith: LoadTask<N> = async (source, options = {}) => await loadModel(model, source, options, () => 1)
  return {
    ...model,
    code,
    loadWith,
    async open(options, old) {
      const named = { network: given(options.network), training: given(options.training) }
      if (old) checkResumed(named, old)
      const chosen = chooseTraining<Training>(named.training, old?.training, defaultsOf(training))
      const wanted = withDefaults(network, { ...old?.network, ...named.network })
      const data = await code.open(options.data, { network: wanted, training: chosen })
      const config = { network: wanted, training: settleTraining<Training>(chosen, data.train.stepsPerEpoch) }
      const { train: source, valid: validation, count: measured } = data
      return { config, data: { vocabulary: null, data }, source, validation, counts: {}, measured }
    },
    load: async (source) => await loadWith(source),
    measure: async (loaded, { data }, options) => await code.measure(loaded.model, data, options)
  }
}
