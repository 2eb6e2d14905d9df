// Recipes of functions that record into a new graph.
import * as api from '../../src/index.js'
import { recipe, type AnyRecipe } from './recipe.js'
import { graphWorld, type GraphWorld } from './worlds.js'

export type Call = (...args: never[]) => unknown

/** A function that records into a new graph. */
export function op(
  name: string,
  call: Call,
  args: (w: GraphWorld) => unknown[],
  accepts: readonly string[] = []
): AnyRecipe {
  return recipe<GraphWorld>({
    name,
    once: !name.startsWith('ops.'),
    setup: graphWorld,
    args,
    call: (_, given) => (call as (...values: unknown[]) => unknown)(...given),
    accepts
  })
}

/** An op that is exported under ops, some at the top as well. */
export function ops(
  name: keyof typeof api.ops,
  args: (w: GraphWorld) => unknown[],
  accepts: readonly string[] = []
): AnyRecipe[] {
  const top = (api as unknown as Record<string, unknown>)[name] === api.ops[name] ? [name] : []
  return [`ops.${name}`, ...top].map((full) => op(full, api.ops[name] as Call, args, accepts))
}

export const nullable = (...places: string[]) => places.map((place) => `${place}=null`)

export const start = () => (values: Float32Array) => void values.fill(0.1)
