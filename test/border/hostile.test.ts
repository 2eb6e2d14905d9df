// Public functions and methods of what they return (so far ops, layers, initializers and graphs), called with one wrong argument or option at a time: a typed error, the
// caller's own error or a valid result, soon, and the objects work afterwards.
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
