// Errors of an engine: bounds, bad arguments, disposal, and values and runs that are bad for one session only.
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import {
  createEngine,
  createSession,
  defineModel,
  embedding,
  i32,
  linear,
  lstm,
  ops,
  type EngineState
} from '../../../src/index.js'
import { idle, model, present, reference, tokensOf, VOCABULARY } from './world.js'

t.test('bounds are refused with a typed error, and disposal ends what is under way', async (t) => {
  const engine = createEngine(model, { maxRows: 1, maxWaiting: 2, maxSessions: 1 })
  const session = engine.createSession()
  t.throws(() => engine.createSession(), { code: 'ERR_OVERLOADED' })
  t.throws(() => session.fork(), { code: 'ERR_OVERLOADED' })
  const under = [0, 1, 2].map(() => engine.generate([1], { maxTokens: 2 ** 30 }))
  t.throws(() => engine.generate([1]), { code: 'ERR_OVERLOADED' })
  const rejected = under.map((one) => t.rejects(one.result(), { code: 'ERR_DISPOSED' }))
  await setImmediate()
  engine.dispose()
  engine.dispose()
  await Promise.all(rejected)
  for (const use of [() => engine.generate([1]), () => engine.createSession(), () => session.save()])
    t.throws(use, { code: 'ERR_DISPOSED' })
  const draining = createEngine(model)
  const last = tokensOf(draining.generate([1], { maxTokens: 100 }))
  const drained = draining.drain()
  t.throws(() => draining.generate([1]), { code: 'ERR_OVERLOADED' })
  await drained
  t.equal(draining.counts.sinceStep, 0)
  t.equal((await last).length, 100)
})

t.test('bad arguments are refused before anything begins', async (t) => {
  using engine = createEngine(model)
  const session = engine.createSession()
  const refused = (use: () => unknown, code: string) => t.throws(use, { code })
  refused(() => engine.generate([]), 'ERR_INVALID_ARGUMENT')
  refused(() => engine.generate('text'), 'ERR_INVALID_ARGUMENT')
  for (const prompt of [[-1], [VOCABULARY], [1, 2 ** 31 - 1]])
    refused(() => engine.generate(prompt), 'ERR_OUT_OF_RANGE')
  refused(() => engine.generate([0.5]), 'ERR_INVALID_ARGUMENT')
  refused(() => engine.generate([1], { stop: ['a'] }), 'ERR_INVALID_ARGUMENT')
  refused(() => engine.generate([1], { stopTokens: [VOCABULARY] }), 'ERR_OUT_OF_RANGE')
  refused(() => engine.generate([1], { logitBias: { x: 1 } }), 'ERR_INVALID_ARGUMENT')
  refused(() => engine.generate([1], { logitBias: { 99: 1 } }), 'ERR_OUT_OF_RANGE')
  refused(() => engine.generate([1], { temperature: -1 }), 'ERR_INVALID_ARGUMENT')
  const state = session.save()
  refused(() => session.restore({ ...state, unread: Int32Array.of(VOCABULARY) }), 'ERR_OUT_OF_RANGE')
  refused(() => session.restore({ ...state, states: {} }), 'ERR_INVALID_SHAPE')
  const under = session.generate([1], { maxTokens: 2 ** 30 })
  for (const use of [() => session.save(), () => session.generate([]), () => session.fork()]) refused(use, 'ERR_BUSY')
  session.dispose()
  await t.rejects(under.result(), { code: 'ERR_DISPOSED' })
  t.equal(engine.counts.sessions, 0)
  const plain = defineModel({
    name: 'plain',
    config: {},
    inputs: { x: i32('length', 'batch') },
    forward: ({ x }) => ({ y: embedding(x, { name: 'table', vocabulary: 3, size: 2 }) })
  })
  refused(() => createEngine(plain), 'ERR_UNSUPPORTED')
})

t.test('bad values of one session are errors of that session only', async (t) => {
  using engine = createEngine(model)
  const state = engine.createSession().save()
  const poisoned = engine.createSession({
    ...state,
    states: Object.fromEntries(Object.entries(state.states).map(([name, value]) => [name, value.map(() => NaN)]))
  })
  const bad = poisoned.generate([1], { maxTokens: 50 }).result()
  const good = tokensOf(engine.generate([1], { maxTokens: 50 }))
  await t.rejects(bad, { code: 'ERR_OUT_OF_RANGE' })
  t.same(await good, reference([1], { maxTokens: 50 }).tokens)
})

t.test('a run that fails is an error of the session that made it fail', async (t) => {
  using voices = defineModel(
    {
      name: 'voices',
      config: {},
      inputs: { tokens: i32('length', 'batch'), voice: i32(1, 'batch') },
      stream: { token: 'tokens', logits: 'logits' },
      forward({ tokens, voice }, { length }) {
        const x = embedding(tokens, { name: 'table', vocabulary: 7, size: 8 })
        const who = embedding(voice, { name: 'voices', vocabulary: 3, size: 8 })
        const y = lstm(length === 1 ? ops.add(x, who) : x, { name: 'lstm', hidden: 8, carry: true }).output
        return { logits: linear(y, { name: 'head', size: 7 }) }
      }
    },
    { seed: 4 }
  )
  using engine = createEngine(voices)
  const state = engine.createSession().save()
  const speaking = (voice: number): EngineState => ({
    ...state,
    inputs: { ...state.inputs, voice: Int32Array.of(voice) }
  })
  const made = [0, 99, 2, -5].map((voice) => engine.createSession(speaking(voice)).generate([1], { maxTokens: 30 }))
  const ends = await Promise.allSettled(made.map(tokensOf))
  t.same(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected']
  )
  for (const [i, voice] of [0, 2].entries()) {
    const session = createSession(voices, { inputs: { voice: [voice], tokens: [1] }, outputs: ['logits'] })
    const stream = engine.createSession(speaking(voice))
    t.same(
      (ends[2 * i] as PromiseFulfilledResult<number[]>).value,
      await tokensOf(stream.generate([1], { maxTokens: 30 }))
    )
    session.dispose()
  }
  t.same(present(engine), idle)
})
