// Weights of other programs as the weights of a model: tensors go by their names, which a map may change. Layers here have the names, shapes and
// gate order of PyTorch, so that nothing is rearranged.

import { boolean, filled, made, optional, options as optionsOf, record } from '../check/index.js'
import { expected } from '../errors.js'
import { asFloat32 } from '../io/float32.js'
import { checkModel, type Model } from '../model.js'
import { checkMap, listed, mappedName, withoutWrappers, type NameMap } from './names.js'
import { openTensorFile, tensorFiles, type TensorFile } from './tensors/tensor-file.js'
import type { StoredTensor } from './tensors/stored-tensor.js'

/** Options of `loadWeights`. */
export interface LoadWeightsOptions {
  /**
   * Names of parameters by names of tensors: a whole name, or its beginning before a dot, such as `{ rnn: 'lstm', decoder: 'head' }`. Default:
   * tensors have the names of the parameters. Beginnings that all tensors have from `nn.DataParallel` (`module.`) or `torch.compile`
   * (`_orig_mod.`) are left out first.
   */
  map?: NameMap
  /** Whether parameters without a fitting tensor keep their values. Default false: they are an error. */
  partial?: boolean
  /** Whether float64 tensors are rounded to float32. Default false: they are an error. */
  narrow?: boolean
}

/** The use of each tensor and parameter. */
export interface WeightsReport {
  /** Parameters that took the values of a tensor. */
  taken: { parameter: string; tensor: string }[]
  /** Biases that became zeros, because the file has their weight but not them, as of `nn.LSTM(bias=False)`. */
  zeros: string[]
  /** Parameters without a tensor. */
  missing: string[]
  /** Tensors without a parameter. */
  leftOver: string[]
  /** Parameters and tensors of different shapes. */
  shapes: { parameter: string; tensor: string; expected: readonly number[]; found: readonly number[] }[]
}

const readOptions = optionsOf<LoadWeightsOptions>({
  map: optional(record(filled)),
  partial: optional(boolean),
  narrow: optional(boolean)
})
const checkFile = made<TensorFile>('a path, or a file that openTensorFile returned,', tensorFiles)

/**
 * Gives the parameters of `model` the tensors of a file, which is a path or an open file, and returns a report. Names and shapes are those of
 * torch.nn.LSTM, GRU, RNN, Embedding and Linear; an LSTMCell is the layer 0. Values of float16 and bfloat16 do not change. Nothing is written
 * unless all tensors were read. Throws ERR_INVALID_SHAPE, with all of them, if parameters lack a tensor or have another shape,
 * ERR_INVALID_ARGUMENT for options that are not valid or two tensors for one parameter, ERR_UNSUPPORTED for other types of elements, ERR_BUSY while
 * an operation on the model is under way, and the errors of `openTensorFile`.
 *
 * @example
 * const report = await loadWeights(model, 'torch.safetensors', { map: { rnn: 'encoder', decoder: 'head' } })
 * report.leftOver // []
 */
export async function loadWeights(
  model: Model,
  file: string | TensorFile,
  options: LoadWeightsOptions = {}
): Promise<WeightsReport> {
  checkModel(model, 'the model')
  const read = readOptions(options, 'the options of loadWeights')
  if (typeof file !== 'string') return await loadFrom(model, checkFile(file, 'the file'), read)
  const opened = await openTensorFile(file)
  try {
    return await loadFrom(model, opened, read)
  } finally {
    await opened.close()
  }
}

