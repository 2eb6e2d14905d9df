// ONNX files as plain records: nodes with their attributes, tensors of constants, inputs and outputs. Refused: external data, sparse tensors,
// functions, subgraphs, types of elements that no model of recurrent layers has, and sizes that are not those of the file.

import { expected, type GatecellError } from '../../errors.js'
import { converted, floatsAt } from './raw-floats.js'
import { elementCount, quoted } from '../../io/safetensors/dtypes.js'
import { MessageReader, type WireField } from '../bytes/protobuf-reader.js'

/** A constant: float32 values, or integers (also of booleans). */
export interface OnnxConstant {
  readonly type: 'f32' | 'i64'
  readonly shape: readonly number[]
  readonly data: Float32Array | readonly number[]
}

/** The value of an attribute. */
export type OnnxAttribute = number | string | readonly number[] | readonly string[] | OnnxConstant

/** A node of a graph. */
export interface OnnxNode {
  /** Its name, or one of its operator and its place. */
  readonly name: string
  readonly type: string
  readonly domain: string
  /** Names of values; an optional one that is left out is empty. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, OnnxAttribute>
}

/** An input or output: a size is a number, the name of a free size, or null. */
export interface OnnxValueInfo {
  readonly name: string
  /** Number of the type of elements in ONNX. */
  readonly type: number
  readonly shape: readonly (number | string | null)[]
}

/** A model. */
export interface OnnxFile {
  readonly path: string
  /** Bytes of the file. */
  readonly bytes: number
  /** Version of the operators. */
  readonly operators: number
  readonly producer: string
  readonly nodes: readonly OnnxNode[]
  readonly constants: ReadonlyMap<string, OnnxConstant>
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
}

const MAX_NODES = 2 ** 13
/** Most inputs, and most outputs, of a graph. */
export const MAX_PORTS = 2 ** 10
/** Most dimensions of a tensor. */
export const MAX_RANK = 8
/** Most integers of all constants of a file, which take more memory than their bytes. */
const MAX_NUMBERS = 2 ** 20
const types = { 1: 'F32', 7: 'I64', 6: 'I32', 9: 'BOOL', 10: 'F16', 16: 'BF16', 11: 'F64' } as const

/**
 * Returns the model of a file's bytes, which belong to the result: float32 values stay in their memory, and move to an aligned place. Throws
 * ERR_FILE_FORMAT, and ERR_UNSUPPORTED by name for external data and other types.
 */
export function readOnnx(bytes: Uint8Array, path: string): OnnxFile {
  return new OnnxReader(path).model(bytes)
}

class OnnxReader {
  readonly #path: string
  readonly #reader: MessageReader
  #integers = 0

  constructor(path: string) {
    this.#path = path
    this.#reader = new MessageReader(path)
  }

  #refuse(what: string, found: string, remedy: string): GatecellError {
    return expected('ERR_UNSUPPORTED', `${what} in ${this.#path}`, found, remedy)
  }

  model(bytes: Uint8Array): OnnxFile {
    const reader = this.#reader
    let [graph, producer, operators]: [Uint8Array | null, string, number] = [null, '', 0]
    for (const field of reader.fields(bytes)) {
      if (field.number === 2) producer = reader.text(field)
      else if (field.number === 7) graph = reader.bytes(field)
      else if (field.number === 8) operators = Math.max(operators, this.#operators(reader.bytes(field)))
      else if (field.number === 25)
        throw this.#refuse('a model without functions', 'functions', 'export it without functions')
    }
    if (!graph || operators === 0) throw reader.wrong('the graph of an ONNX model and its version', 'other bytes')
    if (operators < 7 || operators > 26)
      throw this.#refuse(
        'operators of version 7 to 26',
        `version ${operators}`,
        'export the model with opset_version=17'
      )
    return { path: this.#path, bytes: bytes.length, operators, producer, ...this.#graph(graph) }
  }

  /** Returns the version of the standard operators; 0 for a set of another domain. */
  #operators(bytes: Uint8Array): number {
    let [domain, version] = ['', 0]
    for (const field of this.#reader.fields(bytes)) {
      if (field.number === 1) domain = this.#reader.text(field)
      if (field.number === 2) version = this.#reader.integer(field)
    }
    return domain === '' || domain === 'ai.onnx' ? version : 0
  }

