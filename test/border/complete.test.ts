// Every public function, class and method has a recipe of hostile calls: an export without one fails here.
import { EventEmitter } from 'node:events'
import t from 'tap'
import { entries } from './entries.js'
import type { AnyRecipe } from './recipe.js'
import { recipes } from './recipes.js'
import { release } from './walk.js'
import { makeFiles } from './worlds.js'

const names = new Set(recipes.map(({ name }) => name))

function publicFunctions(): string[] {
  const found: string[] = []
  for (const [entry, names] of Object.entries(entries)) {
    for (const [name, value] of Object.entries(names)) {
      if (typeof value === 'function') found.push(entry === '' ? name : `${entry}.${name}`)
      else if (Object.prototype.toString.call(value) === '[object Module]')
        for (const [inner, one] of Object.entries(value as object))
          if (typeof one === 'function') found.push(`${name}.${inner}`)
    }
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

/** Returns the objects of our own classes that the properties of an object hold, by the name of the class. */
function partsOf(object: object): Map<string, object> {
  const parts = new Map<string, object>()
  for (let at = object; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const key of Object.getOwnPropertyNames(at)) {
      let value: unknown
      try {
        value = (object as Record<string, unknown>)[key]
      } catch {
        continue // a property that the object does not have in this state
      }
      const kind =
        typeof value === 'object' && value !== null ? (value.constructor as typeof Object | undefined) : undefined
      if (kind && !(kind.name in globalThis)) parts.set(kind.name, value as object)
    }
  }
  return parts
}

t.test('every method of their results, and of the objects in these, has a recipe', async (t) => {
  process.chdir(t.testdir({}))
  makeFiles()
  const seen = new Set<string>()
  const missing = new Set<string>()
  for (const recipe of recipes) {
    const { returns } = recipe
    if (returns === undefined || seen.has(returns)) continue
    seen.add(returns)
    for (const full of await methodsOfResult(returns, recipe)) if (!names.has(full)) missing.add(full)
  }
  t.same([...missing], [])
})

async function methodsOfResult(kind: string, recipe: AnyRecipe): Promise<string[]> {
  const world: unknown = await recipe.setup()
  const result: unknown = await recipe.call(world, recipe.args(world))
  const found = [[kind, result as object] as const, ...partsOf(result as object)].flatMap(([kind, object]) =>
    methodsOf(object).map((name) => `${kind}.${name}`)
  )
  await release(result)
  recipe.dispose?.(world)
  return found
}
