// ONNX files as models of ours: the graph is recorded for each shape of its inputs, so that the arithmetic of shapes is done with numbers, and the
// result runs, trains and is measured like every model.

import { types } from 'node:util'
import {
  filled,
  float32Array,
  integer,
  int32Array,
  list,
  object,
  optional,
  options as optionsOf,
  record,
  type Check
} from '../check/index.js'
import { openBytes } from '../data/files/byte-reader.js'
import { expected } from '../errors.js'
import { sizeOf } from '../graph/shape.js'
import type { Tensor } from '../graph/graph.js'
import { quoted } from '../io/safetensors/dtypes.js'
import { defineModel, type InputSpec, type Model } from '../model.js'
import { onnxOperators } from './onnx/operators.js'
import { isConstant, OnnxRecorder, plainName } from './onnx/recorder.js'
import { readOnnx, type OnnxConstant, type OnnxFile, type OnnxNode, type OnnxValueInfo } from './onnx/read.js'

/** Values of a tensor in row-major order. */
export interface OnnxArray {
  shape: readonly number[]
  data: Float32Array | Int32Array
}

/** Options of `importOnnx`. */
export interface ImportOnnxOptions {
  /** Values for inputs of the graph that are weights; they become parameters. Default: none. */
  constants?: Readonly<Record<string, OnnxArray>>
  /** Sizes by name that are free in the file but have one value, as a batch that other parts of the file fix. Default: none. */
  sizes?: Readonly<Record<string, number>>
  /** Number of threads, from 0 to 1024; 0 takes that of the engine. Default 1. */
  threads?: number
}

/** An input or output of an imported model. */
export interface OnnxPort {
  /** Its name in the file. */
  readonly name: string
  /** 'i32' is for the integers of ONNX. */
  readonly dtype: 'f32' | 'i32'
  /** Sizes, and names of free ones; of an output the sizes depend on the inputs. */
  readonly shape: readonly (number | string)[]
}

/** A model that was imported from an ONNX file. */
export interface ImportedOnnx extends Disposable {
  /** The model: its inputs have the names of those of the file, in which other characters than letters, digits, "_", "." and "-" are "_". */
  readonly model: Model
  readonly inputs: readonly OnnxPort[]
  readonly outputs: readonly string[]
  /**
   * Runs the model on the inputs by their names in the file, and returns its outputs. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE, with the
   * name, if an input is missing or does not fit.
   */
  run(inputs: Readonly<Record<string, OnnxArray>>): Promise<Record<string, OnnxArray>>
  /** Frees the model. Later uses throw ERR_DISPOSED. */
  dispose(): void
}

const anyArray: Check<Float32Array | Int32Array> = (value, name) =>
  types.isInt32Array(value) ? int32Array()(value, name) : float32Array()(value, name)
const readArray = object<OnnxArray>({ shape: list(integer(0, 2 ** 31 - 1)), data: anyArray })
const readArrays = record(readArray)
const readOptions = optionsOf<ImportOnnxOptions>({
  constants: optional(readArrays),
  sizes: optional(record(integer(1, 2 ** 31 - 1))),
  threads: optional(integer(0, 1024))
})

const MAX_BYTES = 2 ** 31
const dtypes: Readonly<Record<number, 'f32' | 'i32'>> = { 1: 'f32', 6: 'i32', 7: 'i32' }

/**
 * Imports an ONNX model of opset 7 or newer with LSTM, GRU and RNN layers and the operators that exporters write around them; docs/interop.md
 * lists them. Throws ERR_UNSUPPORTED, before anything is built, with all operators, attributes and types that are not supported, by the names
 * of their nodes. Throws ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT for a damaged file.
 */
export async function importOnnx(path: string, options: ImportOnnxOptions = {}): Promise<ImportedOnnx> {
  filled(path, 'the path')
  const { constants = {}, sizes = {}, threads = 1 } = readOptions(options, 'the options of importOnnx')
  const source = await openBytes(path)
  try {
    if (source.size > MAX_BYTES)
      throw expected(
        'ERR_FILE_FORMAT',
        `at most ${MAX_BYTES} bytes in ${path}`,
        `${source.size}`,
        'name a smaller file'
      )
    return importGraph(readOnnx(await source.read(0, source.size), path), { constants, sizes, threads })
  } finally {
    await source.close()
  }
}

