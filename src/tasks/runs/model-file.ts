// Opening of a model's file without trust in its contents. The network that its configuration describes is recorded, which allocates nothing,
// and its tensors are compared with those of the file. Only after that may a caller make a model or read a run, so that the size of the file
// bounds their memory. Configuration and tensors are read from one handle, because another file may replace this one at any time.

import { expected, GatecellError } from '../../errors.js'
import type { Shape } from '../../graph/shape.js'
import {
  checkTask,
  openCheckpoint,
  type CheckpointFile,
  type CheckpointGroup,
  type CheckpointInfo,
  type LoadedCheckpoint
} from '../../io/checkpoint.js'
import { asFloat32, floatDtypes } from '../../io/float32.js'
import type { JsonObject } from '../../io/json.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { tensorsOf, type Model, type ModelDefinition } from '../../model.js'

/** The model of a task, as its files store it. */
export interface TaskModel<C> {
  /** The name in the file. */
  readonly task: string
  /** Names in files of older versions, which are read as well. */
  readonly formerTasks?: readonly string[]
  /** Reads the configuration of a model file. Throws ERR_FILE_FORMAT, with the name of the invalid part. */
  configFromJson(json: JsonObject, path: string): C
  /** The network that a configuration describes. */
  definition(config: C): ModelDefinition
  /** Returns the parameters with a row or column for each symbol; absent for networks without a vocabulary. */
  symbolParameters?(config: C): readonly SymbolParameters[]
}

/** Parameters of a network that have a row, or a column, for each symbol of its vocabulary. */
export interface SymbolParameters {
  readonly parameters: readonly string[]
  /** Names of the symbols in the order of their rows. */
  readonly symbols: readonly string[]
  /** Column of the first symbol; absent if symbols have rows. */
  readonly firstColumn?: number
}

/** A model file whose tensors fit its configuration. C: the configuration. */
export interface ModelFile<C> {
  readonly info: CheckpointInfo
  readonly config: C
  readonly definition: ModelDefinition
  /**
   * Reads the weights into `model`, which was made from `definition`: F32 without a copy, other formats converted (see
   * asFloat32). Throws ERR_FILE_FORMAT for a damaged file and ERR_UNSUPPORTED for values beyond float32.
   */
  loadWeights(model: Model): Promise<void>
}

const namesOf = <C>({ task, formerTasks = [] }: TaskModel<C>): string[] => [task, ...formerTasks]

/** Compares the weights of an open file with its configuration. Throws ERR_FILE_FORMAT and ERR_WRONG_TASK. */
export function readModelFile<C>(task: TaskModel<C>, file: CheckpointFile): ModelFile<C> {
  const { info, path } = file
  checkTask(info.task, namesOf(task), path)
  const config = task.configFromJson(info.config, path)
  const definition = task.definition(config)
  checkTensors(info, expectedTensors(definition, {}, path).parameters, 'weights', path)
  return { info, config, definition, loadWeights: (model) => readWeights(file, model) }
}

/**
 * Calls `use` with the file at a path, which is closed afterwards, or with a file that is open already and stays open. Throws
 * ERR_FILE_NOT_FOUND and ERR_FILE_FORMAT.
 */
export async function withCheckpoint<R>(
  source: string | CheckpointFile,
  use: (file: CheckpointFile) => Promise<R>
): Promise<R> {
  if (typeof source !== 'string') return await use(source)
  const file = await openCheckpoint(source)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

async function readWeights(file: CheckpointFile, { parameters }: Model): Promise<void> {
  const { weights } = await file.load(({ group, key, dtype }) => {
    if (group !== 'weights') return null
    return dtype === 'F32' ? parameters.get(key).data : undefined
  })
  for (const [key, { dtype, data }] of weights)
    if (dtype !== 'F32') parameters.get(key).data.set(asFloat32(key, dtype, data))
  parameters.touch()
}

/** A run as its file stores it. */
export interface SavedRun<C> extends CheckpointInfo, LoadedCheckpoint {
  /** `config` as the type of the task. */
  readonly settings: C
}

/**
 * Reads everything that is needed to resume a run, after weights, moments and carried states were compared with the
 * configuration. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT and ERR_WRONG_TASK.
 */
export async function readRun<C extends { readonly training?: { readonly batch: number } }>(
  task: TaskModel<C>,
  path: string
): Promise<SavedRun<C>> {
  const file = await openCheckpoint(path)
  try {
    const { info } = file
    checkTask(info.task, namesOf(task), path)
    const settings = task.configFromJson(info.config, path)
    const { training } = settings
    if (training === undefined) throw refusal(path, 'the settings of a training', 'none')
    const { parameters, states } = expectedTensors(task.definition(settings), { batch: training.batch }, path)
    checkTensors(info, parameters, 'weights', path)
    for (const group of ['moment1', 'moment2', 'moment3', 'average'] as const) {
      const present = [...info.tensors.values()].some((tensor) => tensor.group === group)
      if (present) checkTensors(info, parameters, group, path)
    }
    checkTensors(info, states, 'state', path)
    const validated = (info.progress['best'] ?? null) !== null
    checkTensors(info, validated ? parameters : new Map(), 'best', path)
    return { ...info, settings, ...(await file.load()) }
  } finally {
    await file.close()
  }
}

/** Returns the tensors of the network. Throws ERR_FILE_FORMAT for a configuration that no network can have. */
function expectedTensors(definition: ModelDefinition, dims: { batch?: number }, path: string) {
  try {
    return tensorsOf(definition, dims)
  } catch (cause) {
    if (!(cause instanceof GatecellError)) throw cause
    throw expected(
      'ERR_FILE_FORMAT',
      `the configuration of a network in ${path}`,
      'one that no network can have',
      cause.message.replace(/\.$/, ''),
      cause
    )
  }
}

/**
 * Throws ERR_FILE_FORMAT unless the file's tensors of `group` have the names and shapes of `wanted`. Weights may be of any float format,
 * the other groups are F32.
 */
function checkTensors(
  info: CheckpointInfo,
  wanted: ReadonlyMap<string, Shape>,
  group: CheckpointGroup,
  path: string
): void {
  const found = new Map([...info.tensors.values()].filter((one) => one.group === group).map((one) => [one.key, one]))
  for (const [key, shape] of wanted) {
    const tensor = found.get(key)
    const dtypes = group === 'weights' ? floatDtypes : ['F32']
    if (tensor && dtypes.includes(tensor.dtype) && tensor.shape.join() === shape.join()) continue
    const described = `${quoted(key)} of the ${group} as F32 [${shape.join(', ')}]`
    throw refusal(path, described, tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : 'none')
  }
  const extra = [...found.values()].find(({ key }) => !wanted.has(key))
  if (extra) throw refusal(path, `the ${wanted.size} ${group} of its configuration`, `${quoted(extra.name)} too`)
}

function refusal(path: string, wanted: string, found: string): GatecellError {
  return expected(
    'ERR_FILE_FORMAT',
    `${wanted} in ${path}`,
    found,
    'copy the model again, because it is damaged, or use the version of gatecell that wrote it'
  )
}
