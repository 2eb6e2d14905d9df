// Runs the CUDA tests (native/cuda/test) on the emulated device, half of them with its threads first to last and half last to first, and the
// tests of the emulator itself (native/cuda/test/emulator). If there are nvcc and a GPU, runs them on the GPU, too; with --sanitize also
// under compute-sanitizer (native/cuda/test/sanitize.sh).
//   --only gpu|emulator
//   --all     every test in both orders of the emulated device
// With GATECELL_COUNTS=<file> it appends a line "passed failed" per run.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildCuda, buildFolder, hasGpu, hasNvcc, library } from './cuda-lib.mjs'
import { runDoctests } from './doctests.mjs'
import { fail, root, run } from './lib.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    all: { type: 'boolean', default: false },
    sanitize: { type: 'boolean', default: false }
  }
})
if (values.only !== undefined && !['gpu', 'emulator'].includes(values.only)) {
  fail(`Expected gpu or emulator for --only, found "${values.only}".`)
}
let failures = 0
const device = (name, file, program, env = {}, more = {}) => ({
  name: `cuda tests: ${name}`,
  program,
  env: { GATECELL_CUDA_LIBRARY: file, ...env },
  ...more
})

if (values.only !== 'gpu') {
  const build = join(root, 'build', 'native-release') // that of test-native.mjs: the core is compiled once
  run('cmake', ['-S', '.', '-B', build, '-DGATECELL_TESTS=ON', '-DGATECELL_WERROR=ON', '-DGATECELL_EMULATOR=ON'])
  const targets = ['gatecell_cuda_emulator', 'gatecell_cuda_tests', 'gatecell_emulator_tests', 'gatecell_cuda_bench']
  run('cmake', ['--build', build, '--parallel', '2', '--target', ...targets])
  const folder = join(build, 'native', 'cuda')
  const emulator = join(folder, 'gatecell_cuda_emulator.so')
  const program = join(folder, 'gatecell_cuda_tests')
  const instructions = join(folder, 'gatecell_emulator_tests')
  const reverse = { GATECELL_EMULATOR_ORDER: 'reverse' }
  const unswizzled = { GATECELL_EMULATOR_WGMMA: 'unswizzled' }
  const only = ['-tc=*a device on which wgmma gives something else*']
  const files = readdirSync(join(root, 'native/cuda/test')).filter((name) => name.endsWith('_test.cc'))
  const halfOf = (rest) => `--source-file=${files.filter((_, i) => i % 2 === rest).map((name) => `*/${name}`).join()}` // prettier-ignore
  const [first, last] = values.all ? [[], []] : [[halfOf(0)], [halfOf(1)]]
  const emulated = await runDoctests([
    device('emulator', emulator, program, {}, { args: first }),
    device('emulator, threads and blocks last to first', emulator, program, reverse, { args: last }),
    device('instructions and kernels by themselves', emulator, instructions),
    device('the same, threads and blocks last to first', emulator, instructions, reverse),
    device('emulator, a device that reads operands otherwise', emulator, program, unswizzled, { args: only })
  ])
  failures += emulated.failures
}
if (values.only !== 'emulator' && !hasGpu()) console.log('skipped: the CUDA tests on a GPU, because there is none')
else if (values.only !== 'emulator' && hasNvcc('the CUDA tests on a GPU')) {
  buildCuda(['gatecell_cuda', 'gatecell_cuda_tests'], ['-DGATECELL_TESTS=ON'])
  const program = join(buildFolder, 'native', 'cuda', 'gatecell_cuda_tests')
  const there = await runDoctests([device('GPU', library, program, {}, { maySkip: true })])
  failures += there.failures
  if (there.skipped.length === 0 && values.sanitize) {
    const { status } = spawnSync('bash', ['native/cuda/test/sanitize.sh'], { cwd: root, stdio: 'inherit' })
    failures += status === 0 ? 0 : 1
  }
}
process.exit(failures === 0 ? 0 : 1)
