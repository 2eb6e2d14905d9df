// Beam search over a decoder's tokens against every sequence there is.
import t from 'tap'
import { defineModel, embedding, i32, linear, lstm } from '../../../src/index.js'
import { beamSearch } from '../../../src/generate/decode/beam.js'
import type { BeamDecoder } from '../../../src/generate/decode/beam-types.js'
import { lexiconScorer, logSoftmax, streamScorer } from '../../../src/generate/scorers.js'

const END = 0
const TOKENS = 4

/** A decoder whose state is all it has read; any number of its rows is a function of that. */
const decoder: BeamDecoder<number[]> = {
  start: [],
  step: (beam) =>
    beam.map(({ state, token }) => {
      const read = token === null ? state : [...state, token]
      const seed = read.reduce((sum, id) => (sum * 31 + id * 7 + 3) % 101, 11)
      return { state: read, nats: logSoftmax(Array.from({ length: TOKENS }, (_, k) => ((seed * (k + 2)) % 13) / 4)) }
    })
}

function everySequence(maxLength: number, penalty: number) {
  const all: { tokens: number[]; nats: number; score: number }[] = []
  const visit = (state: number[], token: number | null, tokens: number[], nats: number): void => {
    const next = decoder.step([{ state, token }])[0]!
    const whole = nats + next.nats[END]!
    all.push({ tokens, nats: whole, score: whole / ((6 + tokens.length) / 6) ** penalty })
    if (tokens.length === maxLength) return
    for (let id = 1; id < TOKENS; id++) visit(next.state, id, [...tokens, id], nats + next.nats[id]!)
  }
  visit(decoder.start, null, [], 0)
  return all.sort((a, b) => b.score - a.score)
}

t.test('a wide beam finds the best of all sequences, whatever the length penalty', async (t) => {
  for (const lengthPenalty of [0, 0.7, 2]) {
    const expected = everySequence(4, lengthPenalty).slice(0, 5)
    const found = beamSearch(decoder, { end: END, width: 1000, best: 5, maxLength: 4, lengthPenalty })
    t.same(
      found.map(({ tokens, ended }) => [[...tokens], ended]),
      expected.map(({ tokens }) => [tokens, true])
    )
    found.forEach(({ logProbability, score }, i) => {
      t.ok(Math.abs(logProbability - expected[i]!.nats) < 1e-12 && Math.abs(score - expected[i]!.score) < 1e-12)
    })
  }
})

/** Beam search by its definition: all that may come next is made, then ordered and cut. */
function plainSearch(from: BeamDecoder<number[]>, width: number, best: number, maxLength: number) {
  const order = (a: { tokens: number[]; nats: number }, b: { tokens: number[]; nats: number }) =>
    b.nats - a.nats || a.tokens.map((token, i) => token - b.tokens[i]!).find((difference) => difference !== 0) || 0
  let beam = [{ tokens: [] as number[], nats: 0, state: from.start }]
  let ended: { tokens: number[]; nats: number }[] = []
  for (let length = 0; length <= maxLength; length++) {
    const steps = from.step(beam.map(({ tokens, state }) => ({ state, token: tokens.at(-1) ?? null })))
    const grown = beam.flatMap(({ tokens, nats }, i) => {
      const { state, nats: next } = steps[i]!
      ended.push({ tokens, nats: nats + next[END]! })
      return Array.from(next, (more, token) => ({ tokens: [...tokens, token], nats: nats + more, state }))
    })
    ended = ended.sort((a, b) => b.nats - a.nats || a.tokens.length - b.tokens.length || order(a, b)).slice(0, best)
    beam = grown
      .filter(({ tokens }) => tokens.at(-1) !== END)
      .sort(order)
      .slice(0, width)
  }
  return ended
}

t.test('what is pruned while it is made is what would be pruned afterwards', async (t) => {
  for (const width of [1, 2, 3, 5, 8]) {
    for (let start = 0; start < 40; start++) {
      // Whole numbers of nats: scores are often equal.
      const coarse: BeamDecoder<number[]> = {
        start: [start],
        step: (beam) => decoder.step(beam).map(({ state, nats }) => ({ state, nats: Array.from(nats, Math.round) }))
      }
      for (const one of start % 2 === 0 ? [coarse] : [{ ...decoder, start: [start] }]) {
        const found = beamSearch(one, { end: END, width, best: 1, maxLength: 5 })
        const [expected] = plainSearch(one, width, 1, 5)
        t.equal(found[0]!.logProbability, expected!.nats, `width ${width}, ${start}`)
        t.same([...found[0]!.tokens], expected!.tokens)
      }
    }
  }
})

