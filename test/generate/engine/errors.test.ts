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
  type Chunk,
  type EngineState
} from '../../../src/index.js'
import { operationsOf } from '../../../src/graph/parameters.js'
import { RowWords } from '../../../src/generate/engine/row-table.js'
import { idle, letters, model, present, reference, tokensOf, VOCABULARY } from './world.js'

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

t.test('the decoder of a vocabulary that fails ends its generation, and changes nothing before', async (t) => {
  let decoder: unknown = { write: () => 'a' }
  using engine = createEngine(model, {
    vocabulary: { encode: () => Int32Array.of(1), decoder: () => decoder as never }
  })
  const session = engine.createSession()
  t.throws(() => session.generate([1], { seed: 7 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.equal(session.save().seed, 0, 'the seed as it was')
  const end = () => {
    throw new Error('an end that fails')
  }
  decoder = { write: () => 'a', end }
  for (const maxTokens of [0, 3])
    await t.rejects(session.generate([1], { maxTokens }).result(), { message: 'an end that fails' })
  decoder = { write: () => 'a', end: () => '' }
  t.equal((await session.generate([1], { maxTokens: 3 }).result()).text, 'aaa')
  t.equal(engine.counts.waiting, 0)
})

t.test('an abort delivers the tokens that the value of the session has', async (t) => {
  using engine = createEngine(model, { maxRows: 2, maxAhead: 1 })
  const session = engine.createSession()
  const kept = session.generate([1], { maxTokens: 2 ** 20 })
  const other = engine.generate(letters(5000), { scorePrompt: true, maxTokens: 1 })
  const chunks = kept[Symbol.asyncIterator]()
  let tokens = ((await chunks.next()).value as Chunk).tokens.length
  // The second block is under way. A step of a training that waits for it holds the third one, before which nothing is delivered.
  const fit = operationsOf(model.parameters).fit()
  const release = (await fit.step())!
  await setImmediate()
  kept.abort()
  release()
  fit.end()
  const rest = async () => {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) tokens += next.value.tokens.length
  }
  await t.rejects(rest, { code: 'ERR_ABORTED' })
  t.equal(session.position, tokens)
  other.abort()
})

t.test('generations of a client that ended in the queue cost it no turn', async (t) => {
  using engine = createEngine(model, { maxRows: 1 })
  const ends: string[] = []
  const begin = (client: string) => {
    const one = engine.generate([1], { maxTokens: 1, client })
    one.finished.then(() => ends.push(client), () => {}) // prettier-ignore
    return one
  }
  const made = [begin('a')]
  for (let i = 0; i < 9; i++) begin('a').abort()
  made.push(...['b', 'b', 'b', 'a'].map(begin))
  await Promise.all(made.map(({ finished }) => finished))
  t.equal(ends.join(''), 'abbab')
})

t.test('prompts that fail together are read one by one, next to a generation that lasts', async (t) => {
  using voices = defineModel(
    {
      name: 'voices',
      config: {},
      inputs: { tokens: i32('length', 'batch'), voice: i32(1, 'batch') },
      stream: { token: 'tokens', logits: 'logits' },
      forward({ tokens, voice }) {
        const x = embedding(tokens, { name: 'table', vocabulary: 7, size: 8 })
        const who = embedding(voice, { name: 'voices', vocabulary: 3, size: 8 })
        const y = lstm(
          ops.map([x, who], (a, b) => a.add(b)),
          { name: 'lstm', hidden: 8, carry: true }
        ).output
        return { logits: linear(y, { name: 'head', size: 7 }) }
      }
    },
    { seed: 4 }
  )
  using engine = createEngine(voices)
  const prompt = (length: number) => Array.from({ length }, (_, i) => i % 7)
  // The first slices have one row; these let the next ones have several.
  await Promise.all([1, 2, 3, 4].map((seed) => tokensOf(engine.generate(prompt(400), { maxTokens: 1, seed }))))
  const lasting = engine.generate([1], { maxTokens: 2 ** 30 })
  const read = (async () => { for await (const { tokens } of lasting) if (tokens.length < 0) break })() // prettier-ignore
  const state = engine.createSession().save()
  const speaking = (voice: number) =>
    engine.createSession({ ...state, inputs: { ...state.inputs, voice: Int32Array.of(voice) } })
  const made = [99, 1, -5].map((voice) => tokensOf(speaking(voice).generate(prompt(200), { maxTokens: 5 })))
  const ends = await Promise.allSettled(made)
  t.same(ends.map(({ status }) => status), ['rejected', 'fulfilled', 'rejected']) // prettier-ignore
  lasting.abort()
  await t.rejects(read, { code: 'ERR_ABORTED' })
  await engine.drain()
})

t.test('a table of rows without memory for more stays as it was', async (t) => {
  const settings = { temperature: 1, topK: 0, topP: 1, minP: 0, repetition: 1, presence: 0, frequency: 0, alternatives: -1, stopTokens: new Int32Array(0), bias: [], counts: null } // prettier-ignore
  const table = new RowWords(2, 2 ** 40)
  table.settle(1, settings)
  t.throws(() => table.settle(0, { ...settings, counts: new Int32Array(1) }), { code: 'ERR_OUT_OF_MEMORY' })
  table.assign(1, { seed: 0, position: 5, forced: Int32Array.of(1, 2), left: 3, notify: 0 })
  t.equal(table.position(1), 5)
})
