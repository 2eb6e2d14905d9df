// The CUDA library for a test: with a GPU the real one, where it was built; else the emulator's. In that order, and never both,
// because the engine opens one library in the life of a process.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageInfo } from '../../src/native.js'

const { root } = packageInfo()
export const real = join(root, 'build', 'Release', 'gatecell_cuda.so')
export const emulator = join(root, 'build', 'native-release', 'native', 'cuda', 'gatecell_cuda_emulator.so')
const hasDriver = existsSync('/proc/driver/nvidia/version')

/** The file to test with, and why there is none. */
export const library: { file: string | null; skip: string | false } =
  hasDriver && existsSync(real)
    ? { file: real, skip: false }
    : existsSync(emulator)
      ? { file: emulator, skip: false }
      : { file: null, skip: `no GPU, and the emulator was not built (npm run test:cuda -- --only emulator)` }
