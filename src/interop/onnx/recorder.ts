// The state of a recording of an ONNX graph: its values, and the constants that become parameters or tensors of our graph.

import { expected, type GatecellError } from '../../errors.js'
import type { Tensor } from '../../graph/graph.js'
import { reshape } from '../../graph/ops/index.js'
import { sizeOf } from '../../graph/shape.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import type { OnnxAttribute, OnnxConstant, OnnxFile, OnnxNode } from './read.js'

/** A value of an ONNX graph: computed when our graph runs, or constant. */
export type OnnxValueOf = Tensor | OnnxConstant

/** Returns whether a value is a constant. */
export function isConstant(value: OnnxValueOf): value is OnnxConstant {
  return 'data' in value
}

/** Returns a name of ONNX as a name of a parameter or dim: letters, digits, "_", "." and "-". */
export function plainName(name: string): string {
  const plain = name
    .replace(/^\/+/, '')
    .replace(/\//g, '.')
    .replace(/[^\w.-]/g, '_')
  return /^[A-Za-z_]/.test(plain) ? plain : `_${plain}`
}

/** Returns the integers of a constant. */
export function integersIn({ data }: OnnxConstant): number[] {
  return Array.from(data as ArrayLike<number>)
}

/** Most elements of all constants that the nodes of a graph compute, next to those of the file: some nodes can ask for any number. */
const MAX_COMPUTED = 2 ** 22

/** The constant whose values a parameter begins with, the form of these values, and the name that it gets if that is free. */
export interface ParameterOwner {
  readonly of: OnnxConstant
  readonly form: string
  readonly name: string
}

/** A recording. */
export class OnnxRecorder {
  readonly file: OnnxFile
  readonly values = new Map<string, OnnxValueOf>()
  /** Numbers of steps and of rows of the sequences that recurrent layers read. */
  readonly sequences: { readonly steps: number; readonly batch: number }[] = []
  readonly carries: boolean
  readonly #any: Tensor
  /** Names of parameters by their constants and forms. */
  readonly #parameters = new Map<OnnxConstant, Map<string, string>>()
  readonly #taken = new Set<string>()
  #bytes = 0
  /** Constants that are not parameters as tensors of our graph. */
  readonly #tensors = new Map<OnnxConstant, Tensor>()
  #computed = 0
  /** Initializers by the constants that were made of them. */
  readonly #names = new Map<OnnxConstant, string>()

  /** `any` is a tensor of the graph to which ops are added; `carries`: whether layers that begin with zeros carry their states from run to run. */
  constructor(file: OnnxFile, any: Tensor, carries: boolean) {
    this.file = file
    this.carries = carries
    this.#any = any
    for (const [name, constant] of file.constants) {
      this.values.set(name, constant)
      this.#names.set(constant, plainName(name))
    }
  }

  /** Returns the error for a node. */
  refuse(node: OnnxNode, what: string, found: string, remedy = 'export the model in another form'): GatecellError {
    return expected(
      'ERR_UNSUPPORTED',
      `${what} for ${node.type} ${quoted(node.name)} of ${this.file.path}`,
      found,
      remedy
    )
  }

  /** Returns an input of a node; null if it is left out. */
  input(node: OnnxNode, index: number): OnnxValueOf | null {
    const name = node.inputs[index] ?? ''
    if (name === '') return null
    const value = this.values.get(name)
    if (value) return value
    throw expected(
      'ERR_FILE_FORMAT',
      `a value before node ${quoted(node.name)} of ${this.file.path}`,
      quoted(name),
      'the file is damaged'
    )
  }

  /** Returns an input that must be there. */
  need(node: OnnxNode, index: number): OnnxValueOf {
    const value = this.input(node, index)
    if (value) return value
    throw this.refuse(node, `input ${index}`, 'none')
  }

  /** Returns an input that must be constant; null if it is left out. */
  constant(node: OnnxNode, index: number): OnnxConstant | null {
    const value = this.input(node, index)
    if (value === null || isConstant(value)) return value
    const remedy = 'give the input its values when the model is imported (constants)'
    throw this.refuse(node, `a constant as input ${index}`, `the tensor ${quoted(node.inputs[index]!)}`, remedy)
  }

  /** Returns an input as a tensor of our graph: an initializer becomes a parameter. */
  tensor(node: OnnxNode, index: number): Tensor {
    const value = this.need(node, index)
    if (!isConstant(value)) return value
    const shape = value.shape.length === 0 ? [1] : value.shape
    const name = this.#names.get(value)
    const flat = shape.length <= 2 ? shape : [shape[0]!, shape.slice(1).reduce((all, size) => all * size, 1)]
    if (name === undefined || value.type !== 'f32') {
      const known = this.#tensors.get(value) ?? reshape(this.#any.graph.constant(integersIn(value)), shape)
      this.#tensors.set(value, known)
      return known
    }
    return shaped(
      this.parameter({ of: value, form: 'as it is', name }, flat, () => value.data as Float32Array),
      shape
    )
  }

  /**
   * Returns the parameter of an owner, which begins with values; they are read only where a model gets first values. Nodes that read one constant in
   * one form share a parameter. If the name is taken, it gets a number.
   */
  parameter(owner: ParameterOwner, shape: readonly number[], values: () => Float32Array): Tensor {
    const forms = this.#parameters.get(owner.of) ?? new Map<string, string>()
    this.#parameters.set(owner.of, forms)
    const name = forms.get(owner.form) ?? this.#newParameter(owner, shape)
    forms.set(owner.form, name)
    return this.#any.graph.parameter(name, shape, (target) => target.set(values()))
  }

  /** Stores an output of a node. Throws ERR_UNSUPPORTED if the constants that nodes have computed take more memory than the file lets expect. */
  setOutput(node: OnnxNode, name: string, value: OnnxValueOf): void {
    const isNew = isConstant(value) && !node.inputs.some((input) => this.values.get(input) === value)
    if (isNew) this.#computed += value.data.length
    const most = MAX_COMPUTED + this.file.bytes
    if (this.#computed > most)
      throw this.refuse(node, `at most ${most} elements of all computed constants`, `${this.#computed}`)
    this.values.set(name, value)
  }

  #newParameter({ name: wanted }: ParameterOwner, shape: readonly number[]): string {
    const base = /^(optimizer|state)\./.test(wanted) ? `_${wanted}` : wanted
    let name = base
    for (let use = 2; this.#taken.has(name); use++) name = `${base}_${use}`
    this.#taken.add(name)
    this.#bytes += 4 * sizeOf(shape)
    const most = 2 * this.file.bytes + 2 ** 24
    if (this.#bytes <= most) return name
    throw expected('ERR_UNSUPPORTED', `at most ${most} bytes of weights in ${this.file.path}`, `${this.#bytes}`, 'let nodes share the output of a layer, not its weights') // prettier-ignore
  }

  /** Adds a state that a layer carries from run to run. */
  state(name: string, shape: readonly number[]): Tensor {
    let free = name
    for (let use = 2; this.#any.graph.states.has(free); use++) free = `${name}_${use}`
    return this.#any.graph.state(free, shape)
  }

  /** Returns the name of the parameters that come from a constant. */
  nameOf(constant: OnnxConstant, node: OnnxNode): string {
    return this.#names.get(constant) ?? `${plainName(node.name)}.weight`
  }
}

/** Returns a tensor in a shape, without an op if it has it. */
export function shaped(x: Tensor, shape: readonly number[]): Tensor {
  return x.shape.join() === shape.join() ? x : reshape(x, shape)
}

/** Returns an attribute as a number. */
export function numberAttribute({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const value = attributes.get(name)
  return typeof value === 'number' ? value : otherwise
}

/** Returns an attribute as integers; null if it is left out. */
export function listAttribute({ attributes }: OnnxNode, name: string): readonly number[] | null {
  const value: OnnxAttribute | undefined = attributes.get(name)
  return Array.isArray(value) && typeof value[0] !== 'string' ? (value as readonly number[]) : null
}