/** Makes a model of a graph with its weights. Throws ERR_UNSUPPORTED with everything that is not supported. */
export function importGraph(
  file: OnnxFile,
  { constants: given = {}, sizes = {}, threads = 1 }: ImportOnnxOptions = {}
): ImportedOnnx {
  const inputs = file.inputs.filter(({ name }) => !Object.hasOwn(given, name))
  checkSupported(file, inputs)
  const constants = new Map(file.constants)
  let bytes = file.bytes
  for (const [name, { shape, data }] of Object.entries(given)) {
    constants.set(name, constantOf(name, shape, data))
    bytes += data.byteLength
  }
  const fixed = { ...fixedSizes(file), ...sizes }
  const ports = inputs.map((info): OnnxPort => {
    const shape = sizesOf(info).map((size) => (typeof size === 'string' ? (fixed[size] ?? size) : size))
    return { name: info.name, dtype: dtypes[info.type]!, shape }
  })
  const specs = Object.fromEntries(ports.map(({ name, dtype, shape }): [string, InputSpec] => [plainName(name), { dtype, shape: shape }])) // prettier-ignore
  const model = defineModel(
    {
      name: 'onnx',
      config: {},
      inputs: specs,
      forward: (tensors) =>
        recordGraph({ ...file, bytes }, constants, ports, tensors as Readonly<Record<string, Tensor>>)
    },
    { threads }
  )
  const outputs = file.outputs.map(({ name }) => name)
  const dispose = () => model.dispose()
  const run = (values: Readonly<Record<string, OnnxArray>>) =>
    runModel({ model, ports, outputs }, readArrays(values, 'the inputs'))
  return { model, inputs: ports, outputs, run, dispose, [Symbol.dispose]: dispose }
}

function constantOf(name: string, shape: readonly number[], data: Float32Array | Int32Array): OnnxConstant {
  if (sizeOf(shape) !== data.length)
    throw expected(
      'ERR_INVALID_SHAPE',
      `${sizeOf(shape)} values for ${quoted(name)}`,
      `${data.length}`,
      'make shape and data agree'
    )
  if (types.isFloat32Array(data)) return { type: 'f32', shape, data }
  return { type: 'i64', shape, data: Array.from(data) }
}

/** Returns the sizes of an input; a free size without a name gets one. */
function sizesOf({ name, shape }: OnnxValueInfo): (number | string)[] {
  return shape.map((size, axis) =>
    typeof size === 'number' ? size : plainName(size === null || size === '' ? `${name}_${axis}` : size)
  )
}

/** Returns the sizes of batches that initial states fix, although the sequences leave them free: exporters often do that. */
function fixedSizes({ nodes, inputs }: OnnxFile): Record<string, number> {
  const fixed: Record<string, number> = {}
  const shapeOf = (name: string | undefined) => {
    const found = inputs.find((input) => input.name === name)
    return found ? sizesOf(found) : []
  }
  for (const node of nodes.filter(({ type }) => type === 'LSTM' || type === 'GRU')) {
    const axis = node.attributes.get('layout') === 1 ? 0 : 1
    const batch = shapeOf(node.inputs[0])[axis]
    const states = [5, 6].map((index) => shapeOf(node.inputs[index])[axis])
    const size = states.find((one) => typeof one === 'number')
    if (typeof batch === 'string' && typeof size === 'number') fixed[batch] = size
  }
  return fixed
}

/** Throws ERR_UNSUPPORTED with everything in a file that is not supported. */
function checkSupported({ path, nodes }: OnnxFile, inputs: readonly OnnxValueInfo[]): void {
  const types = inputs
    .filter(({ type, shape }) => dtypes[type] === undefined || shape.length < 1 || shape.length > 4)
    .map(({ name, type, shape }) => `the input ${quoted(name)} of ONNX type ${type} with ${shape.length} dimensions`)
  const found = [...types, ...nodes.flatMap(faultsOf)]
  if (found.length === 0) return
  const shown = [...found.slice(0, 20), ...(found.length > 20 ? [`${found.length - 20} more`] : [])].join(', ')
  throw expected(
    'ERR_UNSUPPORTED',
    `operators, attributes and types in ${path} that docs/interop.md lists`,
    shown,
    'export the model without them'
  )
}

