// Calls a recipe with wrong arguments, one place at a time, and judges what comes back.
import { errorCodes, GatecellError } from '../../src/errors.js'
import { createRandom, type Random } from '../../src/random.js'
import type { AnyRecipe } from './recipe.js'
import { anywhere, changesOf, isPlain, isWrongType, mine, type Container } from './values.js'

export interface Finding {
  /** The call, as 'Stream.feed(0.length: NaN)'. */
  readonly call: string
  readonly what: string
}

/**
 * A promise that is not settled after so much processor time of this process never will be: the calls take a second at most. One that waits
 * for ever takes none, and is given up after ten times as long; time that other processes have the cores hardly counts.
 */
const SETTLED_MS = 15_000
const WAIT_MS = 10 * SETTLED_MS

/** Properties that differ from call to call. */
const CHANGING = new Set([
  'seconds',
  'wallSeconds',
  'tokensPerSecond',
  'waiting',
  'lateness',
  'graph',
  'path',
  'id',
  'memory',
  'bytes'
])

/** A value as text, to compare results; deep enough to see numbers that changed. */
export function digest(value: unknown, depth = 5, seen = new Set<unknown>()): string {
  if (typeof value === 'function') return 'f'
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (seen.has(value) || depth === 0) return '...'
  seen.add(value)
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} ${[...viewed(value)].join()}`
  const inner = (one: unknown) => digest(one, depth - 1, seen)
  if (value instanceof Map) return `map ${[...value].map(([key, one]) => `${String(key)}:${inner(one)}`).join()}`
  if (Array.isArray(value)) return `${value.length}[${value.slice(0, 100).map(inner).join()}]`
  const keys = Object.keys(value).filter((key) => !CHANGING.has(key))
  return `{${keys.map((key) => `${key}:${inner((value as Container)[key])}`).join()}}`
}

/** The first elements of an array; none where its buffer was detached, which cannot be iterated. */
function viewed(value: ArrayBufferView): ArrayLike<unknown> & Iterable<unknown> {
  const { length = 0 } = value as Float32Array
  return length === 0 ? [] : (value as Float32Array).subarray(0, 1000)
}

/** A place in the arguments: the index, then names of properties. */
type Place = readonly (string | number)[]

/** Places of arguments and, four levels deep, of plain objects and the first elements of arrays in them. */
function placesOf(args: readonly unknown[]): Place[] {
  const places: Place[] = []
  const add = (value: unknown, place: Place): void => {
    places.push(place)
    if (!isPlain(value) || place.length > 4) return
    for (const key of Object.keys(value).slice(0, Array.isArray(value) ? 2 : 40)) add(value[key], [...place, key])
  }
  args.forEach((value, i) => add(value, [i]))
  return places
}

function at(args: readonly unknown[], place: Place): unknown {
  return place.reduce((value: unknown, key) => (value as Container)[key], args)
}

/** `args` with another value at `place`; what contains the place is copied. */
function replaced(args: readonly unknown[], place: Place, value: unknown): unknown[] {
  const put = (into: unknown, [key, ...rest]: Place): unknown => {
    const copy = (Array.isArray(into) ? [...(into as unknown[])] : { ...(into as Container) }) as Container
    copy[key!] = rest.length === 0 ? value : put(copy[key!], rest)
    return copy
  }
  return put(args, place) as unknown[]
}

async function settled(result: unknown): Promise<unknown> {
  if (typeof result !== 'object' || result === null) return result
  const iterates = 'next' in result && (Symbol.asyncIterator in result || Symbol.iterator in result)
  if (iterates) return firstOf(result as AsyncIterator<unknown>)
  if (!('then' in result)) return result
  const [since, used] = [performance.now(), processorTime()]
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_, reject) => {
    timer = setInterval(() => {
      if (processorTime() - used < SETTLED_MS && performance.now() - since < WAIT_MS) return
      reject(new Error(`the promise did not settle in ${SETTLED_MS} ms of processor time`))
    }, 1000)
  })
  try {
    return await Promise.race([result as Promise<unknown>, late])
  } finally {
    clearInterval(timer)
  }
}

/** Milliseconds of processor time that this process has taken. */
function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The first three items. */
async function firstOf(iterator: AsyncIterator<unknown>): Promise<unknown[]> {
  const items: unknown[] = []
  while (items.length < 3) {
    const next = (await settled(iterator.next())) as IteratorResult<unknown>
    if (next.done) return items
    items.push(next.value)
  }
  await iterator.return?.()
  return items
}

/** Releases, disposes of and closes the result of a call, with the methods that it has. */
export async function release(result: unknown): Promise<void> {
  if (typeof result !== 'object' || result === null) return
  for (const name of ['release', 'dispose', 'close']) {
    const end = (result as Container)[name]
    if (typeof end === 'function') await (end as () => unknown).call(result)
  }
}

function judge(error: unknown): string | null {
  if (error === mine) return null
  if (!(error instanceof GatecellError)) return `threw ${error instanceof Error ? error.stack : String(error)}`
  if (!Object.hasOwn(errorCodes, error.code)) return `has the unknown code ${error.code}`
  // Messages of the core have the form "op: expected x, got y".
  if (/xpected [^]+(but|found|got) /.test(error.message)) return null
  return `has the message ${JSON.stringify(error.message)}`
}

export interface Walk {
  calls: number
  readonly findings: Finding[]
}

/** Makes `count` hostile calls of one recipe. `begin` is called with the name of each call before it is made. */
export async function walk(made: AnyRecipe, count: number, seed: number, begin: (call: string) => void): Promise<Walk> {
  const random = createRandom(seed, made.name)
  const result: Walk = { calls: 0, findings: [] }
  const right = async (world: unknown): Promise<string> => {
    made.reset?.(world)
    const found = await settled(made.call(world, made.args(world)))
    const text = digest(made.digest ? made.digest(world, found) : found)
    await release(found)
    return text
  }
  begin(`${made.name}(right arguments)`)
  let world: unknown = await made.setup()
  const expected = await right(world)
  for (let i = 0; i < count; i++) {
    made.reset?.(world)
    const one = await hostile(made, world, random, begin)
    result.calls++
    if (one.found !== null) result.findings.push({ call: one.call, what: one.found })
    if (one.changed || made.once) {
      made.dispose?.(world)
      world = await made.setup()
      continue
    }
    begin(`${one.call}, then right arguments`)
    const later = await right(world).catch((error: unknown) => `threw ${String(error)}`)
    if (later !== expected) {
      const what = `a right call gives ${later.slice(0, 200)} afterwards, not ${expected.slice(0, 200)}`
      result.findings.push({ call: one.call, what })
    }
    if (later !== expected || (!made.pure && made.reset === undefined)) {
      made.dispose?.(world)
      world = await made.setup()
    }
  }
  made.dispose?.(world)
  return result
}

/** One hostile call; `changed`: the world is not the same any more. */
async function hostile(made: AnyRecipe, world: unknown, random: Random, begin: (call: string) => void) {
  const args = made.args(world)
  const places = placesOf(args)
  if (places.length === 0) return { call: `${made.name}()`, found: null, changed: false }
  const place = places[random.below(places.length)]!
  const before = at(args, place)
  let disposed = false
  const { dispose } = made
  const changes = changesOf(before, dispose && (() => ((disposed = true), dispose(world))))
  const names = Object.keys(anywhere)
  const drawn = random.below(names.length + Math.min(changes.length, names.length))
  const [name, make] =
    drawn < names.length
      ? ([names[drawn]!, anywhere[names[drawn]!]!] as const)
      : changes[(drawn - names.length) % changes.length]!
  const call = `${made.name}(${place.join('.')}: ${name})`
  begin(call)
  const value = make()
  const named = place.join('.')
  const accepts = made.accepts?.some((one) =>
    one.endsWith('*') ? `${named}=${name}`.startsWith(one.slice(0, -1)) : one === `${named}=${name}`
  )
  const wrong = isWrongType(before, value) && !accepts
  try {
    const returned = await settled(made.call(world, replaced(args, place, value)))
    await release(returned)
    return {
      call,
      found: wrong ? `accepted, and returned ${digest(returned).slice(0, 100)}` : null,
      changed: !made.pure || disposed
    }
  } catch (error) {
    return { call, found: judge(error), changed: disposed }
  }
}
