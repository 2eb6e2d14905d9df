// The public functions and methods, called with one wrong argument or option at a time: each call ends soon in
// a typed error, the caller's own error or a valid result, and the objects work afterwards.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { watch } from './watchdog.js'

const child = fileURLToPath(new URL('./child.ts', import.meta.url))

t.test('hostile calls end in typed errors', async (t) => {
  const calls = process.env['GATECELL_TEST_ALL'] ? 1_000_000 : 3000
  const { calls: made, findings } = await watch(child, String(calls), '1')
  t.same(findings, [])
  t.ok(made >= calls, `${made} calls`)
})