  #graph(bytes: Uint8Array): Pick<OnnxFile, 'nodes' | 'constants' | 'inputs' | 'outputs'> {
    const reader = this.#reader
    const nodes: OnnxNode[] = []
    const constants = new Map<string, OnnxConstant>()
    const [inputs, outputs]: [OnnxValueInfo[], OnnxValueInfo[]] = [[], []]
    for (const field of reader.fields(bytes)) {
      if (field.number === 1) nodes.push(this.#node(reader.bytes(field), nodes.length))
      else if (field.number === 5) {
        const { name, constant } = this.#tensor(reader.bytes(field))
        if (constants.has(name)) throw reader.wrong('one initializer of each name', `two of ${quoted(name)}`)
        constants.set(name, constant)
      } else if (field.number === 11) inputs.push(this.#value(reader.bytes(field)))
      else if (field.number === 12) outputs.push(this.#value(reader.bytes(field)))
      else if (field.number === 15) throw this.#refuse('dense initializers', 'a sparse one', 'export it dense')
      if (nodes.length > MAX_NODES) throw reader.wrong(`at most ${MAX_NODES} nodes`, 'more')
    }
    const open = inputs.filter(({ name }) => !constants.has(name))
    if (Math.max(open.length, outputs.length) > MAX_PORTS)
      throw reader.wrong(`at most ${MAX_PORTS} inputs and ${MAX_PORTS} outputs`, `${open.length} and ${outputs.length}`)
    return { nodes, constants, inputs: open, outputs }
  }

  #node(bytes: Uint8Array, index: number): OnnxNode {
    const reader = this.#reader
    const [inputs, outputs]: [string[], string[]] = [[], []]
    const attributes = new Map<string, OnnxAttribute>()
    let [name, type, domain] = ['', '', '']
    for (const field of reader.fields(bytes)) {
      if (field.number === 1) inputs.push(reader.text(field))
      else if (field.number === 2) outputs.push(reader.text(field))
      else if (field.number === 3) name = reader.text(field)
      else if (field.number === 4) type = reader.text(field)
      else if (field.number === 7) domain = reader.text(field)
      else if (field.number === 5) {
        const { name: key, value } = this.#attribute(reader.bytes(field))
        attributes.set(key, value)
      }
    }
    return {
      name: name || `${type} ${index}`,
      type,
      domain: domain === 'ai.onnx' ? '' : domain,
      inputs,
      outputs,
      attributes
    }
  }

  #attribute(bytes: Uint8Array): { name: string; value: OnnxAttribute } {
    const reader = this.#reader
    let name = ''
    let value: OnnxAttribute | null = null
    const [numbers, texts]: [number[], string[]] = [[], []]
    let type = 0
    for (const field of reader.fields(bytes)) {
      if (field.number === 1) name = reader.text(field)
      else if (field.number === 2) value = reader.float(field)
      else if (field.number === 3) value = reader.integer(field)
      else if (field.number === 4) value = reader.text(field)
      else if (field.number === 5) value = this.#tensor(reader.bytes(field)).constant
      else if (field.number === 7) numbers.push(...this.#floats(field))
      else if (field.number === 8) numbers.push(...reader.integers(field, 1024))
      else if (field.number === 9) texts.push(reader.text(field))
      else if (field.number === 20) type = reader.integer(field)
      else if (field.number === 6 || field.number === 11) throw this.#refuse(`attributes without graphs`, `the graph ${quoted(name)}`, 'export the model without If, Loop and Scan') // prettier-ignore
    }
    if (type === 6 || type === 7) return { name, value: numbers }
    if (type === 8) return { name, value: texts }
    return {
      name,
      value: value ?? (type === 2 || type === 1 ? 0 : type === 3 ? '' : numbers.length > 0 ? numbers : texts)
    }
  }

  #floats(field: WireField): number[] {
    const bytes = this.#reader.bytes(field)
    if (bytes.length % 4 !== 0 || bytes.length > 4096)
      throw this.#reader.wrong('at most 1024 floats of an attribute', `${bytes.length} bytes`)
    return Array.from(new Float32Array(Uint8Array.from(bytes).buffer))
  }

