// The recorder: the recording of a model's function, a flat list of op records between tensors. It has no memory and runs nothing.

import { anything, boolean, choice, list, made, nullable, number, object, optional, string } from '../check/index.js'
import { type Check } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import type { Initializer } from './initializers.js'
import { dtypes, opcodes, type OpName, type Role } from './opcodes.js'
import { ParameterSpecs, type ParameterSpec } from './parameter-specs.js'
import { checkShape, sameShape, showShape, type DType, type Shape } from './shape.js'

/** A value of a graph. Rank 1 to 4, row-major; sequences are time-major [T, B, ...]. */
export interface Tensor {
  readonly graph: Graph
  readonly id: number
  readonly dtype: DType
  readonly shape: Shape
}

/** Every tensor that a graph made: what looks like one is none. */
export const tensors = new WeakSet<Tensor>()

export const isTensor = (value: unknown): value is Tensor =>
  typeof value === 'object' && value !== null && tensors.has(value as Tensor)

export const tensor: Check<Tensor> = made('a tensor', tensors)
/** A tensor that may be left out, by undefined or null. */
export const tensorOrNull = optional(nullable(tensor))

export interface TensorRecord extends Tensor {
  role: Role
  /** Parameter: its position in the store's order. */
  parameter: number
}

export interface OpRecord {
  readonly name: OpName
  /** null: an optional input that is absent. */
  readonly inputs: readonly (Tensor | null)[]
  readonly outputs: readonly Tensor[]
  /** Outputs that the op may leave out when nobody reads them (an LSTM's final state). */
  readonly optionalOutputs: readonly boolean[]
  readonly attributes: readonly number[]
}

export interface GraphOptions {
  /** True: dropout layers record their op; false: they pass their input through. */
  training?: boolean
  /** Parameters that exist already, in the order of their store: others are refused. */
  parameters?: readonly ParameterSpec[]
}

const checkDtype = choice(...(Object.keys(dtypes) as DType[]))
const checkOp = choice(...(Object.keys(opcodes) as OpName[]))
const readValues = list(number())
const readInputs = list(nullable(tensor))
/** Attributes are doubles of the core, which checks their ranges. */
const readAttributes = list(number(-Infinity, Infinity))
const readOutputs = list(
  object<{ dtype: DType; shape: Shape; optional?: boolean }>({
    dtype: checkDtype,
    shape: anything, // checkShape has its form
    optional: optional(boolean)
  })
)

/** A graph under construction. Layers and ops append to it through the tensors they get. */
export class Graph {
  readonly training: boolean
  /** @internal The recorded tensors, for the compiler. */
  readonly tensors: TensorRecord[] = []
  /** @internal The recorded ops, for the compiler. */
  readonly ops: OpRecord[] = []
  readonly inputs = new Map<string, Tensor>()
  readonly states = new Map<string, Tensor>()
  readonly outputs = new Map<string, Tensor>()
  /** @internal Tensors whose values are part of the recording. */
  readonly constants = new Map<Tensor, readonly number[]>()
  /** @internal States and the tensors that they take over after a run. */
  readonly carries: { from: Tensor; to: Tensor }[] = []
  readonly #specs: ParameterSpecs
  readonly #parameterTensors = new Map<number, Tensor>()
  readonly #layers = new Set<string>()
  #streams = 0

  constructor(options: GraphOptions = {}) {
    this.training = options.training ?? true
    this.#specs = new ParameterSpecs(options.parameters)
  }

  /** Its parameters in the order of their store. */
  get parameters(): readonly ParameterSpec[] {
    return this.#specs.all
  }

  /** Whether `value` is a graph; runs no code of it. */
  static is(value: unknown): value is Graph {
    return typeof value === 'object' && value !== null && #specs in value
  }

