// The nodes and constants of an ONNX graph that is made of the layers of a Keras model. Sequences are batch-first in Keras and time-first in
// recurrent layers here: a value is transposed only where a layer takes the other order.

import type { OnnxAttribute, OnnxConstant, OnnxNode } from '../onnx/read.js'
import { transposedMatrix } from '../tensors/strided.js'

/** A result of a layer. */
export interface KerasValue {
  readonly name: string
  /** Number of dimensions, with that of the batch. */
  readonly rank: number
  /** Whether dimension 0 is that of time and 1 that of the batch. */
  readonly timeFirst: boolean
}

/** A weight of a layer as float32. */
export interface KerasWeight {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** A graph under construction. */
export class KerasGraph {
  readonly nodes: OnnxNode[] = []
  readonly constants = new Map<string, OnnxConstant>()
  /** Names of nodes that are in use. */
  readonly #names = new Map<string, number>()
  readonly #transposed = new Map<string, string>()

  /** Returns `name`, or with a number if it is in use. */
  unique(name: string): string {
    const count = this.#names.get(name) ?? 0
    this.#names.set(name, count + 1)
    return count === 0 ? name : this.unique(`${name}.${count}`)
  }

  /** Adds a node and returns the names of its outputs. */
  add(
    type: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    outputs = 1
  ): string[] {
    const own = this.unique(`${name}:${type}`)
    const names = Array.from({ length: outputs }, (_, i) => (i === 0 ? own : `${own}:${i}`))
    this.nodes.push({ name, type, domain: '', inputs, outputs: names, attributes: new Map(Object.entries(attributes)) })
    return names
  }

  /** Adds a node with one output and returns its name. */
  one(
    type: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {}
  ): string {
    return this.add(type, name, inputs, attributes)[0]!
  }

  /** Adds weights under a name, which becomes that of the parameter. */
  weight(name: string, shape: readonly number[], data: Float32Array): string {
    this.constants.set(name, { type: 'f32', shape, data })
    return name
  }

  /** Adds integers as an input. */
  integers(values: readonly number[]): string {
    const name = `integers:${values.join(',')}`
    this.constants.set(name, { type: 'i64', shape: [values.length], data: values })
    return name
  }

  /** Adds a number that does not become a parameter. */
  number(name: string, value: number): string {
    return this.one('Constant', name, [], { value: { type: 'f32', shape: [1], data: Float32Array.of(value) } })
  }

  /** Returns a value with dimensions in the wanted order; those without time have only one. */
  ordered(value: KerasValue, timeFirst: boolean): string {
    if (value.timeFirst === timeFirst || value.rank < 3) return value.name
    const before = this.#transposed.get(value.name)
    if (before !== undefined) return before
    const perm = [1, 0, ...Array.from({ length: value.rank - 2 }, (_, i) => i + 2)]
    const name = this.one('Transpose', value.name, [value.name], { perm })
    this.#transposed.set(value.name, name)
    this.#transposed.set(name, value.name)
    return name
  }
}

/** Returns a matrix [rows, columns] as [columns, rows]. */
export function transposedWeight({ shape, data }: KerasWeight): Float32Array {
  const [rows = 1, columns = 1] = shape
  return transposedMatrix(data, rows, columns)
}
