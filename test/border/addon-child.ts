// A process that calls the addon directly: node addon-child.ts <file> <calls> <seed>. Each function gets valid arguments of which some are
// replaced, too few or too many arguments, and arguments of other functions. Every call must return or throw an error with a code. Before
// each call its name is written to the file. At the end the process prints the faults as one JSON object.
import * as fs from 'node:fs'
import { types } from 'node:util'
import { createRandom } from '../../src/random.js'
import { addonRecipes, type AddonRecipe } from './addon-recipes.js'
import { native, type NativeAddon } from '../../src/native.js'
import { anywhere, isPlain, mine } from './values.js'

const [file, calls, seed] = process.argv.slice(2) as [string, string, string]
const where = fs.openSync(file, 'w+')
const random = createRandom(Number(seed), 'addon')
const findings: { call: string; what: string }[] = []
let current = ''
let made = 0

function begin(call: string): void {
  current = call
  fs.writeSync(where, `${++made} ${call}`.padEnd(200).slice(0, 200), 0)
}

function judge(error: unknown): void {
  if (error === mine) return
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  const typed = error instanceof Error && typeof code === 'string' && code.startsWith('ERR_')
  // An error of the engine itself, about a proxy that was revoked, passes through a read of a property.
  const revoked = error instanceof TypeError && String(message).includes('proxy that has been revoked')
  if (!typed && !revoked)
    findings.push({ call: current, what: `threw ${error instanceof Error ? error.stack : String(error)}` })
}

const names = Object.keys(anywhere)
const draw = <T>(items: readonly T[]): T => items[random.below(items.length)]!

/** Returns a value that is invalid in most places: a hostile one, or a valid argument of another function. */
function wrong(): [string, unknown] {
  if (random.below(3) > 0) {
    const name = draw(names)
    return [name, anywhere[name]!()]
  }
  const other = draw(Object.entries(addonRecipes))
  const values = other[1].args()
  return values.length === 0 ? ['undefined', undefined] : [`an argument of ${other[0]}`, draw(values)]
}

const extremes = [-1, 0, 1, 2, 5, 100, 0.5, 2 ** 31 - 1, -(2 ** 31), 2 ** 24, 2 ** 53, 1e300, NaN, Infinity]

/** Returns a table with some numbers changed, an extreme number for a number, and other values unchanged. */
function numbersChanged(value: unknown, stays: number | undefined): [string, unknown] {
  if (typeof value === 'number') return ['a number', draw(extremes)]
  if (!(types.isInt32Array(value) || types.isFloat64Array(value)) || value.length === 0) return ['as it is', value]
  const parts: string[] = []
  for (let i = 0; i <= random.below(2); i++) {
    const [at, number] = [random.below(value.length), draw(extremes)]
    if (at === stays) continue
    value[at] = number
    parts.push(`[${at}] = ${number}`)
  }
  return [parts.join(' '), value]
}

/** Returns the arguments of a call, changed, after a description of the change. */
function changed(recipe: AddonRecipe): [string, unknown[]] {
  const args = recipe.args()
  const kind = random.below(8)
  if (kind === 0) return ['one less', args.slice(0, -1)]
  if (kind === 1) return ['none', []]
  if (kind === 2) return ['one more', [...args, wrong()[1]]]
  const parts: string[] = []
  for (let i = 0; i <= random.below(2) && args.length > 0; i++) {
    const place = random.below(args.length)
    const [name, value] = wrong()
    const before = args[place]
    if (isPlain(before) && Object.keys(before).length > 0 && random.below(8) > 0) {
      const field = draw(Object.keys(before))
      const [way, inner] = random.below(2) > 0 ? numbersChanged(before[field], recipe.stays) : [name, value]
      args[place] = { ...before, [field]: inner }
      parts.push(`${place}.${field}: ${way}`)
    } else {
      const [way, other] = random.below(3) === 0 ? numbersChanged(before, recipe.stays) : [name, value]
      args[place] = other
      parts.push(`${place}: ${way}`)
    }
  }
  return [parts.join(', '), args]
}

process.on('unhandledRejection', judge)
process.on('uncaughtException', (error) => {
  findings.push({ call: current, what: `uncaught: ${error.stack}` })
})
const addon = native()
const recipes = Object.entries(addonRecipes) as [keyof NativeAddon, AddonRecipe][]
for (let i = 0; i < Number(calls); i++) {
  const [name, recipe] = recipes[i % recipes.length]!
  const right = i < recipes.length
  current = `arguments of ${name}`
  try {
    const [how, args] = right ? ['right arguments', recipe.args()] : changed(recipe)
    begin(`${name}(${how})`)
    await (addon[name] as (...values: unknown[]) => unknown)(...args)
  } catch (error) {
    if (right && !recipe.mayThrow)
      findings.push({ call: current, what: `threw ${error instanceof Error ? error.stack : String(error)}` })
    else judge(error)
  }
}
await new Promise((resolve) => setImmediate(resolve))
process.stdout.write(JSON.stringify({ calls: made, findings }))
process.exit(0)
