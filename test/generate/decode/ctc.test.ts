// CTC decoding against every path there is, with and without scorers.
import t from 'tap'
import { createRandom } from '../../../src/random.js'
import { createCtcBeam, ctcBeamSearch } from '../../../src/generate/decode/ctc-beam.js'
import { ctcGreedy, rowsOf } from '../../../src/generate/decode/ctc.js'
import { combineScorers, lexiconScorer, logSoftmax, type Scorer } from '../../../src/generate/scorers.js'

const random = createRandom(4, 'ctc.test')
const randomRows = (steps: number, symbols: number, spread = 2) =>
  Array.from({ length: steps }, () => Float32Array.from({ length: symbols }, () => spread * random.normal()))

/** Probability of every label sequence, by adding up every path. */
function everySequence(rows: Float32Array[], blank: number): Map<string, number> {
  const sums = new Map<string, number>()
  const nats = rows.map((row) => logSoftmax(row))
  const symbols = rows[0]!.length
  for (let path = 0; path < symbols ** rows.length; path++) {
    const labels: number[] = []
    let probability = 1
    for (let at = path, step = 0, before = blank; step < rows.length; step++, at = Math.floor(at / symbols)) {
      const symbol = at % symbols
      probability *= Math.exp(nats[step]![symbol]!)
      if (symbol !== blank && symbol !== before) labels.push(symbol)
      before = symbol
    }
    sums.set(labels.join(), (sums.get(labels.join()) ?? 0) + probability)
  }
  return sums
}

/** Nats of `b` after `a`, for any pair; of an end likewise. */
const bigram: Scorer<number> = {
  start: -1,
  score: (state, token) => -0.3 * ((3 * state + 5 * token + 7) % 4),
  next: (_, token) => token,
  end: (state) => -0.2 * ((state + 2) % 3)
}

const scoreOf = (scorer: Scorer, labels: number[]): number => {
  let state = scorer.start
  let sum = 0
  for (const label of labels) {
    sum += scorer.score(state, label)
    state = scorer.next(state, label)
  }
  return sum + scorer.end(state)
}

t.test('a wide beam finds every sequence with its probability', async (t) => {
  for (const [steps, symbols, blank] of [
    [4, 3, 0],
    [5, 4, 3],
    [1, 5, 2]
  ] as const) {
    const rows = randomRows(steps, symbols)
    const expected = everySequence(rows, blank)
    const found = ctcBeamSearch(rows, { blank, width: 10000, best: 10000, prune: Infinity })
    t.equal(found.length, expected.size)
    for (const { labels, logProbability, score } of found) {
      const difference = Math.abs(Math.exp(logProbability) - expected.get(labels.join())!)
      if (difference > 1e-12 || score !== logProbability) t.fail(`${labels.join()}: off by ${difference}`)
    }
    t.ok(found.every(({ score }, i) => i === 0 || score <= found[i - 1]!.score))
  }
})

/** The beam search by its definition: every prefix that may come next is made and added up, then all are ordered. */
function plainBeam(rows: readonly Float32Array[], width: number, scorer: Scorer<number>) {
  const add = (a: number, b: number) =>
    Math.max(a, b) === -Infinity ? -Infinity : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))
  const before = (a: number[], b: number[]) => {
    const at = a.findIndex((label, i) => label !== b[i])
    return at < 0 || at >= b.length ? a.length - b.length : a[at]! - b[at]!
  }
  let beam = [{ labels: [] as number[], blank: 0, label: -Infinity, score: 0 }]
  for (const row of rows) {
    const nats = logSoftmax(row)
    const next = new Map<string, (typeof beam)[number]>()
    const reach = (labels: number[], blank: number, label: number) => {
      const known = next.get(labels.join()) ?? { labels, blank: -Infinity, label: -Infinity, score: 0 }
      next.set(labels.join(), { ...known, blank: add(known.blank, blank), label: add(known.label, label) })
    }
    for (const { labels, blank, label } of beam) {
      const last = labels.at(-1)
      reach(labels, add(blank, label) + nats[0]!, last === undefined ? -Infinity : label + nats[last]!)
      for (let k = 1; k < nats.length; k++)
        reach([...labels, k], -Infinity, (k === last ? blank : add(blank, label)) + nats[k]!)
    }
    const rated = [...next.values()].map((one) => {
      const bonus = scoreOf(scorer, one.labels)
      return { ...one, score: add(one.blank, one.label) + bonus }
    })
    rated.sort((a, b) => b.score - a.score || before(a.labels, b.labels))
    beam = rated.filter(({ score }) => score > -Infinity).slice(0, width)
  }
  return beam
}