function faultsOf(node: OnnxNode): string[] {
  const called = `${node.type} ${quoted(node.name)}`
  const operator = onnxOperators.get(node.type)
  if (node.domain !== '') return [`${node.domain}.${called}`]
  if (!operator) return [called]
  const unknown = [...node.attributes.keys()].filter((name) => !operator.attributes.includes(name)).map((name) => `the attribute ${quoted(name)}`) // prettier-ignore
  return [...unknown, ...(operator.faults?.(node) ?? [])].map((fault) => `${called} with ${fault}`)
}

/** Records the nodes in their order and returns the outputs by their names in our graph. */
function recordGraph(
  file: OnnxFile,
  constants: ReadonlyMap<string, OnnxConstant>,
  ports: readonly OnnxPort[],
  tensors: Readonly<Record<string, Tensor>>
): Record<string, Tensor> {
  const [any] = Object.values(tensors)
  if (!any) throw expected('ERR_UNSUPPORTED', `a model with inputs in ${file.path}`, 'none', 'export it with inputs')
  const recorder = new OnnxRecorder(file, constants, any)
  for (const { name } of ports) recorder.values.set(name, tensors[plainName(name)]!)
  for (const node of file.nodes) {
    const results = onnxOperators.get(node.type)!.record(recorder, node)
    for (const [i, name] of node.outputs.entries()) {
      if (name === '') continue
      if (!results[i]) throw recorder.refuse(node, `at most ${results.length} outputs`, quoted(name))
      recorder.values.set(name, results[i])
    }
  }
  return Object.fromEntries(
    file.outputs.map(({ name }, i) => {
      const value = recorder.values.get(name)
      if (value && !isConstant(value)) return [`output${i}`, value]
      throw expected(
        'ERR_UNSUPPORTED',
        `outputs that depend on inputs in ${file.path}`,
        quoted(name),
        'export the model without it'
      )
    })
  )
}

interface Runnable {
  readonly model: Model
  readonly ports: readonly OnnxPort[]
  readonly outputs: readonly string[]
}

async function runModel(
  { model, ports, outputs }: Runnable,
  values: Readonly<Record<string, OnnxArray>>
): Promise<Record<string, OnnxArray>> {
  const dims: Record<string, number> = {}
  for (const port of ports) bindSizes(port, values[port.name], dims)
  const other = Object.keys(values).find((name) => !ports.some((port) => port.name === name))
  if (other !== undefined)
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `the inputs ${ports.map(({ name }) => quoted(name)).join(', ')}`,
      `${quoted(other)} too`,
      'leave it out'
    )
  using lease = model.lease(dims, { purpose: 'predict' })
  const { plan } = lease
  for (const { name } of ports)
    (plan.inputs as Record<string, Float32Array | Int32Array>)[plainName(name)]!.set(values[name]!.data)
  await plan.run()
  const shapes = model.record(dims, 'predict').outputs
  return Object.fromEntries(
    outputs.map((name, i) => [
      name,
      {
        shape: [...shapes[`output${i}`]!.shape],
        data: (plan.outputs as Record<string, Float32Array>)[`output${i}`]!.slice()
      }
    ])
  )
}

/** Compares an array with an input and sets the free sizes. */
function bindSizes({ name, dtype, shape }: OnnxPort, given: OnnxArray | undefined, dims: Record<string, number>): void {
  if (!given) throw expected('ERR_INVALID_ARGUMENT', `values for the input ${quoted(name)}`, 'none', 'pass them')
  const isRight = given.data instanceof Int32Array === (dtype === 'i32')
  if (!isRight) throw expected('ERR_INVALID_ARGUMENT', `an ${dtype === 'i32' ? 'Int32Array' : 'Float32Array'} for the input ${quoted(name)}`, 'another array', 'convert it') // prettier-ignore
  const fits = given.shape.length === shape.length && sizeOf(given.shape) === given.data.length
  const sizes = shape.map((size, axis) => (typeof size === 'number' ? size : (dims[size] ??= given.shape[axis]!)))
  if (fits && sizes.every((size, axis) => size === given.shape[axis])) return
  throw expected('ERR_INVALID_SHAPE', `the shape [${shape.join(', ')}] for the input ${quoted(name)}`, `[${given.shape.join(', ')}] with ${given.data.length} values`, 'reshape it') // prettier-ignore
}
