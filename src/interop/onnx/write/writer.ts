// The state of a model of ONNX that is written: nodes, constants, and the names of tensors.

import type { OpRecord, Tensor } from '../../../graph/graph.js'
import { onnxNode, onnxTensor, onnxTypes, type OnnxAttributeValue, type OnnxMessage } from '../../../io/onnx.js'
import type { Size, SizedRecording } from './sizes.js'

/** The values of a parameter. */
export interface WeightValues {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

type Attributes = Readonly<Record<string, OnnxAttributeValue>>

/** Returns whether two sizes are equal for all dims. */
export const sameSize = (a: Size | undefined, b: Size | undefined): boolean =>
  a?.factor === b?.factor && [...(a?.dims ?? [])].sort().join() === [...(b?.dims ?? [])].sort().join()

/** Writes nodes. */
export class OnnxWriter {
  readonly nodes: OnnxMessage[] = []
  readonly initializers: OnnxMessage[] = []
  readonly recording: SizedRecording
  /** Names of tensors; those of ops get theirs when they are first used. */
  readonly #names = new Map<Tensor, string>()
  /** States [B, H] as the tensors [1, B, H] that recurrent nodes take and return. */
  readonly #rows = new Map<Tensor, string>()
  readonly #taken = new Set<string>()
  /** Names of parameters by their forms. */
  readonly #forms = new Map<string, string>()
  readonly #parameters: ReadonlyMap<number, string>
  readonly #weight: (name: string) => WeightValues

  constructor(recording: SizedRecording, weight: (name: string) => WeightValues) {
    this.recording = recording
    this.#weight = weight
    this.#parameters = new Map(recording.graph.parameters.map(({ name }, i) => [i, name]))
  }

  /** Returns a name that is not taken. */
  free(wanted: string): string {
    let name = wanted
    for (let use = 2; this.#taken.has(name); use++) name = `${wanted}_${use}`
    this.#taken.add(name)
    return name
  }

  /** Gives a tensor a name. */
  call(tensor: Tensor, name: string): void {
    this.#names.set(tensor, name)
  }

  /** Returns the name of a tensor: a parameter becomes a constant, and a state of a recurrent node loses its first dimension. */
  nameOf(tensor: Tensor): string {
    const known = this.#names.get(tensor)
    if (known !== undefined) return known
    const name = this.#made(tensor)
    this.#names.set(tensor, name)
    return name
  }

  #made(tensor: Tensor): string {
    const parameter = this.parameterOf(tensor)
    if (parameter !== null) return this.addWeight(parameter, this.weight(parameter))
    const values = this.recording.graph.constants.get(tensor)
    if (values) return this.floats(values)
    const rows = this.#rows.get(tensor)
    return rows === undefined ? this.free(`t${tensor.id}`) : this.add('Squeeze', [rows, this.integers([0])])
  }

  /** Returns the name of a parameter; null for other tensors. */
  parameterOf(tensor: Tensor): string | null {
    return this.#parameters.get(this.recording.graph.tensors[tensor.id]!.parameter) ?? null
  }

  /** Returns the values of a parameter. */
  weight(parameter: string): WeightValues {
    return this.#weight(parameter)
  }

  /** Adds the values of a parameter in a form, unless they are there, and returns their name: the first form has that of the parameter. */
  addWeight(parameter: string, { shape, data }: WeightValues, form = 'as it is'): string {
    const key = `${form} ${parameter}`
    const known = this.#forms.get(key)
    if (known !== undefined) return known
    const name = this.free(parameter)
    this.#forms.set(key, name)
    this.initializers.push(onnxTensor(name, onnxTypes.float, shape, data))
    return name
  }

  /** Returns the name of a constant of floats; one number is a scalar. */
  floats(values: readonly number[], isScalar = false): string {
    const name = this.free(isScalar ? `value_${values[0]}` : 'values')
    this.initializers.push(onnxTensor(name, onnxTypes.float, isScalar ? [] : [values.length], Float32Array.from(values))) // prettier-ignore
    return name
  }

  /** Returns the name of a constant integer. */
  integer(value: number): string {
    const name = `integer_${value}`
    if (!this.#taken.has(name))
      this.initializers.push(onnxTensor(name, onnxTypes.int64, [], BigInt64Array.of(BigInt(value))))
    this.#taken.add(name)
    return name
  }

  /** Returns the name of a constant list of integers, equal ones once. */
  integers(values: readonly (number | bigint)[]): string {
    const name = `integers_${values.join('_').replaceAll('-', 'm')}`
    if (!this.#taken.has(name))
      this.initializers.push(onnxTensor(name, onnxTypes.int64, [values.length], BigInt64Array.from(values.map(BigInt))))
    this.#taken.add(name)
    return name
  }

  /** Adds a node with one output, which gets a name, and returns that name. */
  add(
    type: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    output = this.free(type.toLowerCase())
  ): string {
    // prettier-ignore
    this.nodes.push(onnxNode(type, inputs, [output], attributes))
    return output
  }

  /** Adds a node whose output is the output of an op. */
  result(op: OpRecord, type: string, inputs: readonly string[], attributes: Attributes = {}): void {
    this.add(type, inputs, attributes, this.nameOf(op.outputs[0]!))
  }

  /** Adds a node with several outputs. */
  addNode(type: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes): void {
    this.nodes.push(onnxNode(type, inputs, outputs, attributes))
  }

  /** Sets the name of the tensor [1, B, H] of a state [B, H], and returns it. */
  setRows(state: Tensor, name: string): string {
    this.#rows.set(state, name)
    return name
  }

  /** Returns the name of the tensor [1, B, H] of a state [B, H], which a node makes of others. */
  rowsOf(state: Tensor): string {
    return this.#rows.get(state) ?? this.setRows(state, this.add('Unsqueeze', [this.nameOf(state), this.integers([0])]))
  }

  /** Returns the name of a list of integers that are sizes. */
  sizes(sizes: readonly Size[]): string {
    if (sizes.every(({ dims }) => dims.length === 0)) return this.integers(sizes.map(({ factor }) => factor))
    return this.add('Concat', sizes.map((size) => this.#size(size)), { axis: 0 }) // prettier-ignore
  }

  /** Returns the name of one size as a list of one integer, from the shapes of the inputs. */
  #size({ factor, dims }: Size): string {
    let name = this.integers([factor])
    for (const dim of dims) {
      const own = this.#dim(dim)
      name = name === 'integers_1' ? own : this.add('Mul', [name, own])
    }
    return name
  }

  #dim(dim: string): string {
    const isDim = ({ factor, dims }: Size) => factor === 1 && dims.length === 1 && dims[0] === dim
    const { inputs, shapeOf } = this.recording
    const input = Object.values(inputs).find((tensor) => shapeOf(tensor).some(isDim))!
    const axis = shapeOf(input).findIndex(isDim)
    return this.add('Gather', [this.add('Shape', [this.nameOf(input)]), this.integers([axis])])
  }
}
