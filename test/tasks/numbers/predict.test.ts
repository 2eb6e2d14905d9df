// Decoding: digits that are found all at once are those that are found one by one, and the search finds the most probable numbers.

import t from 'tap'
import { defineModel, type Model } from '../../../src/index.js'
import { packNumbers, valueOf } from '../../../src/tasks/numbers/digits.js'
import { numbersDefinition } from '../../../src/tasks/numbers/model.js'
import { decodedWidth, decodeNumbers, predictNext } from '../../../src/tasks/numbers/predict.js'

/** Returns a network with large random weights, whose digits depend on the digits before. */
function network(seed: number): Model {
  const model = defineModel(numbersDefinition({ hidden: 16, embedding: 4, sums: 2 }), {
    seed,
    training: false,
    threads: 1
  })
  for (const { name } of model.parameters.list()) {
    const { data } = model.parameters.get(name)
    for (let i = 0; i < data.length; i++) data[i] = 3 * data[i]!
  }
  return model
}

/** Returns the logits of all digits of numbers whose digits before are given. */
async function logitsOf(
  model: Model,
  terms: readonly bigint[],
  numbers: readonly (readonly number[])[],
  width: number
) {
  using lease = model.lease({ length: width, batch: numbers.length }, { purpose: 'predict' })
  const { inputs, outputs } = lease.plan
  const samples = numbers.map(() => ({ terms, next: null, family: 0 }))
  const packed = packNumbers(samples, width)
  numbers.forEach((digits, b) =>
    digits.forEach((digit, t) => t + 1 < width && (packed.previous[(t + 1) * numbers.length + b] = digit))
  )
  inputs['terms']!.set(packed.terms)
  inputs['previous']!.set(packed.previous)
  await lease.plan.run()
  return outputs['logits']!.slice()
}

const probabilitiesOf = (logits: Float32Array) => {
  const weights = Array.from(logits, Math.exp)
  const sum = weights.reduce((one, other) => one + other, 0)
  return weights.map((weight) => weight / sum)
}

t.test('digits all at once', async (t) => {
  for (const seed of [1, 2, 3]) {
    using model = network(seed)
    const terms = [17n, -230n, 4n]
    const width = decodedWidth(terms)
    const digits: number[] = []
    while (digits.length < width) {
      const logits = await logitsOf(model, terms, [digits], width)
      const own = logits.subarray(10 * digits.length, 10 * (digits.length + 1))
      digits.push(own.indexOf(Math.max(...own)))
    }
    const others = { terms: [1n, 2n] }
    const decoded = await decodeNumbers(model, [others, { terms }, others], { width })
    t.strictSame(decoded.digits[1], digits)
    t.strictSame(decoded.digits[0], decoded.digits[2])
    const prefix = [(digits[0]! + 1) % 10, 7]
    const forced = await decodeNumbers(model, [{ terms }], { width, prefixes: [prefix] })
    t.strictSame(forced.digits[0]!.slice(0, 2), prefix)
    const families = decoded.families[1]!
    t.ok(Math.abs(families.reduce((sum, value) => sum + value, 0) - 1) < 1e-9)
  }
})

t.test('the most probable numbers', async (t) => {
  const terms = [3n, 5n]
  const width = decodedWidth(terms)
  const every = Array.from({ length: 10 ** width }, (_, n) =>
    Array.from({ length: width }, (_, t) => Math.floor(n / 10 ** t) % 10)
  )
  const beginnings = every.slice(0, 10 ** (width - 1))
  for (const seed of [1, 2, 3]) {
    using model = network(seed)
    const logits = await logitsOf(model, terms, beginnings, width)
    const at = (step: number, row: number) =>
      probabilitiesOf(logits.slice(10 * (step * beginnings.length + row), 10 * (step * beginnings.length + row + 1)))
    const all = beginnings.flatMap((digits, row) => {
      const before = digits.slice(0, -1).reduce((product, digit, step) => product * at(step, row)[digit]!, 1)
      return at(width - 1, row).map((last, digit) => ({
        term: valueOf([...digits.slice(0, -1), digit]),
        probability: before * last
      }))
    })
    all.sort((one, other) => other.probability - one.probability)
    const { next, families } = await predictNext(model, terms, { count: 5, completed: 1000 })
    t.strictSame(
      next.map(({ term }) => term),
      all.slice(0, 5).map(({ term }) => term)
    )
    next.forEach(({ probability }, i) => t.ok(Math.abs(probability - all[i]!.probability) < 1e-6))
    t.ok(families.every(({ probability }, i) => i === 0 || probability <= families[i - 1]!.probability))
  }
})

t.test('an abort', async (t) => {
  using model = network(1)
  await t.rejects(predictNext(model, [1n, 2n], { count: 1, signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})
