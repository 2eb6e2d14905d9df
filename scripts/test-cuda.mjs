// Runs the CUDA tests (native/cuda/test) on the emulated device, with its threads first to last and last to first, and the tests of the
// emulator itself (native/cuda/test/emulator). If there are nvcc and a GPU, runs them on the GPU, too; with --sanitize also under
// compute-sanitizer (native/cuda/test/sanitize.sh).
//   --only gpu|emulator
// With GATECELL_COUNTS=<file> it appends a line "passed failed" per run.
import { spawnSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildCuda, buildFolder, hasGpu, hasNvcc, library } from './cuda-lib.mjs'
import { fail, root, run } from './lib.mjs'

const { values } = parseArgs({
  options: { only: { type: 'string' }, sanitize: { type: 'boolean', default: false } }
})
if (values.only !== undefined && !['gpu', 'emulator'].includes(values.only)) {
  fail(`Expected gpu or emulator for --only, found "${values.only}".`)
}
let failures = 0

/** Runs the tests on one library; `mustRun`: a skip is a failure. */
function test(name, file, program, env, { mustRun, only = [] }) {
  console.log(`cuda tests: ${name}`)
  const result = spawnSync(program, ['--no-colors', ...only], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, GATECELL_CUDA_LIBRARY: file, ...env }
  })
  process.stdout.write(result.stdout)
  if (!mustRun && result.status === 0 && result.stdout.startsWith('skipped:')) return false
  const counts = /test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed/.exec(result.stdout)
  const passed = Number(counts?.[2] ?? 0)
  const failed = Math.max(Number(counts?.[3] ?? 1), result.status === 0 && passed > 0 ? 0 : 1)
  failures += failed
  if (process.env.GATECELL_COUNTS) appendFileSync(process.env.GATECELL_COUNTS, `${passed} ${failed}\n`)
  return true
}

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
  test('instructions and kernels by themselves', emulator, instructions, {}, { mustRun: true })
  test('the same, threads and blocks last to first', emulator, instructions, reverse, { mustRun: true })
  test('emulator', emulator, program, {}, { mustRun: true })
  test('emulator, threads and blocks last to first', emulator, program, reverse, { mustRun: true })
  const other = { GATECELL_EMULATOR_WGMMA: 'unswizzled' }
  const only = ['-tc=*a device on which wgmma gives something else*']
  test('emulator, a device that reads operands otherwise', emulator, program, other, { mustRun: true, only })
}
if (values.only !== 'emulator' && !hasGpu()) console.log('skipped: the CUDA tests on a GPU, because there is none')
else if (values.only !== 'emulator' && hasNvcc('the CUDA tests on a GPU')) {
  buildCuda(['gatecell_cuda', 'gatecell_cuda_tests'], ['-DGATECELL_TESTS=ON'])
  const program = join(buildFolder, 'native', 'cuda', 'gatecell_cuda_tests')
  const there = test('GPU', library, program, {}, { mustRun: false })
  if (there && values.sanitize) {
    const { status } = spawnSync('bash', ['native/cuda/test/sanitize.sh'], { cwd: root, stdio: 'inherit' })
    failures += status === 0 ? 0 : 1
  }
}
process.exit(failures === 0 ? 0 : 1)
