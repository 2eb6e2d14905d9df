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
  type SessionState
} from '../../../src/index.js'
import { beamSearchTogether } from '../../../src/generate/decode/beam-together.js'

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
    t.equal(logProbability, all[i]![1])
    t.ok(ended)
  })
  t.equal(session.position, 0)
})

t.test('rows of one plan give what each hypothesis gives alone', async (t) => {
  for (const width of [1, 2, 3, 5, 8])
    for (const lengthPenalty of [0, 1]) {
      const options = { end, width, best: width, maxLength: 12, lengthPenalty }
      t.same(await beamSearchAsync(sessionDecoder(session), options), beamSearch(reference, options), `width ${width}`)
    }
})

t.test('aborts and refusals', async (t) => {
  const options = { end, maxLength: 12, signal: AbortSignal.abort() }
  await t.rejects(beamSearchAsync(sessionDecoder(session), options), { code: 'ERR_ABORTED' })
  t.throws(() => sessionDecoder(session, { token: 'none' }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => sessionDecoder(session, { logits: 'none' }), { code: 'ERR_INVALID_ARGUMENT' })
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
