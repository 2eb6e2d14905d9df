// The graph of an imported model as JSON in the configuration of its model file, and back. Weights are tensors of the file, so the JSON has only
// their shapes; other constants are in it, floats by their bits. On reading everything is checked, as in a file of ONNX.

import {
  choice,
  filled,
  integer,
  list,
  number,
  object,
  optional,
  record,
  string,
  type Check
} from '../../check/index.js'
import { expected, GatecellError } from '../../errors.js'
import type { JsonObject, JsonValue } from '../../io/json.js'
import { elementCount, quoted } from '../../io/safetensors/dtypes.js'
import { weightOnly } from './held-constants.js'
import { portsOf } from './ports.js'
import { MAX_PORTS, MAX_RANK, type OnnxAttribute, type OnnxConstant, type OnnxFile, type OnnxNode, type OnnxValueInfo } from './read.js' // prettier-ignore
import { checkSupported, type ImportedGraph } from './record.js'

/** The name of the task in model files of imported models. */
export const IMPORTED_TASK = 'imported'

type StoredConstant = { type: 'f32' | 'i64'; shape: number[]; data?: string | number[] }
type StoredAttribute = number | string | number[] | string[] | StoredConstant
interface StoredGraph {
  operators: number
  producer: string
  nodes: { name: string; type: string; domain: string; inputs: string[]; outputs: string[]; attributes: Record<string, StoredAttribute> }[] // prettier-ignore
  constants: (StoredConstant & { name: string })[]
  inputs: { name: string; type: number; shape: (number | string | null)[] }[]
  outputs: { name: string; type: number; shape: (number | string | null)[] }[]
  states: Record<string, string>
}

const MAX_NODES = 2 ** 14
const MAX_NAMES = 2 ** 16
const MAX_NUMBERS = 2 ** 20

function storedConstant({ type, shape, data }: OnnxConstant): StoredConstant {
  if (!(data instanceof Float32Array)) return { type, shape: [...shape], data: [...data] }
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return { type, shape: [...shape], data: bytes.toString('base64') }
}

function storedAttribute(value: OnnxAttribute): StoredAttribute {
  if (typeof value === 'number' || typeof value === 'string') return value
  return 'data' in value ? storedConstant(value) : ([...value] as number[] | string[])
}

/**
 * Returns the graph as JSON. `values`: the names of the constants whose values the graph itself reads; those of others are weights, which are not
 * part of it.
 */
export function graphToJson({ file, states }: ImportedGraph, values: ReadonlySet<string>): JsonObject {
  const used = new Set(file.nodes.flatMap(({ inputs }) => inputs))
  const constants = [...file.constants].filter(([name]) => used.has(name))
  const info = ({ name, type, shape }: OnnxValueInfo) => ({ name, type, shape: [...shape] })
  const stored: StoredGraph = {
    operators: file.operators,
    producer: file.producer,
    nodes: file.nodes.map(({ name, type, domain, inputs, outputs, attributes }) => {
      const entries = [...attributes].map(([key, value]) => [key, storedAttribute(value)] as const)
      return { name, type, domain, inputs: [...inputs], outputs: [...outputs], attributes: Object.fromEntries(entries) }
    }),
    constants: constants.map(([name, constant]) =>
      values.has(name)
        ? { name, ...storedConstant(constant) }
        : { name, type: constant.type, shape: [...constant.shape] }
    ),
    inputs: file.inputs.map(info),
    outputs: file.outputs.map(info),
    states: { ...states }
  }
  return stored as unknown as JsonObject
}

/** A graph that was read, and the names of its constants with values; the others are weights of the model. */
export interface SavedGraph {
  readonly graph: ImportedGraph
  readonly values: ReadonlySet<string>
}

const shapeOf = list(integer(0, 2 ** 31 - 1), 0, MAX_RANK)
const either =
  <A, B>(first: Check<A>, isFirst: (value: unknown) => boolean, second: Check<B>): Check<A | B> =>
  (value, name) =>
    isFirst(value) ? first(value, name) : second(value, name)
