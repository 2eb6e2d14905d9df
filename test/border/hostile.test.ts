// Every public function and every method of what they return, called with one wrong argument or option at a time: a typed error, the
// caller's own error or a valid result, soon, and the objects work afterwards.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { missing } from './recipes.js'
import { watch } from './watchdog.js'
import { makeFiles } from './worlds.js'

const child = fileURLToPath(new URL('./child.ts', import.meta.url))

t.test('every public function has right arguments to make wrong ones of', async (t) => {
  const folder = process.cwd()
  process.chdir(t.testdir())
  t.teardown(() => process.chdir(folder))
  makeFiles()
  t.same(await missing(), [])
})

t.test('hostile calls end in typed errors', async (t) => {
  const calls = process.env['GATECELL_TEST_ALL'] ? 1_000_000 : 10_000
  const { calls: made, findings } = await watch(child, String(calls), '1')
  t.same(findings, [])
  t.ok(made >= calls, `${made} calls`)
})
