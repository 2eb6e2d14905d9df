// Sequences that draw other values than tokens, such as the points of a pen, in one engine.
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createEngine, createSession, defineModel, f32, linear, lstm, mixtureSampler } from '../../../src/index.js'

const model = defineModel(
  {
    name: 'pen',
    config: {},
    inputs: { points: f32('length', 'batch', 3) },
    forward({ points }) {
      const y = lstm(points, { name: 'lstm', hidden: 16, layers: 2, carry: true }).output
      return { y: linear(y, { name: 'head', size: 13 }) }
    }
  },
  { seed: 3 }
)
const sequence = { samplers: { points: mixtureSampler({ bias: 0.4 }) }, inputs: { points: [0, 0, 1] }, records: ['y'] }

/** Returns the points and records of a session by itself. */
async function alone(seed: number, count: number, bias = 0.4, first = [0, 0, 1]): Promise<number[][]> {
  const samplers = { points: mixtureSampler({ bias }) }
  const session = createSession(model, { ...sequence, samplers, inputs: { points: first }, seed })
  const [values, outputs]: number[][] = [[], []]
  for await (const block of session.run(count)) {
    values!.push(...block.values['points']!)
    outputs!.push(...block.outputs['y']!)
  }
  return [values!, outputs!]
}

t.test('each sequence has the values that it has by itself, with settings and inputs of its own', async (t) => {
  using engine = createEngine(model, { maxRows: 3, maxAhead: 20, sequence })
  const made = Array.from({ length: 12 }, async (_, seed) => {
    for (let i = 0; i < seed % 4; i++) await setImmediate()
    const samplers = { points: mixtureSampler({ bias: seed / 4 }) }
    const inputs = { points: [seed, 0, 0] }
    const { values, outputs, reason } = await engine
      .generate([], { seed, maxTokens: 7 * seed, samplers, inputs })
      .result()
    const [points = [], y = []] = await alone(seed, 7 * seed, seed / 4, [seed, 0, 0])
    t.same([...(values['points'] ?? [])], points)
    t.same([...(outputs['y'] ?? [])], y)
    t.equal(reason, 'length')
  })
  await Promise.all(made)
  using session = engine.createSession()
  const [whole = []] = await alone(5, 30)
  const first = await session.generate([], { seed: 5, maxTokens: 11 }).result()
  using moved = engine.createSession(structuredClone(session.save()))
  for (const one of [session, moved]) {
    const rest = await one.generate([], { maxTokens: 19 }).result()
    t.same([...first.values['points']!, ...rest.values['points']!], whole)
  }
})

t.test('options of tokens are refused', async (t) => {
  using engine = createEngine(model, { sequence })
  for (const prompt of [[1], 'a']) t.throws(() => engine.generate(prompt), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => engine.generate([], { topK: 3 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => engine.generate([], { inputs: { points: [1] } }), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => createEngine(model, { sequence: {} }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => createEngine(model), { code: 'ERR_UNSUPPORTED' })
})
