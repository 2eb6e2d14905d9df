// Every public function, class and method has a recipe of hostile calls: an export without one fails here.
import { EventEmitter } from 'node:events'
import t from 'tap'
import * as api from '../../src/index.js'
import type { AnyRecipe } from './recipe.js'
import { recipes } from './recipes.js'
import { makeFiles } from './worlds.js'

const names = new Set(recipes.map(({ name }) => name))

function publicFunctions(): string[] {
  const found: string[] = []
  for (const [name, value] of Object.entries(api)) {
    if (typeof value === 'function') found.push(name)
    else if (Object.prototype.toString.call(value) === '[object Module]')
      for (const [inner, one] of Object.entries(value)) if (typeof one === 'function') found.push(`${name}.${inner}`)
  }
  return found
}

t.test('every exported function has a recipe', async (t) => {
  // A function of `ops` may also be exported under its own name.
  const same = (name: string) => !name.includes('.') && names.has(`ops.${name}`)
  const missing = publicFunctions().filter((name) => !names.has(name) && !same(name))
  t.same(missing, [])
})

/** Returns the names of the functions of an object and its classes, without those of EventEmitter, which Node.js checks itself. */
function methodsOf(object: object): string[] {
  const found = new Set<string>()
  const ends: readonly unknown[] = [null, Object.prototype, EventEmitter.prototype]
  for (let at = object; !ends.includes(at); at = Object.getPrototypeOf(at) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (typeof value === 'function' && name !== 'constructor') found.add(name)
  }
  return [...found]
}

t.test('every method of what they return has a recipe', async (t) => {
  process.chdir(t.testdir({}))
  makeFiles()
  const seen = new Set<string>()
  const missing: string[] = []
  for (const recipe of recipes) {
    const { returns } = recipe
    if (returns === undefined || seen.has(returns)) continue
    seen.add(returns)
    for (const name of await methodsOfResult(recipe)) {
      const full = `${returns}.${name}`
      if (!names.has(full)) missing.push(full)
    }
  }
  t.same(missing, [])
})

async function methodsOfResult(recipe: AnyRecipe): Promise<string[]> {
  const world: unknown = await recipe.setup()
  const result: unknown = await recipe.call(world, recipe.args(world))
  const found = methodsOf(result as object)
  const end = (result as { dispose?: () => void }).dispose
  end?.call(result)
  recipe.dispose?.(world)
  return found
}
