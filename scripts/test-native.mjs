// Builds the native tests without Node and runs them once per instruction set that this machine has, two runs at a time.
//   --sanitize address,undefined | thread   builds with sanitizers (thread: only the cases named "*thread*")
//   --isa scalar,avx2                       only these (one that the machine lacks is an error)
//   --all                                   also the long cases (marked skip), and with the address sanitizer also scalar
// With GATECELL_COUNTS=<file> it appends a line "passed failed" per run.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runDoctests } from './doctests.mjs'
import { fail, root, run } from './lib.mjs'

const { values } = parseArgs({
  options: { sanitize: { type: 'string' }, isa: { type: 'string' }, all: { type: 'boolean', default: false } }
})
const build = join(root, 'build', `native-${values.sanitize?.replaceAll(',', '-') ?? 'release'}`)
const options = ['-DGATECELL_TESTS=ON', '-DGATECELL_WERROR=ON', `-DGATECELL_SANITIZE=${values.sanitize ?? ''}`]
run('cmake', ['-S', '.', '-B', build, ...options])
run('cmake', ['--build', build, '--parallel', '2'])

const program = join(build, 'gatecell_native_tests')
const found = spawnSync(program, ['--isa-found'], { encoding: 'utf8' }).stdout.trim()
const ladder = ['scalar', 'avx2', 'avx512']
if (!ladder.includes(found)) fail(`Expected the instruction set from ${program} --isa-found, found "${found}".`)
const ours = ladder.slice(0, ladder.indexOf(found) + 1)
// Instrumented scalar kernels compile only without optimization, and take longer than all others together: the release build runs them.
const addressed = values.all || found === 'scalar' ? ours : ours.slice(1)
// What ThreadSanitizer looks at is the same under each instruction set.
const all = values.sanitize === undefined ? ours : values.sanitize === 'thread' ? [found] : addressed
const isas = values.isa?.split(',') ?? all

const filter = values.sanitize === 'thread' ? ['--test-case=*thread*'] : []
const { failures } = await runDoctests(
  isas.map((isa) => ({
    name: `native tests: ${isa}${values.sanitize ? `, sanitizers ${values.sanitize}` : ''}`,
    program,
    args: [...filter, ...(values.all ? ['--no-skip'] : [])],
    env: { GATECELL_ISA: isa }
  }))
)
process.exit(failures === 0 ? 0 : 1)
