// The recorder: the recording of a model's function, a flat list of op records between tensors. It has no memory and runs nothing.

import { anything, boolean, choice, list, made, nullable, number, object, optional, string } from '../check/index.js'
import { type Check } from '../check/index.js'
import { expected, show } from '../errors.js'
import type { Initializer } from './initializers.js'
import { dtypes, opcodes, type OpName, type Role } from './opcodes.js'
import { ParameterSpecs, type ParameterSpec } from './parameter-specs.js'
import { checkShape, sameShape, showShape, type DType, type Shape } from './shape.js'
import { namesOf } from './tensor-names.js'

/** A value of a graph: rank 1 to 4, row-major; sequences are time-major, [T, B, ...]. */
export interface Tensor {
  readonly graph: Graph
  /** Position in the graph's list of tensors. */
  readonly id: number
  readonly dtype: DType
  readonly shape: Shape
}

/** Every tensor that a graph made. An object of the same form that is not in this set is refused. */
export const tensors = new WeakSet<Tensor>()

/** Returns whether `value` is a tensor that a graph made. */
export const isTensor = (value: unknown): value is Tensor =>
  typeof value === 'object' && value !== null && tensors.has(value as Tensor)

/** Checks that a value is a tensor. */
export const tensor: Check<Tensor> = made('a tensor', tensors)
/** Checks that a value is a tensor, undefined or null. */
export const tensorOrNull = optional(nullable(tensor))

/** A tensor as a graph records it. */
export interface TensorRecord extends Tensor {
  role: Role
  /** Position of a parameter in the order of the store; -1 for other tensors. */
  parameter: number
}

/** An op as a graph records it. */
export interface OpRecord {
  readonly name: OpName
  /** null: an optional input that is absent. */
  readonly inputs: readonly (Tensor | null)[]
  readonly outputs: readonly Tensor[]
  /** Whether the op may leave an output out if it is not read, as the final state of an LSTM. */
  readonly optionalOutputs: readonly boolean[]
  readonly attributes: readonly number[]
}

/** Options of `Graph`. */
export interface GraphOptions {
  /** Whether dropout layers record an op; otherwise they return their input. Default true. */
  training?: boolean
  /** Existing parameters in the order of their store; others are refused. Default: none exist, and any are added. */
  parameters?: readonly ParameterSpec[]
}

const checkDtype = choice(...(Object.keys(dtypes) as DType[]))
const checkOp = choice(...(Object.keys(opcodes) as OpName[]))
const readValues = list(number())
const readInputs = list(nullable(tensor))
/** Attributes are doubles; the core checks their ranges. */
const readAttributes = list(number(-Infinity, Infinity))
const readOutputs = list(
  object<{ dtype: DType; shape: Shape; optional?: boolean }>({
    dtype: checkDtype,
    shape: anything, // checkShape has its form
    optional: optional(boolean)
  })
)

