// Views of a plan's inputs, outputs and states in its host arena.

import { viewOf } from './arena.js'
import type { Tables } from './compile.js'
import type { Shape, View } from './shape.js'
import type { Graph, Tensor } from './graph.js'

/** Views by name. */
export type Views = Record<string, View>

/** Returns the views of `tensors` in the plan's host arena, by name. */
export function viewsOf(tensors: ReadonlyMap<string, Tensor>, tables: Tables, host: Float32Array): Views {
  const views: Views = {}
  for (const [name, tensor] of tensors) views[name] = viewOf(host, tables.slotOf(tensor), tensor.shape, tensor.dtype)
  return Object.freeze(views)
}

/** Returns the tensors of `graph` by these names. Throws ERR_INVALID_ARGUMENT for an unknown name. */
export function tensorsCalled(graph: Graph, names: readonly string[] = []): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(names.map((name) => [name, graph.tensor(name)]))
}

/** Returns the views of the gradients of `tensors` in the plan's host arena, by name. */
export function gradientViews(
  tensors: Readonly<Record<string, Tensor>>,
  tables: Tables,
  host: Float32Array
): Readonly<Record<string, Float32Array>> {
  const views = Object.entries(tensors).map(([name, tensor]) => {
    return [name, viewOf(host, tables.gradientSlotOf(tensor), tensor.shape, 'f32')]
  })
  return Object.freeze(Object.fromEntries(views) as Record<string, Float32Array>)
}

/** Returns `views` with getters that call `fetch` first. */
export function fetched<V>(views: Readonly<Record<string, V>>, fetch: () => void): Readonly<Record<string, V>> {
  const properties = Object.entries(views).map(([name, view]) => {
    const get = (): V => {
      fetch()
      return view
    }
    return [name, { enumerable: true, get }]
  })
  return Object.freeze(Object.defineProperties({}, Object.fromEntries(properties) as PropertyDescriptorMap))
}

/** Returns the shapes of `tensors` by name. */
export function shapesOf(tensors: ReadonlyMap<string, Tensor>): Readonly<Record<string, Shape>> {
  return Object.freeze(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape])))
}
