// gatecell doctor tries the CUDA library in a process of its own: a library that cannot be used becomes a reason in the report, and the rest of the
// report is complete.
import t from 'tap'
import { gatecell } from '../cli/command.js'
import { emulator } from './device.js'
import { existsSync } from 'node:fs'

const cwd = t.testdir({ 'text.so': 'no library at all' })
const skip = existsSync(emulator) ? false : 'the emulator was not built (npm run test:cuda -- --only emulator)'

t.test('a library that does not load', async (t) => {
  const { code, records } = await gatecell(['doctor', '--json'], {
    cwd,
    env: { GATECELL_CUDA_LIBRARY: `${cwd}/text.so` }
  })
  t.equal(code, 0)
  t.match(records[0], { healthy: true, backends: { cuda: { available: false, reason: /did not load/ } } })
})

t.test('a library with a device learns the alphabet on it', { skip }, async (t) => {
  const { records } = await gatecell(['doctor', '--json'], { cwd, env: { GATECELL_CUDA_LIBRARY: emulator } })
  t.match(records[0], {
    backends: { cuda: { available: true, reason: /^emulator, .*: learned the alphabet in \d+ steps/ } }
  })
})
