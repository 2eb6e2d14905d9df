// The process that makes hostile calls: node child.ts <file> <calls> <seed> [names]. Before each call its name is written to the
// file, so that the parent can say which call hung or ended the process. Prints a JSON line of what was found.
import * as fs from 'node:fs'
import { recipes } from './recipes.js'
import { makeFiles } from './worlds.js'
import { walk, type Finding } from './walk.js'

const [file, calls, seed, ...names] = process.argv.slice(2) as [string, string, string, ...string[]]
const where = fs.openSync(file, 'w+')
makeFiles()
let current = ''
let made = 0
function begin(call: string): void {
  current = call
  const line = `${++made} ${call}`.padEnd(200).slice(0, 200)
  fs.writeSync(where, line, 0)
}

const findings: Finding[] = []
const late = (error: unknown): void => {
  const what = error instanceof Error ? error.stack : String(error)
  if ((error as Error | null)?.message !== 'an error of the caller')
    findings.push({ call: current, what: `later: ${what}` })
}
process.on('unhandledRejection', late)
process.on('uncaughtException', late)
process.on('warning', () => {})

const chosen = recipes.filter(({ name }) => names.length === 0 || names.includes(name))
const budget = chosen.reduce((sum, { cost = 1 }) => sum + 1 / cost, 0)
let total = 0
for (const recipe of chosen) {
  const count = Math.ceil(Number(calls) / (recipe.cost ?? 1) / budget)
  try {
    const result = await walk(recipe, count, Number(seed), begin)
    total += result.calls
    findings.push(...result.findings)
  } catch (error) {
    findings.push({ call: current, what: `the recipe failed: ${error instanceof Error ? error.stack : String(error)}` })
  }
}
await new Promise((resolve) => setImmediate(resolve))
process.stdout.write(JSON.stringify({ calls: total, findings }))
process.exit(0)
