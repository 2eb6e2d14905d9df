// The functions that the addon exports, called directly with wrong arguments: each call returns or throws a typed error, and the
// process stays alive. src/graph passes only valid arguments; a program that loads the addon without it can pass anything.
import t from 'tap'
import { native } from '../../src/native.js'
import { addonRecipes } from './addon-recipes.js'
import { watch } from './watchdog.js'
import { rounds } from '../amounts.js'

t.test('each function of the addon has right arguments to change', async (t) => {
  const exported = Object.keys(native()).filter((name) => name !== 'version')
  t.same(Object.keys(addonRecipes).sort(), exported.sort())
})

t.test('hostile calls of the addon end in typed errors', async (t) => {
  const calls = rounds(700, 800, 100_000)
  const { calls: made, findings } = await watch('test/border/addon-child', String(calls), '1')
  t.same(findings, [])
  // In one of a thousand the value to be changed is itself one whose getter throws, and no call is made.
  t.ok(made > 0.99 * calls, `${made} calls`)
})
