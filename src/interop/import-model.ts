// Models of other programs as models of ours: the graph is recorded for each shape of its inputs, so that the arithmetic of shapes is done with
// numbers, and the result runs, steps, trains, is saved and is measured like every model.

import {
  boolean,
  choice,
  filled,
  integer,
  optional,
  options as optionsOf,
  record,
  string,
  syncFunction
} from '../check/index.js'
import { openBytes } from '../data/files/byte-reader.js'
import { expected } from '../errors.js'
import type { Tensor } from '../graph/graph.js'
import type { CpuPrecision } from '../graph/opcodes.js'
import { createSession } from '../generate/session.js'
import type { SessionModel } from '../generate/session-kind.js'
import type { Session, SessionOptions } from '../generate/session-types.js'
import { assertOutputs } from '../io/atomic.js'
import { writeCheckpoint } from '../io/checkpoint.js'
import { defineModel, type Model, type ModelDefinition, type InputSpec, type Specs } from '../model.js'
import { readModelFile, withCheckpoint, type TaskModel } from '../tasks/runs/model-file.js'
import { fileKind } from './file-kind.js'
import { graphFromJson, graphToJson, IMPORTED_TASK, type SavedGraph } from './onnx/graph-json.js'
import { constantOf, fixedSizes, portsOf, readArrays, sizesOf, type OnnxArray, type OnnxPort } from './onnx/ports.js' // prettier-ignore
import { GraphRunner } from './graph-runner.js'
import { readKeras } from './keras/read.js'
import { heldConstants } from './onnx/held-constants.js'
import { readOnnx, type OnnxFile } from './onnx/read.js'
import { checkSupported, recordGraph, type ImportedGraph } from './onnx/record.js'
import { checkStates, connectedStates } from './onnx/state-pairs.js'
import { sessionModel, sizeKinds, type SizeKind } from './onnx/steps.js'

/** Options of `importModel`. */
export interface ImportModelOptions {
  /** Values for inputs of the graph that are weights; they become parameters. Default: none. */
  constants?: Readonly<Record<string, OnnxArray>>
  /** Sizes by name that are free in the file but have one value, as a batch that other parts of the file fix. Default: none. */
  sizes?: Readonly<Record<string, number>>
  /**
   * Inputs that continue an output, as `{ h0: 'h' }`: sessions carry them from step to step. Default: those that the nodes of the file connect as
   * the initial and last states of recurrent layers, and for a saved model those with which it was saved.
   */
  states?: Readonly<Record<string, string>>
  /**
   * File of weights of Keras (.weights.h5, .h5) for a configuration as JSON, which `model.to_json()` returns. Default: the weights are in the file of
   * the model, or next to that of TensorFlow.js.
   */
  weights?: string
  /** Number of threads, from 0 to 1024; 0 takes that of the engine. Default 1. */
  threads?: number
  /** Format of the operands of LSTM products: 'f32' (default), 'bf16' or 'int8'. GRU and RNN layers have no 'int8'. */
  precision?: CpuPrecision
  /** Whether there is memory for gradients and moments, to train the model. Default false, and true with `loss`. */
  training?: boolean
  /** Further inputs, which only the loss reads. Default: none. */
  targets?: Specs
  /** Returns the loss, as `loss` of a model's definition does, by the keys of outputs and inputs. Default: the model can only predict. */
  loss?: (outputs: Record<string, Tensor>, targets: Record<string, Tensor>, inputs: Record<string, Tensor>) => Tensor
}

