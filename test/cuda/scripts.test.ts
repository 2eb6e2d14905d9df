// The scripts for a machine with a GPU, tried on the emulated device at the smallest shapes: each part runs or prints what is missing.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { root } from '../cli/command.js'
import { emulator } from './device.js'

const skip = existsSync(emulator) ? false : 'the emulator was not built (npm run test:cuda -- --only emulator)'
const build = join(root, 'build', 'native-release')
const bench = join(build, 'native', 'cuda', 'gatecell_cuda_bench')

const cwd = t.testdir({ bin: {}, machines: {} })
// A sanitizer that prints a line and runs the command that it is given.
writeFileSync(join(cwd, 'bin', 'compute-sanitizer'), '#!/bin/sh\necho "sanitizer $2"\nshift 4\nexec "$@"\n', {
  mode: 0o755
})

async function script(name: string, words: readonly string[], more: Record<string, string> = {}) {
  const { NODE_OPTIONS: _, GATECELL_DATA: __, ...inherited } = process.env
  const env = {
    ...inherited,
    GATECELL_CUDA_LIBRARY: emulator,
    GATECELL_CUDA_BUILD: build,
    GATECELL_MACHINES: join(cwd, 'machines'),
    CUDA_HOME: join(cwd, 'none'),
    ...more
  }
  const run = promisify(execFile)('bash', [join(root, 'native', 'cuda', 'test', name), ...words], { env })
  return await run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error
  )
}

t.test('compute-sanitizer: each of its tools over the tests, or a line', { skip }, async (t) => {
  const path = [join(cwd, 'bin'), process.env['PATH']].join(':')
  const ran = await script('sanitize.sh', ['-tc=device model*'], { PATH: path })
  t.equal(ran.code, 0, ran.stderr)
  t.match(ran.stdout, /sanitizer memcheck[^]*2 passed[^]*sanitizer racecheck[^]*2 passed/)
  const missed = await script('sanitize.sh', ['-tc=device model*'], { PATH: path, GATECELL_CUDA_LIBRARY: '/none.so' })
  t.match(missed, { code: 0, stdout: /^skipped: the CUDA tests need a device/ })
})

t.test('everything, with figures and a table', { skip: skip || !existsSync(bench) }, async (t) => {
  const { code, stdout, stderr } = await script('all.sh', ['--tiny', 'lstm', 'sample', 'recipe'])
  t.equal(code, 0, stderr)
  t.match(stdout, /auto chose cpu: the CUDA library is an emulator/)
  t.match(stdout, /skipped: shakespeare-gpu needs GATECELL_DATA/)
  const rows = readFileSync(join(cwd, 'machines', 'emulator-bf16.jsonl'), 'utf8')
    .trim()
    .split('\n')
  t.match(JSON.parse(rows[1]!), { library: 'gatecell', H: 16, forward_us: Number, forward_wall_us: Number })
  t.match(readFileSync(join(cwd, 'machines', 'emulator.md'), 'utf8'), /\| bf16 \| 16 [^]*\| sample 1 x 8/)
  t.match(await script('all.sh', ['nothing']), { code: 2, stdout: /Expected tests, sanitize/ })
})