const isText = (value: unknown) => typeof value === 'string'
const integers = list(integer(-Number.MAX_SAFE_INTEGER), 0, MAX_NUMBERS)
const constantFields = {
  type: choice('f32', 'i64'),
  shape: shapeOf,
  data: optional(either(string, isText, integers))
}
const readConstant = object<StoredConstant>(constantFields)
const isTexts = (value: unknown) => Array.isArray(value) && isText(value[0])
const readLists = either(list(string, 0, 1024), isTexts, list(number(), 0, 1024))
const readAttribute: Check<StoredAttribute> = either(
  either(string, isText, number()),
  (value) => typeof value !== 'object',
  either(readLists, Array.isArray, readConstant)
)
const names = list(string, 0, MAX_NAMES)
const size: Check<number | string | null> = (value, name) =>
  value === null ? null : either(string, isText, integer(0, 2 ** 31 - 1))(value, name)
const readValue = object<StoredGraph['inputs'][number]>({
  name: string,
  type: integer(0, 64),
  shape: list(size, 0, MAX_RANK)
})
const readGraph = object<StoredGraph>({
  operators: integer(7, 26),
  producer: string,
  nodes: list(
    object<StoredGraph['nodes'][number]>({
      name: filled,
      type: string,
      domain: string,
      inputs: names,
      outputs: names,
      attributes: record(readAttribute)
    }),
    0,
    MAX_NODES
  ),
  constants: list(object<StoredGraph['constants'][number]>({ name: string, ...constantFields }), 0, MAX_NAMES),
  inputs: list(readValue, 0, MAX_PORTS),
  outputs: list(readValue, 0, MAX_PORTS),
  states: record(string)
})

/**
 * Reads the configuration of a model file of `bytes` bytes. Throws ERR_FILE_FORMAT for one that `graphToJson` does not write, and ERR_UNSUPPORTED
 * for operators that an ONNX file may not have either.
 */
export function graphFromJson(json: JsonObject, path: string, bytes: number): SavedGraph {
  const wrong = (what: string, found: string) =>
    expected('ERR_FILE_FORMAT', `${what} in ${path}`, found, 'import the model again')
  const stored = readStored(json, path)
  let integersLeft = MAX_NUMBERS
  const constantOf = ({ type, shape, data }: StoredConstant, name: string): OnnxConstant => {
    const count = elementCount(shape)
    const described = `${quoted(name)} of type ${type} and shape [${shape.join(', ')}]`
    if (data === undefined && type === 'f32' && count >= 0) return weightOnly(shape, name, path)
    if (type === 'f32' && typeof data === 'string') {
      const raw = Buffer.from(data, 'base64')
      const isWhole = raw.length === 4 * count && raw.toString('base64') === data
      if (isWhole) return { type, shape, data: new Float32Array(Uint8Array.from(raw).buffer) }
    }
    if (type === 'i64' && typeof data === 'object' && data.length === count && (integersLeft -= count) >= 0)
      return { type, shape, data }
    throw wrong(`the values of the constant ${described}`, 'others')
  }
  const constants = new Map<string, OnnxConstant>()
  for (const { name, ...constant } of stored.constants) {
    if (constants.has(name)) throw wrong('one constant of each name', `two of ${quoted(name)}`)
    constants.set(name, constantOf(constant, name))
  }
  const attributesOf = (attributes: Record<string, StoredAttribute>, node: string) =>
    new Map(
      Object.entries(attributes).map(([key, value]): [string, OnnxAttribute] => [
        key,
        typeof value === 'object' && !Array.isArray(value) ? constantOf(value, `${node}.${key}`) : value
      ])
    )
  const nodes = stored.nodes.map((node): OnnxNode => ({ ...node, attributes: attributesOf(node.attributes, node.name) })) // prettier-ignore
  const { operators, producer, inputs, outputs, states } = stored
  const file: OnnxFile = { path, bytes, operators, producer, nodes, constants, inputs, outputs }
  checkSupported(file)
  const isPort = (ports: readonly OnnxValueInfo[], name: string) => ports.some((port) => port.name === name)
  for (const [input, output] of Object.entries(states))
    if (!isPort(inputs, input) || !isPort(outputs, output))
      throw wrong('states that are inputs and outputs', `${quoted(input)} and ${quoted(output)}`)
  const values = new Set(stored.constants.filter(({ data }) => data !== undefined).map(({ name }) => name))
  return { graph: { file, ports: portsOf(file), states }, values }
}

function readStored(json: JsonValue, path: string): StoredGraph {
  try {
    return readGraph(json, 'the graph')
  } catch (cause) {
    if (!(cause instanceof GatecellError)) throw cause
    const what = `the graph of an imported model in ${path}`
    throw expected('ERR_FILE_FORMAT', what, 'another configuration', cause.message.replace(/\.$/, ''), cause)
  }
}
