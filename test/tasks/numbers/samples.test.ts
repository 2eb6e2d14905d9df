// The sequences of trainings and measurements.

import t from 'tap'
import { families, familyNames, partOf } from '../../../src/tasks/numbers/families.js'
import { CONTEXT } from '../../../src/tasks/numbers/digits.js'
import {
  measuredBatches,
  measuredSequences,
  STEPS_PER_EPOCH,
  trainingBatches
} from '../../../src/tasks/numbers/samples.js'
import type { Batch } from '../../../src/data/batching/source.js'

async function take(batches: AsyncIterable<Batch> | Iterable<Batch>, count: number): Promise<Batch[]> {
  const taken: Batch[] = []
  for await (const batch of batches) if (taken.push(batch) === count) break
  return taken
}

t.test('batches of a training', async (t) => {
  const source = trainingBatches({ batch: 8, seed: 3 })
  const first = await take(source.batches(), 20)
  t.strictSame(await take(source.batches(), 20), first, 'a function of the seed and the position')
  t.strictSame(await take(source.batches(first[4]!.cursor), 15), first.slice(5), 'from a cursor on')
  t.notSame((await take(trainingBatches({ batch: 8, seed: 4 }).batches(), 1))[0], first[0])
  for (const { inputs, dims } of first) {
    const { length, batch } = dims as { length: number; batch: number }
    t.equal(inputs['terms']!.length, length * batch * CONTEXT)
    for (const name of ['previous', 'digits']) t.equal(inputs[name]!.length, length * batch)
    t.ok(inputs['terms']!.every((symbol) => symbol >= 0 && symbol <= 10))
    t.ok(inputs['digits']!.every((digit) => digit >= 0 && digit <= 9))
    const ends = [...inputs['digits']!.slice(-batch)]
    t.ok(
      ends.every((digit) => digit === 0 || digit === 9),
      'the last digit is that of the sign'
    )
  }
  const late = await take(source.batches({ step: STEPS_PER_EPOCH - 1 }), 2)
  t.strictSame(
    late.map(({ epoch }) => epoch),
    [0, 1]
  )
  t.throws(() => [...(source.batches({ step: -1 }) as Iterable<Batch>)], { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('sequences of a measurement', async (t) => {
  for (const part of ['valid', 'test'] as const) {
    const samples = measuredSequences({ part, count: 70 })
    t.strictSame(measuredSequences({ part, count: 70 }), samples, 'the same for every call')
    t.equal(new Set(samples.map(({ member }) => JSON.stringify(member))).size, 70, 'each once')
    for (const { member, terms, next, family } of samples) {
      t.equal(partOf(member), part)
      t.equal(familyNames[family], member.family)
      t.strictSame(families[member.family].terms(member.parameters, terms.length + 1), [...terms, next])
      t.equal(terms.length, member.family === 'geometric' ? 4 : 5)
    }
  }
  const samples = measuredSequences({ part: 'valid', range: 'larger', count: 25 })
  const batches = await take(measuredBatches(samples, 10).batches(), Infinity)
  t.strictSame(
    batches.map(({ dims }) => dims!['batch']),
    [10, 10, 5]
  )
  const widths = batches.map(({ dims }) => dims!['length']!)
  t.strictSame(
    widths,
    widths.toSorted((one, other) => one - other)
  )
})
