// Sessions: values that step any model with carried states; each row of a plan has the bits of the session that is stepped by itself.
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import {
  categoricalSampler,
  concat,
  createRandom,
  createSession,
  defineModel,
  f32,
  feedbackSampler,
  i32,
  linear,
  lstm,
  embedding,
  mixtureSampler,
  runTogether,
  setThreads,
  stepTogether,
  type Session,
  type SessionBlock,
  type StepInputs
} from '../../src/index.js'
import { ops } from '../../src/index.js'

/** Reads a token, a point and a constant memory of its own; puts out logits, a mixture, and a value that may be fed back. */
const model = defineModel(
  {
    name: 'everything',
    config: {},
    inputs: {
      token: i32('length', 'batch'),
      point: f32('length', 'batch', 3),
      value: f32('length', 'batch'),
      memory: f32('width', 'batch', 3)
    },
    forward({ token, point, value, memory }, { batch, length, width }) {
      const [T, B] = [length!, batch!]
      const seen = ops.add(ops.slice(memory, 0, 0, 1), ops.slice(memory, 0, width! - 1, width!)) // [1, B, 3]
      const x = concat([
        embedding(token, { name: 'table', vocabulary: 11, size: 5 }),
        point,
        ops.reshape(value, [T, B, 1]),
        seen
      ])
      const y = lstm(x, { name: 'lstm', hidden: 12, layers: 2, carry: true }).output
      return {
        logits: linear(y, { name: 'head', size: 11 }),
        y: linear(y, { name: 'pen', size: 13 }),
        next: ops.tanh(ops.reshape(linear(y, { name: 'forecast', size: 1 }), [T, B]))
      }
    }
  },
  { seed: 3 }
)
const samplers = {
  token: categoricalSampler({ temperature: 2 }),
  point: mixtureSampler({ bias: 0.3 }),
  value: feedbackSampler({ from: 'next' })
}
const make = (seed: number): Session =>
  createSession(model, {
    dims: { width: 4 },
    inputs: {
      token: [seed % 11],
      point: [0.1 * seed, 0, 1],
      memory: Array.from({ length: 12 }, (_, i) => Math.sin(i + seed))
    },
    outputs: ['next', 'logits'],
    records: ['logits'],
    samplers: { ...samplers, token: categoricalSampler({ temperature: 1 + seed }) },
    seed
  })

type Trace = Record<string, number[]>
function append(trace: Trace, { values, outputs }: SessionBlock): void {
  for (const [name, view] of Object.entries({ ...values, ...outputs })) (trace[name] ??= []).push(...view)
}
async function alone(seed: number, count: number): Promise<Trace> {
  const trace: Trace = {}
  for await (const block of make(seed).run(count)) append(trace, block)
  return trace
}

t.test('a run is steps whose draws feed the next one', async (t) => {
  const session = make(4)
  const trace = await alone(4, 30)
  t.equal(new Set(trace['token']).size > 3, true)
  for (let i = 0; i < 30; i++) {
    const { logits, next } = i % 2 ? await session.step() : session.stepSync()
    t.same([...logits!], trace['logits']!.slice(11 * i, 11 * i + 11), `logits ${i}`)
    t.equal(next![0], trace['value']![i])
    const [token, point] = [trace['token']!.slice(i, i + 1), trace['point']!.slice(3 * i, 3 * i + 3)]
    const { inputs, ...rest } = session.save()
    session.restore({
      ...rest,
      inputs: { ...inputs, token: Int32Array.from(token), point: Float32Array.from(point), value: next as Float32Array }
    })
  }
  t.equal(session.position, 30)
})

t.test('rows of one plan have the bits of each session alone', async (t) => {
  const count = 40
  const expected = await Promise.all(Array.from({ length: 8 }, (_, seed) => alone(seed, count)))
  t.teardown(() => setThreads(0))
  for (const threads of [1, 2, 3]) {
    setThreads(threads)
    for (const rows of [[0, 1], [7, 2, 5], [7, 6, 5, 4, 3, 2, 1, 0], [3]]) {
      const traces = new Map<Session, Trace>(rows.map((seed) => [make(seed), {}]))
      for await (const blocks of runTogether([...traces.keys()], count))
        for (const [session, block] of blocks) append(traces.get(session)!, block)
      t.same(
        [...traces.values()],
        rows.map((seed) => expected[seed]),
        `rows ${rows.join()} with ${threads} threads`
      )
    }
  }
})

