// An engine of many sequences on the device: rows that enter, leave and move between two blocks have the tokens that they have on the processor.
import t from 'tap'
import { createEngine } from '../../src/generate/engine/engine.js'
import type { Device } from '../../src/graph/opcodes.js'
import { library } from './device.js'
import { textFixture } from './text.js'

if (library.file !== null) process.env['GATECELL_CUDA_LIBRARY'] = library.file
const { skip } = library

/** Returns the tokens of generations that share rows, whose prompts need none, one or several slices, and of a session that continues. */
async function drawn(device: Device): Promise<number[][]> {
  const { model } = textFixture(device)
  const engine = createEngine(model, { maxRows: 3 })
  const prompts = [1, 2, 20, 40, 5, 1].map((length, i) => Array.from({ length }, (_, j) => (i + j) % 5))
  const all = prompts.map((prompt, seed) => engine.generate(prompt, { maxTokens: 8 + 3 * seed, seed }))
  const tokens = await Promise.all(all.map(async (one) => [...(await one.result()).tokens]))
  const session = engine.createSession()
  for (const prompt of [[1, 2], []])
    tokens.push([...(await session.generate(prompt, { maxTokens: 6 }).result()).tokens])
  engine.dispose()
  await engine.drain()
  model.dispose()
  return tokens
}

t.test('an engine on the device draws what it draws on the processor', { skip }, async (t) => {
  t.same(await drawn('cuda'), await drawn('cpu'))
})