/** The search in which only leading ends count, by its definition. */
function plainLeading(
  from: BeamDecoder<number[]>,
  width: number,
  maxLength: number,
  penalty: number,
  prune = Infinity
) {
  let beam = [{ tokens: [] as number[], nats: 0, state: from.start }]
  const ended: { tokens: number[]; score: number }[] = []
  const scoreOf = (nats: number, length: number) => nats / ((5 + length) / 6) ** penalty
  for (let length = 0; length <= maxLength; length++) {
    const steps = from.step(beam.map(({ tokens, state }) => ({ state, token: tokens.at(-1) ?? null })))
    const grown = beam.flatMap(
      ({ tokens, nats }, i) =>
      Array.from(steps[i]!.nats, (more, token) => ({ tokens: [...tokens, token], nats: nats + more, state: steps[i]!.state })) // prettier-ignore
    )
    grown.sort((a, b) => b.nats - a.nats)
    for (const { tokens, nats } of grown.slice(0, width))
      if (tokens.at(-1) === END) ended.push({ tokens: tokens.slice(0, -1), score: scoreOf(nats, tokens.length) }) // prettier-ignore
    const near = ({ nats }: { nats: number }) => nats >= grown[0]!.nats - prune
    beam = grown.filter(({ tokens }) => tokens.at(-1) !== END).slice(0, width).filter(near) // prettier-ignore
    if (beam.length === 0) break
    const best = Math.max(...ended.map(({ score }) => score))
    if (ended.length >= width && (width === 1 || beam.every(({ nats }) => scoreOf(nats, length + 2) <= best))) break
  }
  return ended.sort((a, b) => b.score - a.score)[0]
}

t.test('leading ends', async (t) => {
  for (const width of [1, 2, 3, 6])
    for (let start = 0; start < 40; start++) {
      const one = { ...decoder, start: [start] }
      const [found] = beamSearch(one, { end: END, ends: 'leading', width, maxLength: 6, lengthPenalty: 1 })
      const expected = plainLeading(one, width, 6, 1)
      t.equal(found!.ended, expected !== undefined)
      if (expected) t.same([...found!.tokens], expected.tokens, `width ${width}, ${start}`)
    }
  // Two improbable ends come first, while the best sequence continues.
  const late: BeamDecoder<number> = {
    start: 0,
    step: (beam) =>
      beam.map(({ state, token: last }) => ({
        state: state + 1,
        nats: last === 2 || state === 3 ? [-0.01, -9, -9, -9] : [-7, -0.1, -6, -9]
      }))
  }
  for (const lengthPenalty of [0, 1]) {
    const [best] = beamSearch(late, { end: 0, ends: 'leading', width: 2, maxLength: 6, lengthPenalty })
    t.same([...best!.tokens], [1, 1, 1])
  }
  // An end that is never the best continuation, but better than any long sequence.
  const long: BeamDecoder<null> = { start: null, step: (beam) => beam.map(() => ({ state: null, nats: [-2, -1, -3] })) }
  const [cut] = beamSearch(long, { end: 0, ends: 'leading', width: 1, maxLength: 5 })
  t.same([[...cut!.tokens], cut!.ended], [[1, 1, 1, 1, 1], false], 'greedy up to the first end')
  t.same([...beamSearch(long, { end: 0, width: 1, maxLength: 5 })[0]!.tokens], [])
})

t.test('hypotheses that are far below the best one are not followed', async (t) => {
  let rows = 0
  const counting = (start: number): BeamDecoder<number[]> => ({
    start: [start],
    step(beam) {
      rows += beam.length
      return decoder.step(beam)
    }
  })
  const rowsOf: number[] = []
  for (const prune of [undefined, 1e6, 1, 0.2, 0]) {
    rows = 0
    for (let start = 0; start < 40; start++) {
      const options = { end: END, ends: 'leading', width: 5, maxLength: 6, lengthPenalty: 1 } as const
      const [found] = beamSearch(counting(start), { ...options, ...(prune !== undefined && { prune }) })
      const expected = plainLeading(counting(start), 5, 6, 1, prune)
      t.equal(found!.ended, expected !== undefined)
      if (expected) t.same([...found!.tokens], expected.tokens, `prune ${prune}, ${start}`)
    }
    rowsOf.push(rows)
  }
  for (const prune of [0, 0.5, 3]) {
    const options = { end: END, ends: 'leading', width: 5, best: 4, maxLength: 6, prune } as const
    t.equal(beamSearch(decoder, options).length, 4, 'as many as are asked for')
  }
  t.equal(rowsOf[0], rowsOf[1], 'no pruning by default')
  for (let i = 2; i < rowsOf.length; i++) t.ok(rowsOf[i]! < rowsOf[i - 1]!, rowsOf.join())
})