  #tensor(dtype: DType, shape: Shape, role: Role, parameter = -1): TensorRecord {
    const tensor: TensorRecord = { graph: this, id: this.tensors.length, dtype, shape, role, parameter }
    tensors.add(tensor)
    this.tensors.push(tensor)
    return tensor
  }

  #checkFree(map: Map<string, Tensor>, kind: string, name: string): void {
    if (typeof name !== 'string' || name === '') {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected a name for the ${kind} but received ${show(name)}: pass a string that is not empty.`
      )
    }
    if (map.has(name)) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected one ${kind} called "${name}" but it is named twice: give each its own name.`
      )
    }
  }

  /** A tensor that the caller writes before a run. */
  input(name: string, shape: Shape, dtype: DType): Tensor {
    this.#checkFree(this.inputs, 'input', name)
    checkDtype(dtype, `dtype of input "${name}"`)
    const tensor = this.#tensor(dtype, checkShape(shape, `input "${name}"`), 'host')
    this.inputs.set(name, tensor)
    return tensor
  }

  /** A float32 tensor of shape [values.length] that holds `values` in every run. */
  constant(values: readonly number[]): Tensor {
    const copy = readValues(values, 'the values of a constant')
    const tensor = this.#tensor('f32', checkShape([copy.length], 'a constant'), 'host')
    this.constants.set(tensor, Object.freeze(copy))
    return tensor
  }

  /** A tensor that starts as zeros and, once `carry` names a successor, holds its value after each run. */
  state(name: string, shape: Shape): Tensor {
    this.#checkFree(this.states, 'state', name)
    const tensor = this.#tensor('f32', checkShape(shape, `state "${name}"`), 'host')
    this.states.set(name, tensor)
    return tensor
  }

  /**
   * Makes the value that `from` has after each run the value of the state `to` in the next run. All carries of a graph apply at
   * once, so their order does not matter. A run that fails, or a training step that is refused because its loss or gradient is
   * not finite, leaves the states as they were. Throws ERR_INVALID_ARGUMENT if `to` is no state or is carried already, and
   * ERR_INVALID_SHAPE if the shapes differ.
   */
  carry(from: Tensor, to: Tensor): void {
    this.own(from, 'carry')
    this.own(to, 'carry')
    if (![...this.states.values()].includes(to)) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        'Expected a tensor made by graph.state() as the target of a carry but received another one: carry into a state.'
      )
    }
    if (!sameShape(from.shape, to.shape) || from.dtype !== to.dtype) {
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected a carried value of shape ${showShape(to.shape)} but received ${showShape(from.shape)}: give the state the shape of the value.`
      )
    }
    this.#checkComputed(from, 'carry')
    if (this.carries.some((carry) => carry.to === to)) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        'Expected one carry for each state but received a second one; carry it once, from the tensor that it should hold.'
      )
    }
    this.carries.push({ from, to })
  }

  /** Makes a tensor readable after each run under `name`. */
  output(name: string, tensor: Tensor): void {
    this.#checkFree(this.outputs, 'output', name)
    this.own(tensor, `output "${name}"`)
    this.#host(tensor, `output "${name}"`)
    this.outputs.set(name, tensor)
  }

  #host(tensor: Tensor, what: string): void {
    this.#checkComputed(tensor, what).role = 'host'
  }

  #checkComputed(tensor: Tensor, what: string): TensorRecord {
    const record = this.tensors[tensor.id]!
    if (record.role === 'parameter') {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected a computed tensor as ${what} but received a parameter: read it from model.parameters.`
      )
    }
    return record
  }

  /**
   * The parameter called `name`: created at its first mention, shared by every later one of the same shape.
   * A model's parameters are those of its first recording; their shapes may not depend on batch or length.
   */
  parameter(name: string, shape: Shape, initialize: Initializer): Tensor {
    const index = this.#specs.find(name, shape, initialize)
    const existing = this.#parameterTensors.get(index)
    if (existing) return existing
    const tensor = this.#tensor('f32', this.parameters[index]!.shape, 'parameter', index)
    this.#parameterTensors.set(index, tensor)
    return tensor
  }

  /** Declares a layer by the prefix of its parameters. Throws ERR_INVALID_ARGUMENT if it exists and `shared`, the use of its weights, is not true. */
  layer(name: string, shared: boolean | undefined): void {
    string(name, 'the name of a layer')
    optional(boolean)(shared, `shared of the layer "${name}"`)
    if (this.#layers.has(name) && shared !== true) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected one layer called "${name}" but there are two: give each a name of its own, or pass shared: true where they are to have the same weights.`
      )
    }
    this.#layers.add(name)
  }

  /** @internal Returns a number for the next random op: the same for the same model whatever the shapes. */
  nextStream(): number {
    return this.#streams++
  }

  /** @internal Throws ERR_INVALID_ARGUMENT unless `tensor` belongs to this graph. */
  own(tensor: Tensor, what: string): void {
    if (!isTensor(tensor) || tensor.graph !== this) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected tensors of one graph for ${what} but received ${isTensor(tensor) ? 'one of another' : show(tensor)}; use only what this call's function was given.`
      )
    }
  }

  /** @internal Appends an op and returns its outputs. The function of `ops` that calls it has checked the shapes. */
  record(
    name: OpName,
    inputs: readonly (Tensor | null)[],
    outputs: readonly { dtype: DType; shape: Shape; optional?: boolean }[],
    attributes: readonly number[] = []
  ): Tensor[] {
    checkOp(name, 'the op')
    const read = readInputs(inputs, `the inputs of ${name}`)
    for (const input of read) if (input) this.own(input, name)
    const numbers = readAttributes(attributes, `the attributes of ${name}`)
    const shaped = readOutputs(outputs, `the outputs of ${name}`).map(({ dtype, shape, optional }) => {
      return { dtype, shape: checkShape(shape, `the output of ${name}`), optional: optional === true }
    })
    const made = shaped.map(({ dtype, shape }) => this.#tensor(dtype, shape, 'internal'))
    const optionalOutputs = shaped.map(({ optional }) => optional)
    this.ops.push({ name, inputs: read, outputs: made, optionalOutputs, attributes: numbers })
    return made
  }
}

export const checkGraph: Check<Graph> = made<Graph>('a graph', { has: (value) => Graph.is(value) })
