// The addon of 64-bit ARM in Node.js for ARM under qemu: trainings have the bits of this machine. `npm run test:arm64` gets Node.js and runs this.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { bitsOfCases, dataOfCases, goldenBits } from '../cli/bit-cases.js'
import { root } from '../cli/command.js'
import { compiledProgram, plainEnvironment } from '../compiled.js'

const versions = process.env['GATECELL_ARM64_NODES']?.split(',') ?? []
const skip = versions.length === 0 && 'npm run test:arm64 runs this with Node.js for ARM'
const emulator = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu']
const env = { GATECELL_BINARY: join(root, 'prebuilds/linux-arm64/gatecell.glibc.node') }
const nodeOf = (version: string) => [...emulator, join(root, 'build/arm64', `node-${version}`, 'bin/node')]

/** Returns the instruction set and the hash of a training with two threads. */
async function trained(program: readonly string[], more: Record<string, string>): Promise<string[]> {
  const [command, ...words] = [...program, compiledProgram('test/train/print-run'), '2']
  const { stdout } = await promisify(execFile)(command, words, { env: { ...plainEnvironment(), ...more } })
  return stdout.trim().split(' ')
}

t.test('every version of Node.js loads the addon and trains to the same bits', { skip }, async (t) => {
  const [, expected] = await trained([process.execPath], {})
  for (const version of versions) {
    t.strictSame(await trained(nodeOf(version), env), ['neon', expected], `Node.js ${version}`)
  }
  t.strictSame(await trained(nodeOf(versions[0]!), { ...env, GATECELL_ISA: 'scalar' }), ['scalar', expected])
})

t.test('trainings of every task have the bits of the golden file', { skip }, async (t) => {
  const cwd = t.testdir(dataOfCases())
  const found = await bitsOfCases({ cwd, isa: 'neon', threads: 2, program: nodeOf(versions[0]!), env })
  t.strictSame(found, JSON.parse(readFileSync(goldenBits, 'utf8')))
})