/** A model that was imported. */
export interface ImportedModel extends Disposable {
  /** The model: its inputs and outputs have the keys of the ports. */
  readonly model: Model
  readonly inputs: readonly OnnxPort[]
  readonly outputs: readonly OnnxPort[]
  /** Names of the outputs that inputs continue, by the names of these inputs. */
  readonly states: Readonly<Record<string, string>>
  /** The free sizes of the inputs: 'length' for steps of the sequences that the first recurrent layer reads, 'batch' for their number. */
  readonly sizes: Readonly<Record<string, SizeKind>>
  /**
   * Runs the model on the inputs by their names in the file, and returns its outputs: on the engine's thread, or on the caller's if the last run
   * with inputs of these sizes took less than 2 ms. Inputs and outputs of more than 1 MiB are copied in pieces, between which the event loop turns,
   * so they may not change before the run ends. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE, with the name, if an input is missing or
   * does not fit.
   */
  run(inputs: Readonly<Record<string, OnnxArray>>): Promise<Record<string, OnnxArray>>
  /**
   * Makes a session, as `createSession` does, that takes one step of one sequence at a time. Its inputs and outputs are called by their keys. Inputs
   * that continue an output are states of the session, and so are the states of layers that begin with zeros in each run. Throws ERR_UNSUPPORTED for
   * layers that read backward, and for a fixed number of steps.
   */
  session(options?: SessionOptions): Session
  /** Writes the model with its weights to a model file, which `importModel` opens. Throws ERR_FILE_WRITE. */
  save(path: string): Promise<void>
  /** Frees the model. Later uses throw ERR_DISPOSED. */
  dispose(): void
}

const readOptions = optionsOf<ImportModelOptions>({
  constants: optional(readArrays),
  sizes: optional(record(integer(1, 2 ** 31 - 1))),
  states: optional(record(string)),
  weights: optional(filled),
  threads: optional(integer(0, 1024)),
  precision: optional(choice('f32', 'bf16', 'int8')),
  training: optional(boolean),
  targets: optional((value) => value as Specs), // defineModel checks them
  loss: optional(syncFunction())
})

const MAX_BYTES = 2 ** 31

/**
 * Imports a model with LSTM, GRU and RNN layers: an ONNX file of opset 7 or newer, a Sequential or Functional model of Keras (.keras, .h5, or the
 * JSON of `model.to_json()` with a file of weights), or a layers model of TensorFlow.js (model.json), with the operators and layers that
 * docs/interop.md lists; or opens a model file that `save` or `gatecell import` wrote of one. Throws ERR_UNSUPPORTED, before anything is built,
 * with all operators, layers, attributes and types that are not supported, by their names. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT for a
 * damaged file, and ERR_WRONG_TASK for a model file of another task.
 *
 * @example
 * using imported = await importModel('shakespeare.onnx')
 * const session = imported.session()
 * const { logits } = session.stepSync({ tokens: [1] })
 * await imported.save('imported.safetensors')
 */
export async function importModel(path: string, options: ImportModelOptions = {}): Promise<ImportedModel> {
  filled(path, 'the path')
  const read = readOptions(options, 'the options of importModel')
  const kind = await fileKind(path)
  if (read.weights !== undefined && kind !== 'keras')
    throw expected('ERR_INVALID_ARGUMENT', `no file of weights for ${path}`, 'one', 'it is for the configuration of a model of Keras') // prettier-ignore
  if (kind === 'safetensors') return await openSaved(path, read)
  return importGraph(kind === 'keras' ? await readKeras(path, read.weights) : await onnxFile(path), read)
}

async function onnxFile(path: string): Promise<OnnxFile> {
  const source = await openBytes(path)
  try {
    if (source.size <= MAX_BYTES) return readOnnx(await source.read(0, source.size), path)
    throw expected('ERR_FILE_FORMAT', `at most ${MAX_BYTES} bytes in ${path}`, `${source.size}`, 'name a smaller file')
  } finally {
    await source.close()
  }
}

