// Runs programs of doctest, two at a time, because most cases use one thread. Prints the output of each as a whole when it ends.
import { spawn } from 'node:child_process'
import { Buffer } from 'node:buffer'
import { appendFileSync } from 'node:fs'
import { root } from './lib.mjs'

/**
 * @typedef {{name: string, program: string, args?: string[], env?: Record<string, string>, maySkip?: boolean}} Doctests
 *   maySkip: a program that prints `skipped:` and ends with 0 has not failed
 * @param {Doctests[]} all
 * @returns {Promise<{failures: number, skipped: string[]}>} the number of failed cases, and the names of the programs that skipped
 *   everything. With GATECELL_COUNTS=<file> it appends a line "passed failed" for each program.
 */
export async function runDoctests(all) {
  const waiting = [...all]
  const total = { failures: 0, skipped: [] }
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await runOne(next, total)
  }
  await Promise.all([worker(), worker()])
  return total
}

async function runOne({ name, program, args = [], env = {}, maySkip = false }, total) {
  const { status, output } = await outputOf(program, [...args, '--no-colors'], env)
  console.log(`${name}\n${output}`)
  if (maySkip && status === 0 && output.startsWith('skipped:')) {
    total.skipped.push(name)
    return
  }
  const counts = /test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed/.exec(output)
  const passed = Number(counts?.[2] ?? 0)
  // A crash or a sanitizer report ends the program without counts, and a run without tests proves nothing.
  const failed = Math.max(Number(counts?.[3] ?? 1), status === 0 && passed > 0 ? 0 : 1)
  total.failures += failed
  if (process.env.GATECELL_COUNTS) appendFileSync(process.env.GATECELL_COUNTS, `${passed} ${failed}\n`)
}

function outputOf(program, args, env) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env }
    })
    const pieces = []
    child.stdout.on('data', (piece) => pieces.push(piece))
    child.stderr.on('data', (piece) => pieces.push(piece))
    child.on('error', ({ message }) => resolve({ status: 1, output: message }))
    child.on('close', (status) => resolve({ status, output: Buffer.concat(pieces).toString() }))
  })
}
