// A beam search over the sessions of a model: against all sequences, and against a search that steps each hypothesis by itself.
import t from 'tap'
import {
  beamSearch,
  beamSearchAsync,
  createSession,
  defineModel,
  embedding,
  i32,
  linear,
  logSoftmax,
  lstm,
  normal,
  sessionDecoder,
  type BeamDecoder,
  type BeamStep,
  type Hypothesis,
  type SessionState
} from '../../../src/index.js'
import { beamSearchTogether } from '../../../src/generate/decode/beam-together.js'
import { drawTogether } from '../../../src/generate/decode/draw-together.js'

const V = 4
const [begin, end] = [1, 0]
const model = defineModel(
  {
    name: 'tiny',
    config: {},
    inputs: { tokens: i32('length', 'batch') },
    forward({ tokens }) {
      const x = embedding(tokens, { name: 'table', vocabulary: V, size: 4, weight: normal(2) })
      const y = lstm(x, { name: 'lstm', hidden: 8, layers: 2, carry: true }).output
      return { logits: linear(y, { name: 'head', size: V, weight: normal(2) }) }
    }
  },
  { seed: 5 }
)
const session = createSession(model, { inputs: { tokens: [begin] }, outputs: ['logits'] })

/** Log probabilities of plans are float32. */
const close = (a: number, b: number) => Math.abs(a - b) < 1e-5

/** Returns whether both have the same sequences in the same order, with scores that are equal up to rounding. */
const alike = (one: readonly Hypothesis[], other: readonly Hypothesis[]) =>
  one.length === other.length &&
  one.every(({ tokens, logProbability, score, ended }, i) => {
    const same = ended === other[i]!.ended && String(tokens) === String(other[i]!.tokens)
    return same && close(logProbability, other[i]!.logProbability) && close(score, other[i]!.score)
  })

/** A decoder that steps each hypothesis by itself. */
const reference: BeamDecoder<SessionState> = {
  start: session.save(),
  step: (beam) =>
    beam.map(({ state, token }) => {
      const one = session.fork()
      one.restore(state)
      const { logits } = one.stepSync(token === null ? {} : { tokens: [token] })
      return { state: one.save(), nats: logSoftmax(logits!) }
    })
}

/** The nats of every sequence of at most `most` tokens and an end. */
function* sequences(
  most: number,
  before: number[] = [],
  nats = 0,
  state = reference.start
): Generator<[number[], number]> {
  const [step] = reference.step([{ state, token: before.at(-1) ?? null }])
  yield [before, nats + step!.nats[end]!]
  if (before.length === most) return
  for (let token = 0; token < V; token++)
    if (token !== end) yield* sequences(most, [...before, token], nats + step!.nats[token]!, step!.state)
}

t.test('a beam that is wide enough finds the best of all sequences', async (t) => {
  const all = [...sequences(5)].sort((a, b) => b[1] - a[1])
  const found = await beamSearchAsync(sessionDecoder(session), { end, width: 400, best: 10, maxLength: 5 })
  found.forEach(({ tokens, logProbability, ended }, i) => {
    t.same([...tokens], all[i]![0])
    t.ok(close(logProbability, all[i]![1]))
    t.ok(ended)
  })
  t.equal(session.position, 0)
})

t.test('rows of one plan give what each hypothesis gives alone', async (t) => {
  for (const ends of ['any', 'leading'] as const)
    for (const width of [1, 2, 3, 5, 8])
      for (const lengthPenalty of [0, 1]) {
        const options = { end, ends, width, best: width, maxLength: 12, lengthPenalty }
        const found = await beamSearchAsync(sessionDecoder(session), options)
        t.ok(alike(found, beamSearch(reference, options)), `width ${width}, ${ends}`)
      }
})

t.test('a scorer gets the scores of all tokens', async (t) => {
  const scorer = {
    start: 0,
    score: (_: number, token: number) => (token === 2 ? 3 : -token),
    next: () => 0,
    end: () => 1
  }
  const options = { end, width: 3, best: 3, maxLength: 6, scorer }
  t.same(await beamSearchAsync(sessionDecoder(session), options), beamSearch(reference, options))
})

t.test('a state is a value: a step from an old one has the same result', async (t) => {
  const { start, step } = sessionDecoder(session)
  const valuesOf = (one: BeamStep<unknown> | undefined) => [Array.from(one!.nats), Array.from(one!.tokens!)]
  const wanted = { count: V, end }
  const [first] = await step([{ state: start, token: null }], undefined, wanted)
  const again = async (token: number) => (await step([{ state: first!.state, token }], undefined, wanted))[0]!
  const before = await again(2)
  const rows = [3, 1, 2, 2].map((token) => ({ state: first!.state, token }))
  const all = await step([...rows, { state: before.state, token: 1 }, { state: start, token: null }], undefined, wanted)
  t.same(valuesOf(all[2]), valuesOf(before))
  t.same(valuesOf(all[3]), valuesOf(before))
  t.same(valuesOf(all[5]), valuesOf(first))
  t.same(valuesOf(await again(2)), valuesOf(before))
  t.same(valuesOf((await step([{ state: before.state, token: 1 }], undefined, wanted))[0]), valuesOf(all[4]))
})