/** Makes a model of a graph with its weights. Throws ERR_UNSUPPORTED with everything that is not supported. */
export function importGraph(given: OnnxFile, options: ImportModelOptions = {}): ImportedModel {
  const prepared = preparedGraph(given, options)
  const { constants, release } = heldConstants(prepared.file.constants, given.path)
  const graph = { ...prepared, file: { ...prepared.file, constants } }
  const model = defineModel(definitionOf(graph, options), modelOptions(options, true))
  try {
    const smallest = Object.fromEntries(model.inputDimNames.map((name) => [name, 1]))
    const values = release(() => model.record(smallest, 'predict'))
    return imported({ graph, values }, model)
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** Opens a saved model. */
async function openSaved(path: string, options: ImportModelOptions): Promise<ImportedModel> {
  if (options.constants || options.sizes)
    throw expected('ERR_INVALID_ARGUMENT', `no constants and sizes for the saved model ${path}`, 'some', 'give them when the file of ONNX is imported') // prettier-ignore
  return await withCheckpoint(path, async (opened) => {
    const task: TaskModel<SavedGraph> = {
      task: IMPORTED_TASK,
      configFromJson(json) {
        const saved = graphFromJson(json, path, opened.info.fileBytes)
        if (options.states) checkStates(saved.graph.file, options.states)
        return { ...saved, graph: { ...saved.graph, states: options.states ?? saved.graph.states } }
      },
      definition: ({ graph }) => definitionOf(graph, options)
    }
    const { config, definition, loadWeights } = readModelFile(task, opened)
    const model = defineModel(definition, modelOptions(options, false))
    try {
      await loadWeights(model)
      return imported(config, model)
    } catch (error) {
      model.dispose()
      throw error
    }
  })
}

const modelOptions = ({ threads = 1, precision = 'f32', training, loss }: ImportModelOptions, initialize: boolean) => ({
  threads,
  precision,
  training: training ?? loss !== undefined,
  initialize
})

/** Returns the graph of a file with the constants, sizes and states of the options. */
function preparedGraph(given: OnnxFile, { constants = {}, sizes, states }: ImportModelOptions): ImportedGraph {
  const all = new Map(given.constants)
  let { bytes } = given
  for (const [name, array] of Object.entries(constants)) {
    all.set(name, constantOf(name, array))
    bytes += array.data.byteLength
  }
  const fixed: Readonly<Record<string, number>> = { ...fixedSizes(given), ...sizes }
  const left = given.inputs.filter(({ name }) => !Object.hasOwn(constants, name))
  const inputs = left.map((info) => ({ ...info, shape: sizesOf(info).map((size) => (typeof size === 'string' ? (fixed[size] ?? size) : size)) })) // prettier-ignore
  const file: OnnxFile = { ...given, bytes, constants: all, inputs }
  checkSupported(file)
  if (states) checkStates(file, states)
  return { file, ports: portsOf(file), states: states ?? connectedStates(file) }
}

/** Returns a graph as the definition of a model. */
function definitionOf(graph: ImportedGraph, { targets, loss }: ImportModelOptions): ModelDefinition {
  const { inputs } = graph.ports
  const specs = inputs.map(({ key, dtype, shape }): [string, InputSpec] => [key, { dtype, shape }])
  return {
    name: IMPORTED_TASK,
    config: {},
    inputs: Object.fromEntries(specs),
    forward(symbols) {
      const tensors = new Map(inputs.map(({ name, key }) => [name, symbols[key]!]))
      return recordGraph(graph, { tensors, carries: false }).outputs
    },
    ...(targets && { targets }),
    ...(loss && { loss })
  }
}

function imported({ graph, values }: SavedGraph, model: Model): ImportedModel {
  const { inputs, outputs } = graph.ports
  let steps: SessionModel | null = null
  let kinds: Readonly<Record<string, SizeKind>> | null = null
  const dispose = () => model.dispose()
  const runner = new GraphRunner(graph.ports, model)
  return {
    model,
    inputs,
    outputs,
    states: graph.states,
    get sizes() {
      return (kinds ??= sizeKinds(graph, model))
    },
    run: (arrays) => runner.run(readArrays(arrays, 'the inputs')),
    session(options) {
      steps ??= sessionModel(graph, model)
      return createSession(steps, options)
    },
    async save(path) {
      await assertOutputs([filled(path, 'the path')], [])
      const config = graphToJson(graph, values)
      await writeCheckpoint(path, { task: IMPORTED_TASK, config, progress: {}, weights: model.parameters.list() })
    },
    dispose,
    [Symbol.dispose]: dispose
  }
}
