// Batches: every token is a target exactly once an epoch, windows follow each other, and a batch depends on nothing but
// seed, epoch and step.
import fc from 'fast-check'
import t from 'tap'
import {
  createBatches,
  createEvaluation,
  IGNORED,
  type BatchCursor,
  type Batches
} from '../../../src/data/batching/windows.js'
import { tokensOf, type Tokens } from '../../../src/data/text/tokens.js'

/** Tokens whose ids are their places, so that a pair (input, target) shows its place. */
const places = (length: number): Tokens => tokensOf(Array.from({ length }, (_, index) => index))

const sizes = fc
  .record({ batch: fc.integer({ min: 1, max: 7 }), length: fc.integer({ min: 1, max: 9 }), more: fc.nat(200) })
  .map(({ batch, length, more }) => ({ batch, length, tokens: batch * length + 1 + more }))

interface Window {
  readonly inputs: Int32Array
  readonly targets: Int32Array
  readonly fresh: boolean
  readonly counted: number
}

function fill(
  batches: Pick<Batches, 'batch' | 'length'>,
  read: (inputs: Int32Array, targets: Int32Array) => { fresh: boolean; targets: number }
): Window {
  const inputs = new Int32Array(batches.batch * batches.length).fill(-9)
  const targets = new Int32Array(batches.batch * batches.length).fill(-9)
  const { fresh, targets: counted } = read(inputs, targets)
  return { inputs, targets, fresh, counted }
}

function epochOf(batches: Batches, epoch: number): Window[] {
  return Array.from({ length: batches.stepsPerEpoch }, (_, step) =>
    fill(batches, (inputs, targets) => batches.fill({ epoch, step }, inputs, targets))
  )
}

/** Pairs of one stream in order, without padding; throws if padding is anywhere but at the end. */
function streamPairs(windows: readonly Window[], batch: number, stream: number): [number, number][] {
  const pairs: [number, number][] = []
  let ended = false
  for (const { inputs, targets } of windows) {
    for (let at = stream; at < inputs.length; at += batch) {
      if (targets[at] === IGNORED && inputs[at] === 0) ended = true
      else if (ended) throw new Error('padding before the end')
      else pairs.push([inputs[at]!, targets[at]!])
    }
  }
  return pairs
}

t.test('each epoch has every target once, in streams that go on from window to window', async () => {
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(5), fc.boolean(), ({ batch, length, tokens }, seed, epoch, rotate) => {
      const batches = createBatches(places(tokens), { batch, length, seed, rotate })
      const windows = epochOf(batches, epoch)
      const streams = Array.from({ length: batch }, (_, stream) => streamPairs(windows, batch, stream))
      const pairs = streams.flat()
      const targets = pairs.map(([, target]) => target).sort((a, b) => a - b)
      const lengths = streams.map((stream) => stream.length)
      const padded = windows.flatMap(({ targets }, step) => (targets.includes(IGNORED) ? [step] : []))
      return (
        targets.length === batches.targetsPerEpoch &&
        targets.every((target, index) => target === index + 1) &&
        pairs.every(([input, target]) => target === input + 1) &&
        // Neighbours follow each other, but for the seam of the circle; streams, too, one after the other.
        pairs.every(([input], index) => index === 0 || input === (pairs[index - 1]![0] + 1) % (tokens - 1)) &&
        Math.max(...lengths) - Math.min(...lengths) <= 1 &&
        padded.every((step) => step === windows.length - 1) &&
        windows.every(({ fresh }, step) => fresh === (step === 0)) &&
        windows.every(({ targets, counted }) => counted === targets.filter((target) => target !== IGNORED).length)
      )
    }),
    { numRuns: 300 }
  )
})

t.test('the first epoch begins at the beginning; later ones elsewhere, by the seed', async (t) => {
  const first = (seed: number, epoch: number, rotate = true): number =>
    epochOf(createBatches(places(1000), { batch: 4, length: 10, seed, rotate }), epoch)[0]!.inputs[0]!
  t.strictSame(
    [0, 1, 2].map((epoch) => first(3, epoch, false)),
    [0, 0, 0]
  )
  t.equal(first(3, 0), 0)
  const starts = new Set(Array.from({ length: 40 }, (_, index) => first(index % 4, 1 + (index >> 2))))
  t.ok(starts.size > 35, `${starts.size} places of 40`)
  t.ok(Math.max(...starts) > 900 && Math.min(...starts) < 100, 'all over the text')
  t.strictSame([first(3, 1), first(2 ** 53 - 1, 7)], [first(3, 1), first(2 ** 53 - 1, 7)])
})