t.test('width 1 is greedy; ties go to the smaller token; nothing ended is said', async (t) => {
  const flat: BeamDecoder<null> = {
    start: null,
    step: (beam) => beam.map(() => ({ state: null, nats: [-9, -1, -1, -2] }))
  }
  const greedy = beamSearch(flat, { end: 0, width: 1, maxLength: 2 })
  t.same([...greedy[0]!.tokens], [])
  const never: BeamDecoder<null> = {
    start: null,
    step: (beam) => beam.map(() => ({ state: null, nats: [-Infinity, -1, -1, -2] }))
  }
  const found = beamSearch(never, { end: 0, width: 2, best: 2, maxLength: 3 })
  t.same(
    found.map(({ tokens, ended }) => [[...tokens], ended]),
    [
      [[1, 1, 1], false],
      [[1, 1, 2], false]
    ]
  )
})

t.test('a scorer forbids and rates', async (t) => {
  const words = [
    [1, 2],
    [3, 3, 3],
    [2, 1, 1]
  ]
  const expected = everySequence(4, 0).filter(({ tokens }) => words.some((word) => word.join() === tokens.join()))
  const found = beamSearch(decoder, { end: END, width: 20, best: 20, maxLength: 4, scorer: lexiconScorer(words) })
  t.same(
    found.map(({ tokens }) => [...tokens]),
    expected.map(({ tokens }) => tokens)
  )
})

t.test('a text model rates tokens through its stream', async (t) => {
  using model = defineModel({
    name: 'scorer',
    config: {},
    inputs: { tokens: i32('length', 'batch') },
    forward: ({ tokens }) => {
      const { output } = lstm(embedding(tokens, { name: 'e', vocabulary: 6, size: 5 }), {
        name: 'l',
        hidden: 7,
        carry: true
      })
      return { logits: linear(output, { name: 'o', size: 6 }) }
    },
    stream: { token: 'tokens', logits: 'logits' }
  })
  const stream = model.stream()
  stream.feed([5])
  const scorer = streamScorer(stream, { tokenOf: (token) => token - 1, ends: [5] })
  const first = scorer.start
  const second = scorer.next(first, 3)
  const other = scorer.next(first, 1)
  const alone = model.stream()
  alone.feed([5])
  t.equal(scorer.score(first, 3), logSoftmax(alone.logits)[2])
  t.equal(scorer.score(first, 0), -Infinity, 'a token the model does not know')
  alone.step(2)
  t.equal(scorer.score(second, 4), logSoftmax(alone.logits)[3])
  const nats = logSoftmax(alone.logits)
  t.ok(Math.abs(scorer.end(second) - nats[5]!) < 1e-12)
  const either = streamScorer(stream, { tokenOf: (token) => token - 1, ends: [5, 0] })
  const both = Math.log(Math.exp(nats[5]!) + Math.exp(nats[0]!))
  t.ok(Math.abs(either.end(either.next(either.start, 3)) - both) < 1e-12, 'it may end before either')
  const free = streamScorer(stream)
  t.equal(free.end(free.start), 0, 'without a token that ends, anywhere')
  t.throws(() => free.end(first), { code: 'ERR_INVALID_ARGUMENT' }, 'a state of another scorer')
  t.not(scorer.score(other, 4), scorer.score(second, 4))
})

t.test('what is refused', async (t) => {
  const bad = (change: object) => () => beamSearch(decoder, { end: END, maxLength: 3, ...change })
  t.throws(bad({ end: 4 }), { code: 'ERR_OUT_OF_RANGE', message: /end token from 0 to 3 but received 4/ })
  t.throws(bad({ width: 0 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(bad({ width: 2, best: 3 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(bad({ lengthPenalty: -1 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(bad({ prune: NaN }), { code: 'ERR_INVALID_ARGUMENT' })
  const broken: BeamDecoder<null> = { start: null, step: (beam) => beam.map(() => ({ state: null, nats: [-1, NaN] })) }
  t.throws(() => beamSearch(broken, { end: 0, maxLength: 3 }), { code: 'ERR_OUT_OF_RANGE' })
})