  #value(bytes: Uint8Array): OnnxValueInfo {
    const reader = this.#reader
    let [name, type] = ['', 0]
    const shape: (number | string | null)[] = []
    const inside = (parts: Uint8Array, number: number) =>
      [...reader.fields(parts)].filter((field) => field.number === number)
    for (const field of reader.fields(bytes)) {
      if (field.number === 1) name = reader.text(field)
      if (field.number !== 2) continue
      for (const tensor of inside(reader.bytes(field), 1))
        for (const part of reader.fields(reader.bytes(tensor))) {
          if (part.number === 1) type = reader.integer(part)
          if (part.number !== 2) continue
          for (const dim of inside(reader.bytes(part), 1)) {
            const [size] = reader.fields(reader.bytes(dim))
            shape.push(size === undefined ? null : size.number === 1 ? reader.integer(size) : reader.text(size))
          }
        }
    }
    return { name, type, shape }
  }

  #tensor(bytes: Uint8Array): { name: string; constant: OnnxConstant } {
    const reader = this.#reader
    const shape: number[] = []
    let [type, name] = [0, '']
    let raw: Uint8Array | null = null
    let floats: Float32Array | null = null
    const integers: number[] = []
    for (const field of reader.fields(bytes)) {
      if (field.number === 1) {
        shape.push(...reader.integers(field, MAX_RANK))
        if (shape.length > MAX_RANK) throw reader.wrong(`at most ${MAX_RANK} dimensions of a tensor`, 'more')
      } else if (field.number === 2) type = reader.integer(field)
      else if (field.number === 4) floats = this.#packedFloats(reader.bytes(field))
      else if (field.number === 5 || field.number === 7) {
        const more = reader.integers(field, MAX_NUMBERS)
        this.#count(more.length)
        for (const one of more) integers.push(one)
      } else if (field.number === 8) name = reader.text(field)
      else if (field.number === 9) raw = reader.bytes(field)
      else if (field.number === 13 || (field.number === 14 && reader.integer(field) === 1))
        throw this.#refuse(
          'tensors inside the file',
          `external data of ${quoted(name)}`,
          'save the model with save_as_external_data=False'
        )
    }
    const dtype = types[type as keyof typeof types] as (typeof types)[keyof typeof types] | undefined
    if (dtype === undefined)
      throw this.#refuse(
        `float, integer or boolean elements of ${quoted(name)}`,
        `ONNX type ${type}`,
        'convert the model to float32'
      )
    const count = elementCount(shape)
    if (shape.some((size) => size < 0) || count < 0)
      throw reader.wrong(`a shape of ${quoted(name)}`, `[${shape.join(', ')}]`)
    const data = raw ? this.#raw(raw, dtype, count, name) : (floats ?? integers)
    if (data.length !== count) throw reader.wrong(`${count} elements of ${quoted(name)}`, `${data.length}`)
    const isFloat = dtype !== 'I64' && dtype !== 'I32' && dtype !== 'BOOL'
    if (isFloat && !(data instanceof Float32Array) && count > 0)
      throw this.#refuse(`raw data of ${quoted(name)}`, 'numbers one by one', 'save the model again with onnx.save')
    return {
      name,
      constant: { type: isFloat ? 'f32' : 'i64', shape, data: isFloat && count === 0 ? new Float32Array(0) : data }
    }
  }

  #packedFloats(bytes: Uint8Array): Float32Array {
    if (bytes.length % 4 !== 0) throw this.#reader.wrong('whole floats', `${bytes.length} bytes`)
    return floatsAt(bytes)
  }

  #count(integers: number): void {
    this.#integers += integers
    if (this.#integers > MAX_NUMBERS) throw this.#reader.wrong(`at most ${MAX_NUMBERS} integers of constants`, 'more')
  }

  #raw(
    bytes: Uint8Array,
    dtype: 'F32' | 'I64' | 'I32' | 'BOOL' | 'F16' | 'BF16' | 'F64',
    count: number,
    name: string
  ): Float32Array | number[] {
    const width = { F32: 4, I64: 8, I32: 4, BOOL: 1, F16: 2, BF16: 2, F64: 8 }[dtype]
    if (bytes.length !== count * width)
      throw this.#reader.wrong(`${count * width} bytes of ${quoted(name)}`, `${bytes.length}`)
    if (dtype === 'F32') return floatsAt(bytes)
    if (dtype === 'F64' || dtype === 'F16' || dtype === 'BF16') return converted(name, dtype, bytes)
    this.#count(count)
    if (dtype === 'BOOL') return Array.from(bytes)
    const { buffer } = Uint8Array.from(bytes)
    if (dtype === 'I32') return Array.from(new Int32Array(buffer))
    return Array.from(new BigInt64Array(buffer), Number)
  }
}
