// Opens a model's file and believes nothing in it: the network that its configuration describes is recorded, which allocates
// nothing, and its tensors are compared with those of the file. Only then may a caller make a model or read a run, whose
// memory the file's own size bounds. Configuration and tensors are read from one handle, since another file may take the
// place of this one at any time.

import { GatecellError } from '../errors.js'
import type { Shape } from '../graph/tensor.js'
import {
  openCheckpoint,
  type CheckpointFile,
  type CheckpointGroup,
  type CheckpointInfo,
  type LoadedCheckpoint
} from '../io/checkpoint.js'
import { asFloat32, floatDtypes } from '../io/float32.js'
import type { JsonObject } from '../io/json.js'
import { quoted } from '../io/tensor-header.js'
import { tensorsOf, type Model, type ModelDefinition } from '../model.js'

/** What the files of a task hold. */
export interface TaskModel<C> {
  /** The name in the file. */
  readonly task: string
  /** Reads the configuration of a model file. ERR_FILE_FORMAT names the part that is none. */
  configFromJson(json: JsonObject, path: string): C
  /** The network that a configuration describes. */
  definition(config: C): ModelDefinition
}

export interface ModelFile<C> {
  readonly info: CheckpointInfo
  readonly config: C
  readonly definition: ModelDefinition
  /**
   * Reads the weights into `model`, which was made from `definition`: without a copy where they are F32, else converted (see
   * asFloat32). ERR_FILE_FORMAT for a damaged file, ERR_UNSUPPORTED for values beyond float32.
   */
  loadWeights(model: Model): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a model's file and compares its weights with those that its configuration asks for. ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT,
 * ERR_WRONG_TASK.
 */
export async function openModelFile<C>(task: TaskModel<C>, path: string): Promise<ModelFile<C>> {
  const file = await openCheckpoint(path, { task: task.task })
  try {
    const config = task.configFromJson(file.info.config, path)
    const definition = task.definition(config)
    checkTensors(file.info, expectedTensors(definition, {}, path).parameters, 'weights', path)
    return { info: file.info, config, definition, loadWeights: (model) => readWeights(file, model), close: file.close }
  } catch (error) {
    await file.close()
    throw error
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

/** A run as its file holds it. */
export interface SavedRun<C> extends CheckpointInfo, LoadedCheckpoint {
  /** `config`, read. */
  readonly settings: C
}

/**
 * Reads everything that a run needs to go on, after weights, moments and carried states were compared with the configuration.
 * ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_WRONG_TASK.
 */
export async function readRun<C extends { readonly training?: { readonly batch: number } }>(
  task: TaskModel<C>,
  path: string
): Promise<SavedRun<C>> {
  const file = await openCheckpoint(path, { task: task.task })
  try {
    const { info } = file
    const settings = task.configFromJson(info.config, path)
    const { training } = settings
    if (training === undefined) throw refusal(path, 'the settings of a training', 'none')
    const { parameters, states } = expectedTensors(task.definition(settings), { batch: training.batch }, path)
    checkTensors(info, parameters, 'weights', path)
    for (const group of ['moment1', 'moment2', 'moment3'] as const) {
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

/** The tensors that the network has. ERR_FILE_FORMAT for a configuration that no network can have. */
function expectedTensors(definition: ModelDefinition, dims: { batch?: number }, path: string) {
  try {
    return tensorsOf(definition, dims)
  } catch (cause) {
    if (!(cause instanceof GatecellError)) throw cause
    const { message } = cause
    const sentence = `Expected the configuration of a network in ${path} but found one that cannot be: ${message}`
    throw new GatecellError('ERR_FILE_FORMAT', sentence, { cause })
  }
}

/** Throws ERR_FILE_FORMAT unless the file's tensors of `group` are `expected`, by names and shapes: weights as floats, the rest as F32. */
function checkTensors(
  info: CheckpointInfo,
  expected: ReadonlyMap<string, Shape>,
  group: CheckpointGroup,
  path: string
): void {
  const found = new Map([...info.tensors.values()].filter((one) => one.group === group).map((one) => [one.key, one]))
  for (const [key, shape] of expected) {
    const tensor = found.get(key)
    const dtypes = group === 'weights' ? floatDtypes : ['F32']
    if (tensor && dtypes.includes(tensor.dtype) && tensor.shape.join() === shape.join()) continue
    const wanted = `${quoted(key)} of the ${group} as F32 [${shape.join(', ')}]`
    throw refusal(path, wanted, tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : 'none')
  }
  const extra = [...found.values()].find(({ key }) => !expected.has(key))
  if (extra) throw refusal(path, `the ${expected.size} ${group} of its configuration`, `${quoted(extra.name)} too`)
}

function refusal(path: string, expected: string, found: string): GatecellError {
  return new GatecellError(
    'ERR_FILE_FORMAT',
    `Expected ${expected} in ${path} but found ${found}: the model is damaged or of another version`
  )
}