t.test('aborts and refusals', async (t) => {
  const options = { end, maxLength: 12, signal: AbortSignal.abort() }
  await t.rejects(beamSearchAsync(sessionDecoder(session), options), { code: 'ERR_ABORTED' })
  t.throws(() => sessionDecoder(session, { token: 'none' }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => sessionDecoder(session, { logits: 'none' }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => sessionDecoder(session, { attention: 'none' }), { code: 'ERR_INVALID_ARGUMENT' })
  const decoder = () => sessionDecoder(session)
  await t.rejects(beamSearchAsync(decoder(), { end: V, maxLength: 2 }), {
    code: 'ERR_OUT_OF_RANGE',
    message: /from 0 to 3/
  })
  await t.rejects(beamSearchAsync(decoder(), { end, maxLength: 2, coveragePenalty: 1 }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /a decoder that returns its attention/
  })
})

t.test('searches of several sessions at once', async (t) => {
  const sessions = Array.from({ length: 5 }, (_, i) => {
    const one = session.fork()
    for (let token = 0; token < i; token++) one.stepSync({ tokens: [(token + i) % V] })
    return one
  })
  const maxLengths = [3, 6, 0, 5, 4]
  for (const ends of ['any', 'leading'] as const) {
    const options = { end, ends, width: 3, best: 2, lengthPenalty: 0.5 }
    const found = await beamSearchTogether(sessions, { ...options, maxLengths })
    for (const [i, one] of sessions.entries()) {
      const own = await beamSearchAsync(sessionDecoder(one), { ...options, maxLength: maxLengths[i]! })
      t.same(found[i], own, `session ${i}: the same sequences with the same scores`)
    }
  }
  t.same(await beamSearchTogether([], { end, maxLengths: [] }), [])
  await t.rejects(beamSearchTogether(sessions, { end, maxLengths: [1] }), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(beamSearchTogether([session, session], { end, maxLengths: [1, 1] }), { code: 'ERR_INVALID_ARGUMENT' })
  const signal = AbortSignal.abort()
  await t.rejects(beamSearchTogether(sessions, { end, maxLengths, signal }), { code: 'ERR_ABORTED' })
})

t.test('sequences that are drawn', async (t) => {
  const sessions = [0, 1, 2].map(() => session.fork())
  const draw = (own: typeof sessions, numbers: number[], more = {}) =>
    drawTogether(own, { end, maxLengths: own.map(() => 6), numbers, seed: 5, count: 4, ...more })
  const all = await draw(sessions, [7, 8, 9])
  t.same(await draw(sessions.slice(1, 2), [8]), all.slice(1, 2), 'a session has the same draws by itself')
  t.notSame(all[0], all[1])
  t.notSame(await draw(sessions, [7, 8, 9], { seed: 6 }), all)
  for (const { tokens, logProbability, score, ended } of all.flat()) {
    const ids = [...tokens, ...(ended ? [end] : [])]
    t.ok(ended || ids.length === 6)
    let [nats, state] = [0, reference.start]
    ids.forEach((id, i) => {
      const [step] = reference.step([{ state, token: i === 0 ? null : ids[i - 1]! }])
      nats += step!.nats[id]!
      state = step!.state
    })
    t.ok(close(logProbability, nats) && score === logProbability, 'the nats are those of the network')
  }
  const [[greedy]] = (await draw([sessions[0]!], [7], { temperature: 0, count: 1 })) as [[Hypothesis]]
  const [best] = await beamSearchAsync(sessionDecoder(session), { end, ends: 'leading', width: 1, maxLength: 6 })
  t.ok(alike([{ ...greedy, score: 0 }], [{ ...best!, score: 0 }]))
  const many = await draw([sessions[0]!], [1], { count: 4000, maxLengths: [1] })
  const [step] = reference.step([{ state: reference.start, token: null }])
  for (let id = 0; id < V; id++) {
    const drawn = many[0]!.filter(({ tokens }) => (tokens[0] ?? end) === id).length / 4000
    const p = Math.exp(step!.nats[id]!)
    t.ok(Math.abs(drawn - p) < 4 * Math.sqrt((p * (1 - p)) / 4000) + 1e-9, `${id}: ${drawn}, ${p}`)
  }
  await t.rejects(draw(sessions, [1]), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(draw(sessions, [7, 8, 9], { temperature: -1 }), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(draw(sessions, [7, 8, 9], { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})