t.test('rows join and leave in any order', async (t) => {
  const expected = await Promise.all(Array.from({ length: 6 }, (_, seed) => alone(seed, 60)))
  const sessions = expected.map((_, seed) => make(seed))
  const traces = new Map<Session, Trace>(sessions.map((session) => [session, {}]))
  const present = new Set<Session>()
  const random = createRandom(0, 'rows')
  for (let round = 0; round < 40; round++) {
    const one = sessions[random.below(sessions.length)]!
    if (present.has(one)) present.delete(one)
    else present.add(one)
    const few = 1 + (round % 3)
    for await (const blocks of runTogether(present, few))
      for (const [session, block] of blocks) append(traces.get(session)!, block)
  }
  sessions.forEach((session, seed) => {
    t.ok(session.position > 5)
    const [mine, all] = [traces.get(session)!, expected[seed]!]
    for (const name of ['token', 'value', 'point', 'logits'])
      t.same(mine[name]!.slice(0, all[name]!.length), all[name]!.slice(0, mine[name]!.length), `${name} of ${seed}`)
  })
})

t.test('steps together are steps', async (t) => {
  const [a, b, c] = [make(1), make(2), make(3)]
  const inputs: (StepInputs | undefined)[] = [{ token: [5] }, undefined, { point: [1, 2, 0], token: [9] }]
  const together = [await stepTogether([a, b, c], inputs), await stepTogether([c, a])]
  const [d, e, f] = [make(1), make(2), make(3)]
  t.same(together[0], [d.stepSync(inputs[0]), e.stepSync(), f.stepSync(inputs[2])])
  t.same(together[1], [f.stepSync(), d.stepSync()])
  await t.rejects(stepTogether([a, a]), { code: 'ERR_INVALID_ARGUMENT' })
  const other = createSession(model, { dims: { width: 5 } })
  await t.rejects(stepTogether([a, other]), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(stepTogether([a, b], [{ token: [5] }, { token: [11] }]), { code: 'ERR_OUT_OF_RANGE' })
  t.equal(a.position, 2, 'a refused step changes no state')
})

t.test('a value: saved, restored, forked, fed', async (t) => {
  const session = make(5)
  for await (const block of session.run(7)) t.ok(block.count <= 7)
  const state = structuredClone(session.save())
  t.match(state, { version: 1, position: 7, seed: 5 })
  const fork = session.fork()
  const rest = async (one: Session) => {
    const trace: Trace = {}
    for await (const block of one.run(9)) append(trace, block)
    return trace
  }
  const expected = await rest(session)
  t.same(await rest(fork), expected)
  const other = make(5)
  other.restore(state)
  t.same(await rest(other), expected)
  other.restore(state)
  other.set({ seed: 6 })
  t.notSame(await rest(other), expected)
  const [fed, stepped] = [make(1), make(1)]
  const tokens = [1, 2, 3, 10]
  const last = await fed.feed({ token: tokens })
  t.same(last, tokens.map((token) => stepped.stepSync({ token: [token] })).at(-1))
  t.same(fed.save(), stepped.save())
})

t.test('what is refused', async (t) => {
  const session = make(1)
  t.throws(() => createSession(model), { code: 'ERR_INVALID_SHAPE', message: /"width"/ })
  const wrong = (options: Parameters<typeof createSession>[1]) => () =>
    createSession(model, { dims: { width: 4 }, ...options })
  t.throws(wrong({ dims: { width: 4, depth: 1 } }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(wrong({ outputs: ['none'] }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(wrong({ inputs: { token: [1, 2] } }), { code: 'ERR_INVALID_SHAPE' })
  t.throws(wrong({ samplers: { none: feedbackSampler() } }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(wrong({ samplers: { token: feedbackSampler({ from: 'next' }) } }), { code: 'ERR_INVALID_SHAPE' })
  await t.rejects(
    createSession(model, { dims: { width: 4 } })
      .run(1)
      .next(),
    { code: 'ERR_INVALID_ARGUMENT' }
  )
  await t.rejects(session.step({ none: [1] }), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(session.step({ token: [NaN] }), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(session.feed({ point: [1, 2] }), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => session.restore({ ...session.save(), states: {} }), { code: 'ERR_INVALID_SHAPE' })
  await t.rejects(session.step({}, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  const coming = session.step()
  t.throws(() => session.stepSync(), { code: 'ERR_BUSY' })
  await coming
  session.dispose()
  await t.rejects(session.step(), { code: 'ERR_DISPOSED' })
})

t.test('a long run leaves the event loop free, and ends where it is aborted or told to stop', async (t) => {
  const session = make(2)
  let turns = 0
  const stopper = new AbortController()
  const ticks = (async () => {
    while (!stopper.signal.aborted) {
      await setImmediate()
      if (++turns === 50) stopper.abort()
    }
  })()
  await t.rejects(
    (async () => {
      for await (const block of session.run(2 ** 40, { signal: stopper.signal, sameWeights: true }))
        t.ok(block.count > 0)
    })(),
    { code: 'ERR_ABORTED' }
  )
  await ticks
  const drawn: number[] = []
  for await (const { values } of make(2).run(10000, { stop: 6 })) drawn.push(...values['token']!)
  t.equal(drawn.indexOf(6), drawn.length - 1)
  t.same(drawn, (await alone(2, drawn.length))['token'])
})
