// Builds the native tests without Node and runs them once per instruction set that this machine has, two runs at a time.
//   --sanitize address,undefined | thread   builds with sanitizers (thread: only the cases named "*thread*")
//   --isa scalar,avx2                       only these (one that the machine lacks is an error)
//   --arm64                                 cross-compiles for 64-bit ARM and runs the tests of the kernels under qemu; with --all all tests
//   --all                                   also the long cases (marked skip), and with the address sanitizer also scalar
// With GATECELL_COUNTS=<file> it appends a line "passed failed" per run.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runDoctests } from './doctests.mjs'
import { fail, root, run } from './lib.mjs'

const { values } = parseArgs({
  options: {
    sanitize: { type: 'string' },
    isa: { type: 'string' },
    arm64: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false }
  }
})
const kind = values.arm64 ? 'arm64' : (values.sanitize?.replaceAll(',', '-') ?? 'release')
const build = join(root, 'build', `native-${kind}`)
const options = ['-DGATECELL_TESTS=ON', '-DGATECELL_WERROR=ON', `-DGATECELL_SANITIZE=${values.sanitize ?? ''}`]
run('cmake', ['-S', '.', '-B', build, ...options, ...(values.arm64 ? crossed() : [])])
run('cmake', ['--build', build, '--parallel', '2', '--target', 'gatecell_native_tests'])

/** The options of a build for 64-bit ARM. Its compiler must not see the headers of this machine, among which doctest is. */
function crossed() {
  const from = ['/usr/include', '/usr/local/include'].find((path) => existsSync(join(path, 'doctest/doctest.h')))
  if (from === undefined) fail('Expected doctest/doctest.h in /usr/include, found none: install doctest-dev.')
  const include = join(build, 'include')
  mkdirSync(join(include, 'doctest'), { recursive: true })
  copyFileSync(join(from, 'doctest/doctest.h'), join(include, 'doctest/doctest.h'))
  return [`-DCMAKE_TOOLCHAIN_FILE=${join(root, 'scripts', 'aarch64-linux.cmake')}`, `-DDOCTEST_INCLUDE=${include}`]
}

const emulator = values.arm64 ? ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'] : []
const program = join(build, 'gatecell_native_tests')
const [first, ...rest] = [...emulator, program]
const found = spawnSync(first, [...rest, '--isa-found'], { encoding: 'utf8' }).stdout?.trim()
const ladder = values.arm64 ? ['scalar', 'neon'] : ['scalar', 'avx2', 'avx512']
if (!ladder.includes(found)) fail(`Expected the instruction set from ${program} --isa-found, found "${found}".`)
const ours = ladder.slice(0, ladder.indexOf(found) + 1)
// Instrumented scalar kernels compile only without optimization, and take longer than all others together: the release build runs them.
const addressed = values.all || found === 'scalar' ? ours : ours.slice(1)
// What ThreadSanitizer looks at is the same under each instruction set.
const one = values.sanitize === 'thread' || (values.arm64 && !values.all)
const all = one ? [found] : values.sanitize === undefined ? ours : addressed
const isas = values.isa?.split(',') ?? all

// An emulated processor takes minutes for all tests; these compare the tables of kernels directly.
const kernelTests = ['vec', 'math', 'gemm', 'cell', 'narrow', 'map'].map((name) => `*/${name}_test.cc`).join()
const filter =
  values.sanitize === 'thread' ? ['--test-case=*thread*'] : values.arm64 && !values.all ? [`--source-file=${kernelTests}`] : [] // prettier-ignore
const { failures } = await runDoctests(
  isas.map((isa) => ({
    name: `native tests: ${isa}${values.sanitize ? `, sanitizers ${values.sanitize}` : ''}`,
    program: first,
    args: [...rest, ...filter, ...(values.all && !values.arm64 ? ['--no-skip'] : [])],
    env: { GATECELL_ISA: isa }
  }))
)
process.exit(failures === 0 ? 0 : 1)
