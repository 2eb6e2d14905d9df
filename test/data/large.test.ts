// Memory does not grow with the corpus: a process reads a small and a large file and reports its peak. The large one has
// 48 MB here and 400 MB in the long tests.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compiledProgram } from '../compiled.js'
import { rounds } from '../amounts.js'

const megabytes = rounds(48, 48, 400)
const folder = t.testdir({})
const program = compiledProgram('test/io/child')

/** A text of about `size` MB with characters of one to four bytes. */
function writeText(name: string, size: number): string {
  const path = join(folder, name)
  const line = Buffer.from(`${'The quick brown fox jumps over the lazy dog. '.repeat(20)}é中😀\n`.repeat(1100))
  const file = fs.openSync(path, 'w')
  for (let done = 0; done < size * 1e6; done += line.length) fs.writeSync(file, line)
  fs.closeSync(file)
  return path
}

interface Reading {
  symbols: number
  cached: boolean
  sum: number
  peak: number
}

function readIn(path: string, vocabulary: string): Reading {
  const run = spawnSync(process.execPath, [program, 'readCorpus', path, vocabulary], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stderr)
  return JSON.parse(run.stdout) as Reading
}

/** The least symbols of a megabyte: a line of 901 characters has 200 words, and byte pairs are about as long as words. */
const density = { character: 0.98e6, word: 0.2e6, bpe: 0.15e6 }

t.test(`${megabytes} MB`, async (t) => {
  const paths = [writeText('small', 8), writeText('large', megabytes)] as const
  for (const [vocabulary, symbols] of Object.entries(density)) {
    const [small, large] = [readIn(paths[0], vocabulary), readIn(paths[1], vocabulary)]
    t.ok(small.cached && large.cached)
    t.ok(large.symbols > megabytes * symbols, `${large.symbols} symbols (${vocabulary})`)
    t.ok(large.sum > 0)
    const growth = (large.peak - small.peak) / 1e6
    t.comment(`${vocabulary}: peaks ${Math.round(small.peak / 1e6)} and ${Math.round(large.peak / 1e6)} MB`)
    // Room for a lazy garbage collector, and far less than the text.
    t.ok(growth < 32, `memory grew by ${growth} MB (${vocabulary})`)
  }
  fs.rmSync(paths[1])
})
