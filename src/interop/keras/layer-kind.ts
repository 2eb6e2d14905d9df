// The interface of a class of layers of Keras: the parts that are not supported, its weights, and its nodes.

import { expected, type GatecellError } from '../../errors.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import type { KerasLayer } from './config.js'
import type { KerasGraph, KerasValue, KerasWeight } from './graph.js'

/** Weights of a layer: where they are under its path, and their names in their order. */
export interface WeightPlace {
  readonly place: string
  readonly names: readonly string[]
}

/** The parts of a model that a layer needs to add its nodes. */
export class KerasContext {
  readonly graph: KerasGraph
  readonly path: string
  /** The first number of the version of Keras. */
  readonly version: number
  readonly #weights: ReadonlyMap<string, readonly KerasWeight[]>
  readonly #inside: string

  /** `weights` are those of a layer by their places. */
  constructor(
    model: Pick<KerasContext, 'graph' | 'path' | 'version'>,
    weights: ReadonlyMap<string, readonly KerasWeight[]>,
    inside = ''
  ) {
    this.graph = model.graph
    this.path = model.path
    this.version = model.version
    this.#weights = weights
    this.#inside = inside
  }

  /** Returns the weights at a place. */
  weights(place: string): readonly KerasWeight[] {
    return this.#weights.get(this.#inside === '' ? place : this.#inside)!
  }

  /** Returns the context of the layer inside a layer, whose weights are at `place`. */
  at(place: string): KerasContext {
    return new KerasContext(this, this.#weights, place)
  }

  /** Throws ERR_FILE_FORMAT unless a weight has a shape. */
  expectShape({ type, name }: KerasLayer, { shape }: KerasWeight, wanted: readonly number[]): void {
    if (shape.join() === wanted.join()) return
    const what = `a weight of the shape [${wanted.join(', ')}] for ${type} ${quoted(name)} of ${this.path}`
    throw expected('ERR_FILE_FORMAT', what, `[${shape.join(', ')}]`, 'save the model with Keras again')
  }

  /** Returns the ERR_FILE_FORMAT for a call with the wrong number of inputs. */
  wrongInputs({ type, name }: KerasLayer, count: number): GatecellError {
    const what = `another number of inputs of ${type} ${quoted(name)} in ${this.path}`
    return expected('ERR_FILE_FORMAT', what, `${count}`, 'save the model with Keras again')
  }
}

/** A class of layers. */
export interface LayerKind {
  /** Whether it may have any number of inputs. */
  readonly isMerge?: true
  /** Returns the parts of a layer that are not supported, in words. */
  faults?(path: string, layer: KerasLayer): string[]
  /** Returns the weights that it has. Default: none. */
  weights?(path: string, layer: KerasLayer): WeightPlace[]
  /** Adds the nodes of a call and returns its results. */
  record(context: KerasContext, layer: KerasLayer, inputs: readonly KerasValue[]): KerasValue[]
}
