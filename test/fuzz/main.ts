// Fuzzes the parsers of bytes and ends with 1 if one of them has a finding, whose file is kept:
//   npm run fuzz -- [--runs 100000] [--minutes 5] [--seed 1] [--parser zip,npz] [--run 17] [--input file]
// --runs is the number of files for each parser. --minutes is the time of all parsers together. --run repeats one file, --input reads one.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzz, type FuzzResult } from './fuzz.js'
import { loadParser, parserNames } from './parsers.js'
import { fileOf, tryFile } from './worker.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    parser: { type: 'string', default: parserNames.join() },
    run: { type: 'string' },
    input: { type: 'string' }
  }
})

/** Returns a number of an option. */
function numberOf(text: string, name: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new Error(`Expected a number of at least 0 for --${name} but received ${JSON.stringify(text)}: correct it.`)
}

const names = values.parser.split(',')
const unknown = names.find((name) => !parserNames.includes(name))
if (unknown !== undefined)
  throw new Error(`Expected parsers of ${parserNames.join(', ')} but received ${JSON.stringify(unknown)}: correct --parser.`) // prettier-ignore
const seed = numberOf(values.seed, 'seed')
const runs = values.runs === undefined ? undefined : numberOf(values.runs, 'runs')
const minutes = values.minutes === undefined ? undefined : numberOf(values.minutes, 'minutes')

/** Writes the file of a finding and prints how to repeat it. */
function keep({ parser, run, fault }: FuzzResult): void {
  const folder = join('build', 'fuzz')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${parser}-${seed}-${run}.bin`)
  writeFileSync(path, fileOf(loadParser(parser), seed, run!))
  console.log(`FINDING ${parser}: ${fault}`)
  console.log(`  file ${path}; again: npm run fuzz -- --parser ${parser} --input ${path}`)
}

/** Reads one file with the first parser and prints the fault. */
async function readOne(bytes: Uint8Array): Promise<number> {
  const { fault, read } = await tryFile(loadParser(names[0]!), bytes)
  console.log(`${names[0]}: ${fault ?? (read ? 'read' : 'refused')}`)
  return fault === null ? 0 : 1
}

async function fuzzAll(): Promise<number> {
  let [findings, total] = [0, 0]
  // Without a number of runs and a time: a minute.
  const milliseconds =
    minutes === undefined && runs !== undefined ? undefined : (60_000 * (minutes ?? 1)) / names.length
  for (const parser of names) {
    const result = await fuzz(parser, { seed, ...(runs !== undefined && { runs }), ...(milliseconds !== undefined && { milliseconds }) }) // prettier-ignore
    const { read, seconds, fault } = result
    total += result.runs
    const micros = Math.round((1e6 * seconds) / Math.max(1, result.runs))
    console.log(
      `${parser.padEnd(12)} ${String(result.runs).padStart(9)} files, ${read} of them read, ${micros} us each`
    )
    if (fault === undefined) continue
    findings++
    keep(result)
  }
  console.log(`${total} files of ${names.length} parsers, seed ${seed}: ${findings} findings`)
  return findings > 0 ? 1 : 0
}

if (values.input !== undefined) process.exitCode = await readOne(readFileSync(values.input))
else if (values.run !== undefined)
  process.exitCode = await readOne(fileOf(loadParser(names[0]!), seed, numberOf(values.run, 'run'))) // prettier-ignore
else process.exitCode = await fuzzAll()
