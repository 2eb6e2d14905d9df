// The names of a graph's tensors, by which plans, sessions, metrics and trainers read tensors that are not outputs.

import { expected, show } from '../errors.js'

/** A tensor, of which names need only the graph. */
export interface NamedTensorOf<G extends object = object> {
  readonly graph: G
}

/** The tensors of one graph by name, in the order in which they were named. */
export class TensorNames<T extends NamedTensorOf = NamedTensorOf> {
  readonly #named = new Map<string, T>()

  /** Names a tensor. Throws ERR_INVALID_ARGUMENT if the name is empty, no string, or taken: here, or if `taken` returns true. */
  add(name: string, tensor: T, taken: (name: string) => boolean): void {
    if (typeof name !== 'string' || name === '')
      throw expected('ERR_INVALID_ARGUMENT', 'a name for the tensor', show(name), 'pass a string that is not empty')
    if (this.#named.has(name) || taken(name))
      throw expected('ERR_INVALID_ARGUMENT', `one tensor called "${name}"`, 'two', 'give each its own name')
    this.#named.set(name, tensor)
  }

  /** Names a tensor of a layer. That of a layer that is used again gets `name.2`, then `name.3` and so on. */
  offer(name: string, tensor: T): void {
    let free = name
    for (let use = 2; this.#named.has(free); use++) free = `${name}.${use}`
    this.#named.set(free, tensor)
  }

  /** Names a tensor; another one that had the name loses it. */
  set(name: string, tensor: T): void {
    this.#named.set(name, tensor)
  }

  /** Returns the tensor called `name`, or undefined. */
  get(name: string): T | undefined {
    return this.#named.get(name)
  }

  /** All names. */
  get all(): readonly string[] {
    return [...this.#named.keys()]
  }
}

const names = new WeakMap<object, TensorNames>()

/** Returns the names of a graph. They are not a part of the class Graph, so that callers cannot reach them. */
export function namesOf<T extends NamedTensorOf>(graph: T['graph']): TensorNames<T> {
  let found = names.get(graph)
  if (!found) names.set(graph, (found = new TensorNames()))
  return found as unknown as TensorNames<T>
}

/** Names tensors of a layer `<layer>.<key>`, with `.2` and so on if the layer is used again. */
export function nameLayer(layer: string, named: Readonly<Record<string, NamedTensorOf>>): void {
  for (const [key, tensor] of Object.entries(named)) namesOf(tensor.graph).offer(`${layer}.${key}`, tensor)
}

/** Names the outputs of a model's forward in `graph`; they go before all other names. */
export function nameOutputs(graph: object, outputs: Readonly<Record<string, NamedTensorOf>>): void {
  for (const [name, tensor] of Object.entries(outputs)) namesOf(graph).set(name, tensor)
}
