// All recipes, and what of the public API has none.
import * as api from '../../src/index.js'
import type { AnyRecipe } from './recipe.js'
import { dataRecipes } from './recipes-data.js'
import { engineRecipes } from './recipes-engine.js'
import { graphRecipes } from './recipes-graph.js'
import { sampleRecipes } from './recipes-sample.js'
import { taskRecipes } from './recipes-tasks.js'

export const recipes: AnyRecipe[] = [
  ...graphRecipes,
  ...engineRecipes,
  ...sampleRecipes,
  ...dataRecipes,
  ...taskRecipes
]

/** Those of folders whose functions check all that they are given; the test calls these. */
export const checked: AnyRecipe[] = graphRecipes

/** Functions that a user cannot call wrongly, by name, with the reason. */
const exempt: Record<string, string> = {
  'Run.save': 'of RunFiles: the trainer calls it'
}

/** Every exported function, those of namespaces with their names before. */
export function exportedNames(): string[] {
  const names: string[] = []
  for (const [name, value] of Object.entries(api)) {
    if (typeof value === 'function') names.push(name)
    else if (typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Module]')
      for (const [inner, one] of Object.entries(value)) if (typeof one === 'function') names.push(`${name}.${inner}`)
  }
  return names
}

/** Names of the methods of an object, those of its class included; not those of EventEmitter and Object. */
export function methodsOf(object: object): string[] {
  const names = new Set<string>()
  for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    if (Object.hasOwn(at, 'addListener')) break
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (typeof value === 'function' && name !== 'constructor') names.add(name)
  }
  return [...names]
}

/** What a recipe is missing for. */
export async function missing(): Promise<string[]> {
  const known = new Set(recipes.map(({ name }) => name))
  const found = exportedNames()
  for (const { setup, args, call, returns } of recipes) {
    if (!returns) continue
    const world: unknown = await setup()
    const result: unknown = await call(world, args(world))
    for (const name of methodsOf(result as object)) found.push(`${returns}.${name}`)
  }
  return [...new Set(found)].filter((name) => !known.has(name) && !(name in exempt)).sort()
}
