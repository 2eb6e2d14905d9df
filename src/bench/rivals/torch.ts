// PyTorch in a process of its own, at its best on this kind of processor: the openmp flavour of OpenBLAS (the pthread
// flavour collapses with two threads), its AVX-512 kernels (by default it takes slower ones on some CPUs), and the same
// number of threads for both. On a GPU: with cuDNN, in each type that fits the precision of the task; the fastest one counts.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openInChild, startChild, type Child } from './child.js'
import type { MissingRival, Rival, Task, Variant } from './types.js'

const NAME = 'PyTorch'
const ASK = `import json, torch
print(json.dumps({
  "version": torch.__version__,
  "cudnn": str(torch.backends.cudnn.version()) if torch.cuda.is_available() else None,
  "built": torch.__config__.show()
}))`
const run = promisify(execFile)

/** Finds PyTorch. `folder` is bench/rivals of the repository, `avx512` whether the CPU has AVX-512. */
export async function findTorch(
  folder: string,
  avx512: boolean,
  device: 'cpu' | 'cuda' = 'cpu'
): Promise<Rival | MissingRival> {
  const script = join(folder, 'torch_lstm.py')
  if (!existsSync(script))
    return {
      name: NAME,
      missing: 'its program bench/rivals/torch_lstm.py is in the repository, not in the npm package'
    }
  const blas = openmpBlas()
  const environment = (threads: number): Record<string, string> => ({
    GATECELL_TORCH_DEVICE: device,
    OMP_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(threads),
    ...(avx512 && { OPENBLAS_CORETYPE: 'SkylakeX' }),
    ...(blas !== null && { LD_LIBRARY_PATH: [blas, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':') })
  })
  const python = await findPython()
  if (python && device === 'cuda' && python.cudnn === null) {
    return {
      name: NAME,
      missing: `PyTorch ${python.version} of ${python.file} has no CUDA or finds no GPU; name a python with one by GATECELL_PYTHON`
    }
  }
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
      device === 'cuda'
        ? `cuDNN ${python.cudnn}, runs back to back with one synchronisation for every ${SYNC} of them`
        : librariesOf(python.built, { openmp: blas !== null, avx512 }),
    async open(task) {
      const ways = device === 'cuda' ? waysOnGpu(task) : waysOnCpu(task)
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

/** As in torch_lstm.py. */
const SYNC = 16

const waysOnCpu = ({ mode }: Task): Record<string, string> =>
  mode.startsWith('train-') ? { for: 'Adam one by one', foreach: 'Adam foreach' } : { '-': '' }

/** bf16: also half precision, for which cuDNN has kernels of its own, and where it trains mixed precision with float32 weights. */
function waysOnGpu({ mode, precision }: Task): Record<string, string> {
  if (precision !== 'bf16') return { [precision]: precision === 'f32' ? 'float32, no TF32' : 'float32, TF32' }
  const pure = { bf16: 'all in bfloat16', f16: 'all in float16' }
  return mode === 'train-char' || mode === 'layer' ? { ...pure, autocast: 'autocast to bfloat16' } : pure
}

/**
 * Names the libraries that do PyTorch's products, from `built`, the text of torch.__config__.show(). `openmp`: Debian's openmp
 * flavour of OpenBLAS was found; only a build against a system's OpenBLAS uses it, and only that reads OPENBLAS_CORETYPE.
 */
export function librariesOf(built: string, { openmp, avx512 }: { openmp: boolean; avx512: boolean }): string {
  const blas = /\bBLAS_INFO=(\w+)/.exec(built)?.[1]
  const mkl = /Math Kernel Library Version (\d[\d.]*)/.exec(built)?.[1]
  const onednn = /MKL-DNN v(\d[\d.]*)/.exec(built)?.[1]
  const names: Record<string, string> = {
    mkl: `MKL${mkl === undefined ? '' : ` ${mkl}`}`,
    open: openmp
      ? `OpenBLAS, openmp${avx512 ? ', SkylakeX' : ''}`
      : "the system's default OpenBLAS (libopenblas0-openmp is missing)"
  }
  const name = blas === undefined ? 'an unknown BLAS' : (names[blas] ?? `BLAS "${blas}"`)
  return onednn === undefined ? name : `${name}; oneDNN ${onednn}`
}

interface Python {
  file: string
  version: string
  /** Version of cuDNN if there is a GPU. */
  cudnn: string | null
  built: string
}

async function findPython(): Promise<Python | null> {
  const named = process.env['GATECELL_PYTHON']
  for (const file of named ? [named] : ['python3', '/usr/bin/python3']) {
    try {
      const { stdout } = await run(file, ['-c', ASK], { timeout: 120_000 })
      const { version, cudnn, built } = JSON.parse(stdout) as Omit<Python, 'file'>
      return { file, version, cudnn, built }
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
