// Common functions of the CUDA scripts: the search for nvcc, the folder of the build, the build itself and the messages of ptxas.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, hasCommand, root, run } from './lib.mjs'

export const buildFolder = join(root, 'build', 'cuda')
export const library = join(buildFolder, 'native', 'cuda', 'gatecell_cuda.so')
const kernelsFile = join(buildFolder, 'kernels.json')

/** Returns whether nvcc is on the PATH or named by CUDACXX. If it is not, prints a line with the part that is left out. */
export const hasNvcc = (what) => {
  if (process.env.CUDACXX !== undefined || hasCommand('nvcc')) return true
  console.log(`skipped: ${what}, because nvcc (CUDA toolkit 12 or newer) is not on the PATH`)
  return false
}

/** Returns whether this machine has an NVIDIA GPU, whose driver makes one of these files. */
export const hasGpu = () => ['/dev/nvidiactl', '/dev/dxg'].some((file) => existsSync(file))

/**
 * Targets of nvcc. The library that is shipped has code for sm_80 and sm_90a. On a machine without a GPU, PTX for sm_80 and code for sm_90a
 * prove in less time that every kernel compiles for both.
 */
export const allTargets = '80;90a-real'
export const provingTargets = '80-virtual;90a-real'

/** Registers, stack and spills of each kernel and target, from what ptxas prints. */
export const parseKernels = (text) => {
  const pattern =
    /Compiling entry function '(\w+)' for '(\w+)'[^]*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads[^]*?Used (\d+) registers/g
  return [...text.matchAll(pattern)].map(([, symbol, target, stack, stores, loads, registers]) => {
    const [first, second] = [Number(stores), Number(loads)]
    return { symbol, target, registers: Number(registers), stack: Number(stack), spills: first + second }
  })
}

/** Every kernel of the last builds; ptxas speaks of a file only when that is compiled, so they are kept in the build folder. */
export const knownKernels = () => (existsSync(kernelsFile) ? JSON.parse(readFileSync(kernelsFile, 'utf8')) : {})

const keepKernels = (text) => {
  const kernels = knownKernels()
  for (const kernel of parseKernels(text)) kernels[`${kernel.symbol} ${kernel.target}`] = kernel
  writeFileSync(kernelsFile, JSON.stringify(kernels))
}

/** Configures and builds the CMake `targets` with nvcc, for the `architectures` of `allTargets` or `provingTargets`. */
export const buildCuda = (targets, options = [], architectures = allTargets) => {
  const settings = ['-DGATECELL_CUDA=ON', '-DGATECELL_CUDA_RESOURCES=ON', `-DGATECELL_CUDA_TARGETS=${architectures}`]
  run('cmake', ['-S', '.', '-B', buildFolder, ...settings, ...options])
  mkdirSync(buildFolder, { recursive: true })
  const made = spawnSync('cmake', ['--build', buildFolder, '--parallel', '2', '--target', ...targets], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, MAKEFLAGS: '--output-sync=target' } // keeps the messages of ptxas about two files apart
  })
  const said = (made.stdout ?? '') + (made.stderr ?? '')
  if (made.status !== 0)
    fail(`Expected the CUDA library to build, but it failed:\n${said.replace(/^ptxas .*\n/gm, '')}`)
  const serialized = /^.*wgmma\.mma_async instructions are serialized.*$/m.exec(said)
  if (serialized) fail(`Expected products of warpgroups that overlap, but ptxas says:\n${serialized[0]}`)
  keepKernels(said)
}
