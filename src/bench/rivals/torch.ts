// PyTorch in a process of its own, at its best on this kind of processor: the openmp flavour of OpenBLAS (the pthread
// flavour collapses with two threads), its AVX-512 kernels (left alone it takes slower ones on some CPUs), and the same
// thread number told to both.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openInChild, startChild, type Child } from './child.js'
import type { MissingRival, Rival, Variant } from './types.js'

const NAME = 'PyTorch'
const run = promisify(execFile)

/** `folder`: bench/rivals of the repository; `avx512`: the CPU has it. */
export async function findTorch(folder: string, avx512: boolean): Promise<Rival | MissingRival> {
  const script = join(folder, 'torch_lstm.py')
  if (!existsSync(script))
    return {
      name: NAME,
      missing: 'its program bench/rivals/torch_lstm.py is in the repository, not in the npm package'
    }
  const blas = openmpBlas()
  const environment = (threads: number): Record<string, string> => ({
    OMP_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(threads),
    ...(avx512 && { OPENBLAS_CORETYPE: 'SkylakeX' }),
    ...(blas !== null && { LD_LIBRARY_PATH: [blas, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':') })
  })
  const python = await findPython()
  if (python === null) {
    return {
      name: NAME,
      missing:
        'no python3 that imports torch; install it (Debian: apt-get install python3-torch libopenblas0-openmp), or name one by GATECELL_PYTHON'
    }
  }
  const children = new Map<number, Child>()
  function childOf(threads: number): Child {
    let child = children.get(threads)
    if (!child) children.set(threads, (child = startChild(python!.file, [script], environment(threads))))
    return child
  }
  return {
    name: NAME,
    version: python.version,
    settings:
      blas === null
        ? "the system's default BLAS (libopenblas0-openmp is missing)"
        : `OpenBLAS, openmp${avx512 ? ', SkylakeX' : ''}`,
    async open(task) {
      const ways: Record<string, string> =
        task.mode === 'train-char' ? { for: 'Adam one by one', foreach: 'Adam foreach' } : { '-': '' }
      const variants: Variant[] = []
      for (const [way, note] of Object.entries(ways)) {
        const variant = await openInChild(childOf(task.threads), task, way, note)
        if (variant) variants.push(variant)
      }
      return variants
    },
    async close() {
      for (const child of children.values()) await child.close()
    }
  }
}

async function findPython(): Promise<{ file: string; version: string } | null> {
  const named = process.env['GATECELL_PYTHON']
  for (const file of named ? [named] : ['python3', '/usr/bin/python3']) {
    try {
      const { stdout } = await run(file, ['-c', 'import torch; print(torch.__version__)'], { timeout: 120_000 })
      return { file, version: stdout.trim() }
    } catch {
      continue // no such program, or no torch in it: the next one is tried, and none is reported
    }
  }
  return null
}

/** The folder of the openmp flavour of OpenBLAS, where Debian puts it; null where it is not installed. */
function openmpBlas(): string | null {
  const libraries = '/usr/lib'
  const folders = existsSync(libraries) ? readdirSync(libraries) : []
  const found = folders
    .map((name) => join(libraries, name, 'openblas-openmp'))
    .filter((path) => existsSync(join(path, 'libopenblas.so.0')))
  return found[0] ?? null
}