async function loadFrom(
  model: Model,
  file: TensorFile,
  { map = {}, partial = false, narrow = false }: LoadWeightsOptions
): Promise<WeightsReport> {
  const { parameters } = model
  const targets = targetsOf(model, file, map)
  const report: WeightsReport = { taken: [], zeros: [], missing: [], leftOver: [], shapes: [] }
  for (const { name } of file.tensors.values()) {
    const used = [...targets.values()].some((tensor) => tensor.name === name)
    if (!used) report.leftOver.push(name)
  }
  const taken = new Map<string, StoredTensor>()
  for (const { name: parameter, shape } of parameters.specs) {
    const tensor = targets.get(parameter)
    if (!tensor) {
      const weight = weightOf(parameter)
      if (weight !== null && targets.has(weight)) report.zeros.push(parameter)
      else report.missing.push(parameter)
    } else if (tensor.shape.join() === shape.join()) {
      taken.set(parameter, tensor)
      report.taken.push({ parameter, tensor: tensor.name })
    } else report.shapes.push({ parameter, tensor: tensor.name, expected: [...shape], found: [...tensor.shape] })
  }
  if (!partial || taken.size === 0) checkComplete(report, file.path)
  const values = new Map<string, ArrayLike<number>>()
  for (const [parameter, tensor] of taken) values.set(parameter, await valuesOf(tensor, file.path, narrow))
  await model.ready()
  for (const [parameter, data] of values) parameters.set(parameter, data)
  for (const parameter of report.zeros)
    parameters.set(parameter, new Float32Array(parameters.get(parameter).data.length))
  return report
}

/** Returns the tensor of each parameter by the names that the map gives. */
function targetsOf({ parameters }: Model, { tensors, path }: TensorFile, map: NameMap): Map<string, StoredTensor> {
  const all = [...tensors.values()]
  const bare = withoutWrappers(all.map(({ name }) => name))
  checkMap(map, bare, path)
  const targets = new Map<string, StoredTensor>()
  for (const [i, tensor] of all.entries()) {
    const name = mappedName(bare[i]!, map)
    const parameter = parameters.has(name) ? name : `${name}_l0` // of a cell, which has no number of a layer
    if (!parameters.has(parameter)) continue
    const other = targets.get(parameter)
    if (other) {
      const found = `${listed([other.name, tensor.name])} of ${path}`
      throw expected('ERR_INVALID_ARGUMENT', `one tensor for the parameter "${parameter}"`, found, 'change the map')
    }
    targets.set(parameter, tensor)
  }
  return targets
}

/** Returns the weight that a bias belongs to; null for other parameters. */
function weightOf(parameter: string): string | null {
  const [, layer, , suffix = ''] = /^(.*\.bias)(_(?:ih|hh)(_l\d+(?:_reverse)?))?$/.exec(parameter) ?? []
  if (layer === undefined) return null
  const prefix = layer.slice(0, -'bias'.length)
  return suffix === '' ? `${prefix}weight` : `${prefix}weight_ih${suffix}`
}

function checkComplete({ missing, shapes, leftOver }: WeightsReport, path: string): void {
  if (missing.length + shapes.length === 0) return
  const wrong = shapes
    .slice(0, 8)
    .map(
      ({ parameter, expected: wanted, found }) =>
        `[${found.join(', ')}] instead of [${wanted.join(', ')}] for "${parameter}"`
    )
  const found = [...(missing.length > 0 ? [`none for ${listed(missing)}`] : []), ...wrong].join(', ')
  const remedy =
    leftOver.length > 0
      ? `name the parameters of ${listed(leftOver)} (map)`
      : 'take the file of a model with the same layers'
  throw expected('ERR_INVALID_SHAPE', `a tensor of ${path} for each parameter`, found, remedy)
}

/** Returns the values of a tensor as float32. */
async function valuesOf(tensor: StoredTensor, path: string, narrow: boolean): Promise<Float32Array> {
  const { name, dtype } = tensor
  if (dtype === 'F64' && !narrow) {
    const what = `float32, float16 or bfloat16 for tensor ${listed([name])} of ${path}`
    throw expected(
      'ERR_UNSUPPORTED',
      what,
      'float64',
      'let the values be rounded (narrow), or save model.float().state_dict()'
    )
  }
  return asFloat32(name, dtype, await tensor.read())
}
