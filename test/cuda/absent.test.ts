// Without a CUDA library, or with one that is none: a reason, never a crash. A process per case: the library is opened once.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { packageInfo } from '../../src/native.js'
import { compiledProgram, plainEnvironment } from '../compiled.js'

const folder = t.testdir({ 'text.so': 'no library at all' })
const libc = '/lib/x86_64-linux-gnu/libm.so.6'

/** Returns the output of test/cuda/print-device.ts with this library. */
function printed(library: string): {
  available: boolean
  reason: string
  auto: { device: string; why: string }
  cuda: string
} {
  const result = spawnSync(process.execPath, [compiledProgram('test/cuda/print-device')], {
    cwd: packageInfo().root,
    encoding: 'utf8',
    env: { ...plainEnvironment(), GATECELL_CUDA_LIBRARY: library }
  })
  if (result.status !== 0) throw new Error(result.stderr)
  return JSON.parse(result.stdout) as ReturnType<typeof printed>
}

for (const [name, library, reason] of [
  ['a file that is not there', join(folder, 'none.so'), /^there is no CUDA library at .*none\.so$/],
  ['a file that is no library', join(folder, 'text.so'), /^the CUDA library did not load: /],
  ['a library of something else', libc, /is not a device library of gatecell$|^there is no CUDA library/]
] as const) {
  t.test(name, async (t) => {
    const report = printed(library)
    t.equal(report.available, false)
    t.match(report.reason, reason)
    t.match(report.auto, { device: 'cpu', why: /^expected a GPU, but / })
    t.match(report.cuda, /^ERR_UNSUPPORTED: .*expected a GPU, but /)
  })
}
