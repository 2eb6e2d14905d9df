// The public functions and methods, called with one wrong argument or option at a time: each call ends soon in
// a typed error, the caller's own error or a valid result, and the objects work afterwards.
import t from 'tap'
import { watch } from './watchdog.js'
import { rounds } from '../amounts.js'

t.test('hostile calls end in typed errors', async (t) => {
  const { GATECELL_HOSTILE_CALLS: wanted, GATECELL_HOSTILE_SEED: seed = '1' } = process.env
  const calls = Number(wanted ?? rounds(1500, 1500, 100_000))
  const { calls: made, findings } = await watch('test/border/child', String(calls), seed)
  t.same(findings, [])
  t.ok(made >= calls, `${made} calls`)
})