const PARAMETER_REMEDY = 'read it from model.parameters'
/** A recording of a model's function. Layers and ops append to the graph of their input tensors. */
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

  /** The parameters in the order of their store. */
  get parameters(): readonly ParameterSpec[] {
    return this.#specs.all
  }

  /** Returns whether `value` is a graph. Runs no code of it. */
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
      throw expected('ERR_INVALID_ARGUMENT', `a name for the ${kind}`, show(name), 'pass a string that is not empty')
    }
    if (map.has(name)) {
      throw expected('ERR_INVALID_ARGUMENT', `one ${kind} called "${name}"`, 'two', 'give each its own name')
    }
  }

  /** Adds a tensor that the caller writes before a run. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an argument is not valid. */
  input(name: string, shape: Shape, dtype: DType): Tensor {
    this.#checkFree(this.inputs, 'input', name)
    checkDtype(dtype, `dtype of input "${name}"`)
    const tensor = this.#tensor(dtype, checkShape(shape, `input "${name}"`), 'host')
    this.inputs.set(name, tensor)
    return tensor
  }

  /** Adds a float32 tensor of shape [values.length] with the same `values` in every run. */
  constant(values: readonly number[]): Tensor {
    const copy = readValues(values, 'the values of a constant')
    const tensor = this.#tensor('f32', checkShape([copy.length], 'a constant'), 'host')
    this.constants.set(tensor, Object.freeze(copy))
    return tensor
  }

  /** Adds a tensor that is zero in the first run; `carry` sets the tensor from which it takes its value after each run. */
  state(name: string, shape: Shape): Tensor {
    this.#checkFree(this.states, 'state', name)
    const tensor = this.#tensor('f32', checkShape(shape, `state "${name}"`), 'host')
    this.states.set(name, tensor)
    return tensor
  }

  /**
   * Makes the value that `from` has after each run the value of the state `to` in the next run. All carries of a graph apply at
   * once, so their order does not matter. A run that fails, or a training step that is refused because its loss or gradient is
   * not finite, leaves the states as they were. Throws ERR_INVALID_ARGUMENT if `to` is not a state or is carried already, and
   * ERR_INVALID_SHAPE if the shapes differ.
   */
  carry(from: Tensor, to: Tensor): void {
    this.own(from, 'carry')
    this.own(to, 'carry')
    if (![...this.states.values()].includes(to)) {
      const wanted = 'a tensor made by graph.state() as the target of a carry'
      throw expected('ERR_INVALID_ARGUMENT', wanted, 'another one', 'carry into a state')
    }
    if (!sameShape(from.shape, to.shape) || from.dtype !== to.dtype) {
      const wanted = `a carried value of shape ${showShape(to.shape)}`
      throw expected('ERR_INVALID_SHAPE', wanted, showShape(from.shape), 'give the state the shape of the value')
    }
    this.#checkComputed(from, 'carry')
    if (this.carries.some((carry) => carry.to === to)) {
      const remedy = 'carry it once, from the tensor of its next value'
      throw expected('ERR_INVALID_ARGUMENT', 'one carry for each state', 'a second one', remedy)
    }
    this.carries.push({ from, to })
  }

  /** Makes a computed tensor readable after each run under `name`. Throws ERR_INVALID_ARGUMENT if it is a parameter or the name is taken. */
  output(name: string, tensor: Tensor): void {
    this.#checkFree(this.outputs, 'output', name)
    this.own(tensor, `output "${name}"`)
    this.#host(tensor, `output "${name}"`)
    this.outputs.set(name, tensor)
  }

  /**
   * Names a tensor, so that plans, sessions and metrics can read it as an output, and plans its gradient. Returns the tensor. Layers name
   * theirs by themselves. Throws ERR_INVALID_ARGUMENT if the name is empty or taken, or for a parameter or a tensor of another graph.
   * @example
   * const scores = x.graph.name('scores', ops.matmul(queries, keys, { transposeB: true }))
   */
  name(name: string, tensor: Tensor): Tensor {
    this.own(tensor, `the name ${show(name)}`)
    this.#checkComputed(tensor, `the tensor called ${show(name)}`)
    namesOf<Tensor>(this).add(name, tensor, (taken) => this.inputs.has(taken) || this.states.has(taken))
    return tensor
  }

  /**
   * Returns the tensor called `name`: an output of a model's `forward`, a tensor that a layer or `name` has named, an input or a state.
   * Throws ERR_INVALID_ARGUMENT with all names if there is none.
   * @example
   * graph.output('cells', graph.tensor('lstm.cell_l0'))
   */
  tensor(name: string): Tensor {
    const found = namesOf<Tensor>(this).get(name) ?? this.inputs.get(name) ?? this.states.get(name)
    if (found) return found
    if (this.parameters.some((parameter) => parameter.name === name))
      throw expected('ERR_INVALID_ARGUMENT', 'a computed tensor', `the parameter "${name}"`, PARAMETER_REMEDY)
    const names = this.tensorNames.join(', ')
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `the name of a tensor of the graph: ${names}`,
      show(name),
      'pass one of these'
    )
  }

  /** The names that `tensor` takes. */
  get tensorNames(): readonly string[] {
    return [...new Set([...namesOf(this).all, ...this.inputs.keys(), ...this.states.keys()])]
  }

  #host(tensor: Tensor, what: string): void {
    this.#checkComputed(tensor, what).role = 'host'
  }

  #checkComputed(tensor: Tensor, what: string): TensorRecord {
    const record = this.tensors[tensor.id]!
    if (record.role === 'parameter') {
      throw expected('ERR_INVALID_ARGUMENT', `a computed tensor as ${what}`, 'a parameter', PARAMETER_REMEDY)
    }
    return record
  }

  /**
   * Returns the parameter called `name`, which is created at its first mention and shared by every later one. The parameters of a model are
   * those of its first recording; their shapes must not depend on batch or length. Throws ERR_INVALID_SHAPE if a later mention has another
   * shape or the rank is above 2, and ERR_INVALID_ARGUMENT if the name is not valid or a later recording adds a parameter.
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
      const remedy = 'give each a name of its own, or pass shared: true if they are to have the same weights'
      throw expected('ERR_INVALID_ARGUMENT', `one layer called "${name}"`, 'two', remedy)
    }
    this.#layers.add(name)
  }

  /** @internal Returns the number of the next random op, which does not depend on shapes. */
  nextStream(): number {
    return this.#streams++
  }

  /** @internal Throws ERR_INVALID_ARGUMENT unless `tensor` belongs to this graph. */
  own(tensor: Tensor, what: string): void {
    if (!isTensor(tensor) || tensor.graph !== this) {
      const found = isTensor(tensor) ? 'one of another' : show(tensor)
      const remedy = "use only the tensors of this call's function"
      throw expected('ERR_INVALID_ARGUMENT', `tensors of one graph for ${what}`, found, remedy)
    }
  }

  /** @internal Appends an op and returns its outputs. The functions in ops/ check the shapes before the call. */
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

/** Checks that a value is a graph. */
export const checkGraph: Check<Graph> = made<Graph>('a graph', { has: (value) => Graph.is(value) })
