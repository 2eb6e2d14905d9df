// oneDNN in a process of its own: a C++ program compiled on demand from bench/rivals. Both its AVX-512 and its AVX2 code
// are tried, since either wins somewhere. For train-char it runs only the LSTM layers, because it has nothing else.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { openInChild, startChild, type Child } from './child.js'
import type { MissingRival, Rival, Variant } from './types.js'

const NAME = 'oneDNN'
const run = promisify(execFile)

/**
 * Finds oneDNN. `folder` is bench/rivals of the repository, `build` the folder for the program, `avx512` whether the CPU has AVX-512.
 */
export async function findOneDnn(folder: string, build: string, avx512: boolean): Promise<Rival | MissingRival> {
  const source = join(folder, 'onednn_lstm.cpp')
  const program = join(build, 'onednn_lstm')
  if (!existsSync(source))
    return {
      name: NAME,
      missing: 'its program bench/rivals/onednn_lstm.cpp is in the repository, not in the npm package'
    }
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
    const problem = await compile(source, program)
    if (problem !== null)
      return { name: NAME, missing: `${problem}; install it (Debian: apt-get install g++ libdnnl-dev)` }
  }
  const { stdout } = await run(program, ['version'], { encoding: 'utf8' })
  const children = new Map<string, Child>()
  function childOf(threads: number, isa: string): Child {
    const key = `${threads} ${isa}`
    let child = children.get(key)
    if (!child) {
      const environment = { OMP_NUM_THREADS: String(threads), OMP_PROC_BIND: 'true', ONEDNN_MAX_CPU_ISA: isa }
      children.set(key, (child = startChild(program, [], environment)))
    }
    return child
  }
  return {
    name: NAME,
    version: stdout.trim(),
    settings: `in a C++ process, ${avx512 ? 'the better of its AVX-512 and AVX2 code' : 'AVX2 code'}`,
    async open(task) {
      const ways: Record<string, string> = avx512 ? { ALL: 'AVX-512', AVX2: 'AVX2' } : { AVX2: 'AVX2' }
      const variants: Variant[] = []
      for (const [isa, note] of Object.entries(ways)) {
        const variant = await openInChild(childOf(task.threads, isa), task, '-', note)
        if (variant) variants.push(variant)
      }
      return variants
    },
    async close() {
      for (const child of children.values()) await child.close()
    }
  }
}

/** null, or why it could not be compiled. */
async function compile(source: string, program: string): Promise<string | null> {
  const flags = ['-O2', '-march=native', '-std=c++17', '-fopenmp']
  try {
    mkdirSync(dirname(program), { recursive: true })
    await run(process.env['CXX'] ?? 'g++', [...flags, source, '-o', program, '-ldnnl'], { timeout: 300_000 })
    return null
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    const line = stderr.split('\n').find((text) => text.includes('error')) ?? message.split('\n')[0]!
    return `its program did not compile (${line.trim()})`
  }
}
