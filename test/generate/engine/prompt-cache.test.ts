// The cache of states after prompts: a state that two versions of the weights made is not kept.
import t from 'tap'
import { PromptCache } from '../../../src/generate/engine/prompt-cache.js'
import type { SessionValue } from '../../../src/generate/rows.js'

const value = (...h: number[]): SessionValue => ({ states: { h: Float32Array.from(h) }, inputs: {}, position: 0, seed: 0, settings: {}, kept: {}, home: null }) // prettier-ignore
const tokens = Int32Array.from({ length: 300 }, (_, i) => i)

t.test('states are kept for the weights of the whole prompt only', async (t) => {
  let version = 1
  const cache = new PromptCache(2 ** 16, () => version)
  const keys = cache.keysOf(tokens)
  t.same([...keys.byLength.keys()], [288, 256, 128])
  cache.keep(keys, 128, value(1))
  const found = value(0)
  t.equal(cache.find(cache.keysOf(tokens), found), 128)
  t.same([found.position, found.states['h']![0]], [128, 1])
  // The weights change while the rest of the prompt is read.
  version = 2
  cache.keep(keys, 256, value(2))
  t.equal(cache.find(cache.keysOf(tokens), value(0)), 0)
  cache.keep(cache.keysOf(tokens), 256, value(3))
  t.equal(cache.find(cache.keysOf(tokens.subarray(0, 280)), found), 256)
  t.equal(found.states['h']![0], 3)
})