t.test('the layout is time-major, and a later start sees the same batches', async (t) => {
  const batches = createBatches(places(21), { batch: 2, length: 3, rotate: false })
  const { inputs, targets } = epochOf(batches, 0)[1]!
  t.strictSame([...inputs], [3, 13, 4, 14, 5, 15])
  t.strictSame([...targets], [4, 14, 5, 15, 6, 16])
  t.equal(batches.stepsPerEpoch, 4)
  const last = epochOf(batches, 0)[3]!
  t.strictSame([...last.inputs], [9, 19, 0, 0, 0, 0])
  t.strictSame([...last.targets], [10, 20, -1, -1, -1, -1])
  t.equal(last.counted, 2)
  let cursor: BatchCursor = batches.at(0)
  for (let step = 0; step < 11; step++) {
    t.strictSame(batches.at(step), JSON.parse(JSON.stringify(cursor)))
    cursor = batches.next(cursor)
  }
})

t.test('short text, wrong arguments', async (t) => {
  const message = /at least 8193 symbols .*received 300:/
  t.throws(() => createBatches(places(300), { batch: 64, length: 128 }), { code: 'ERR_CORPUS_EMPTY', message })
  t.throws(() => createEvaluation(places(1), { length: 8 }), { code: 'ERR_CORPUS_EMPTY' })
  for (const bad of [
    { batch: 0, length: 1 },
    { batch: 1, length: 0 },
    { batch: 1.5, length: 1 },
    { batch: 1, length: 1, seed: -1 },
    { batch: 2 ** 31, length: 1 },
    { batch: 2 ** 20, length: 2 ** 20 }
  ]) {
    t.throws(() => createBatches(places(50), bad), { code: 'ERR_INVALID_ARGUMENT' })
  }
  // Once an array of 2^31 segments was made, which ended the process.
  for (const bad of [
    { length: 5, batch: 2 ** 31 },
    { length: 2 ** 16, batch: 2 ** 16 }
  ])
    t.throws(() => createEvaluation(places(3), bad), { code: 'ERR_INVALID_ARGUMENT' })
  t.equal(createEvaluation(places(3), { length: 1, batch: 2 ** 31 - 1 }).steps, 1)
  const batches = createBatches(places(50), { batch: 2, length: 4 })
  const evaluation = createEvaluation(places(50), { batch: 2, length: 4 })
  const array = new Int32Array(8)
  const start = { epoch: 0, step: 0 }
  t.throws(() => batches.fill({ epoch: 0, step: batches.stepsPerEpoch }, array, array), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => batches.fill({ epoch: -1, step: 0 }, array, array), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => batches.fill({} as BatchCursor, array, array), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => batches.fill(start, new Int32Array(7), array), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => batches.fill(start, array, new Float32Array(8) as never), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => evaluation.fill(evaluation.steps, array, array), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => evaluation.fill(0, array, new Int32Array(9)), { code: 'ERR_INVALID_SHAPE' })
})

t.test('an evaluation counts every target once; each segment is warmed up', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 200 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(20),
      (length, batch, window, warmup) => {
        const evaluation = createEvaluation(places(length), { batch, length: window, warmup })
        const windows = Array.from({ length: evaluation.steps }, (_, step) =>
          fill(evaluation, (inputs, targets) => evaluation.fill(step, inputs, targets))
        )
        const seen = new Map<number, number>()
        let inOrder = true
        for (let stream = 0; stream < batch; stream++) {
          const inputs: number[] = []
          const targets: number[] = []
          for (const part of windows) {
            for (let at = stream; at < part.inputs.length; at += batch) {
              inputs.push(part.inputs[at]!)
              targets.push(part.targets[at]!)
            }
          }
          const counted = targets.flatMap((target, index) => (target === IGNORED ? [] : [index]))
          for (const index of counted) {
            seen.set(targets[index]!, (seen.get(targets[index]!) ?? 0) + 1)
            inOrder &&= targets[index] === inputs[index]! + 1
          }
          if (counted.length === 0) continue
          // Before its own targets a stream reads the symbols in front of them, as many as it should or there are.
          const [start, end] = [counted[0]!, counted.at(-1)!]
          inOrder &&= counted.length === end - start + 1
          inOrder &&= start === (stream === 0 ? 0 : Math.min(warmup, inputs[start]!))
          inOrder &&= inputs.slice(0, end).every((input, index) => input + 1 === inputs[index + 1])
        }
        return (
          inOrder &&
          seen.size === evaluation.targets &&
          [...seen.values()].every((times) => times === 1) &&
          windows.reduce((sum, { counted }) => sum + counted, 0) === length - 1 &&
          windows.every(({ fresh }, step) => fresh === (step === 0))
        )
      }
    ),
    { numRuns: 500 }
  )
})
