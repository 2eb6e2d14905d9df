// The methods of the graph itself.
import * as api from '../../src/index.js'
import { recipe, type AnyRecipe } from './recipe.js'
import { graphWorld, type GraphWorld } from './worlds.js'

const start = () => (values: Float32Array) => void values.fill(0.1)

/** Returns the recipes of the methods of a graph. */
export function graphMethods(): AnyRecipe[] {
  const of = (name: string, args: (w: GraphWorld) => unknown[]): AnyRecipe =>
    recipe<GraphWorld>({
      name: `Graph.${name}`,
      once: true,
      accepts: ['1=*', '1.0=null'].slice(...(name === 'own' ? [0, 1] : name === 'record' ? [1] : [2])),
      setup: graphWorld,
      args,
      call: ({ graph }, given) =>
        (graph as unknown as Record<string, (...values: unknown[]) => unknown>)[name]!.apply(graph, given)
    })
  const computed = (w: GraphWorld) => api.tanh(w.f32(3, 2))
  return [
    of('input', () => ['x', [3, 2], 'f32']),
    of('constant', () => [[1, 2, 3]]),
    of('state', () => ['h', [2, 5]]),
    of('carry', (w) => [computed(w), w.graph.state(`h${w.graph.states.size}`, [3, 2])]),
    of('output', (w) => ['y', computed(w)]),
    of('name', (w) => [`named ${w.graph.tensors.length}`, computed(w)]),
    of('tensor', (w) => [[...w.graph.inputs.keys(), (w.f32(3), 'input0')][0]]),
    of('parameter', () => ['w', [3, 2], start()]),
    of('layer', () => ['layer', true]),
    of('nextStream', () => []),
    of('own', (w) => [w.f32(3), 'an op']),
    of('record', (w) => ['tanh', [w.f32(3, 2)], [{ dtype: 'f32', shape: [3, 2], optional: true }], []])
  ]
}