t.test('what is pruned while it is made is what would be pruned afterwards', async (t) => {
  for (let n = 0; n < 200; n++) {
    const rows = randomRows(1 + random.below(9), 2 + random.below(6))
    // Few different values: scores are often equal.
    if (n % 2 === 0) for (const row of rows) row.forEach((value, k) => (row[k] = Math.round(value / 2)))
    const width = 1 + random.below(6)
    const scorer = { ...bigram, end: () => 0 }
    const search = createCtcBeam({ width, prune: Infinity, scorer })
    for (const row of rows) search.push(row)
    const found = search.best(width).map(({ labels, score }) => ({ labels: [...labels], score }))
    const expected = plainBeam(rows, width, scorer).map(({ labels, score }) => ({ labels, score }))
    t.same(found, expected, `${n}`)
  }
})

t.test('scorers: the best sequence of all under network and scorer', async (t) => {
  const rows = randomRows(5, 4)
  const scorer = combineScorers([{ scorer: bigram, weight: 1.5 }], 0.4)
  const all = [...everySequence(rows, 0)].map(([key, probability]) => {
    const labels = key === '' ? [] : key.split(',').map(Number)
    return { labels, score: Math.log(probability) + 0.4 * labels.length + 1.5 * scoreOf(bigram, labels) }
  })
  all.sort((a, b) => b.score - a.score)
  const found = ctcBeamSearch(rows, { width: 1000, best: 3, prune: Infinity, scorer })
  t.same(
    found.map(({ labels }) => [...labels]),
    all.slice(0, 3).map(({ labels }) => labels)
  )
  t.ok(Math.abs(found[0]!.score - all[0]!.score) < 1e-12)
})

t.test('a lexicon: words alone, joined by the separator', async (t) => {
  const rows = randomRows(6, 4)
  const words = [[1], [1, 2], [2, 2, 1]]
  const legal = (labels: number[]) =>
    labels
      .join('')
      .split('3')
      .every((word) => words.some((known) => known.join('') === word))
  const expected = [...everySequence(rows, 0)]
    .map(([key, probability]) => ({ labels: key === '' ? [] : key.split(',').map(Number), probability }))
    .filter(({ labels }) => legal(labels))
    .sort((a, b) => b.probability - a.probability)
  const scorer = lexiconScorer(words, { separator: 3 })
  const found = ctcBeamSearch(rows, { width: 1000, best: 1000, prune: Infinity, scorer })
  t.same(
    found.map(({ labels }) => [...labels]),
    expected.map(({ labels }) => labels)
  )
  t.same(ctcBeamSearch(rows, { width: 1000, prune: Infinity, scorer: lexiconScorer([[1, 1, 1, 1]]) }), [])
  t.throws(() => lexiconScorer([[1, 3]], { separator: 3 }), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('the best path joins repeats and leaves blanks out', async (t) => {
  const symbols = [0, 2, 2, 0, 2, 1, 1, 0]
  const rows = symbols.map((symbol) => Float32Array.from({ length: 3 }, (_, k) => (k === symbol ? 5 : 0)))
  const { labels, steps } = ctcGreedy(rows)
  t.same([...labels], [2, 2, 1])
  t.same([...steps], [1, 4, 5])
  t.same([...ctcGreedy([]).labels], [])
  const packed = Float32Array.from(rows.flatMap((row) => [...row, ...row.map((x) => -x)]))
  t.same([...ctcGreedy(rowsOf(packed, [8, 2, 3], 0)).labels], [2, 2, 1])
  t.same([...ctcGreedy(rowsOf(packed, [8, 2, 3], 0, 5)).labels], [2, 2])
  t.throws(() => ctcGreedy([[0, NaN]]), { code: 'ERR_OUT_OF_RANGE' })
})

t.test('step by step: the same as at once; ties in the order of labels; bad rows are refused', async (t) => {
  const rows = randomRows(30, 6)
  const beam = createCtcBeam({ width: 4 })
  for (const row of rows) beam.push(row)
  t.same(beam.best(4), ctcBeamSearch(rows, { width: 4, best: 4 }))
  t.same([...beam.prefix], [...beam.best()[0]!.labels])
  t.same(
    ctcBeamSearch([[0, 1, 1, 1]], { width: 3, best: 3 }).map(({ labels }) => [...labels]),
    [[1], [2], [3]]
  )
  t.throws(() => beam.push([0, NaN, 0, 0, 0, 0]), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => createCtcBeam({ blank: 3 }).push([0, 1, 2]), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => createCtcBeam({ width: 0 }), { code: 'ERR_INVALID_ARGUMENT' })
})
