// The batches of a training on performances, and their measurement in windows.

import t from 'tap'
import { eventIds, countPresses, encodeEvents } from '../../../src/data/music/events.js'
import { PIECE_END } from '../../../src/data/music/event-state.js'
import type { Note } from '../../../src/data/music/notes.js'
import type { Batch } from '../../../src/data/batching/source.js'
import { defineModel, evaluate } from '../../../src/index.js'
import { createRandom } from '../../../src/random.js'
import { defaultsOf } from '../../../src/settings/index.js'
import { pieceBatches } from '../../../src/tasks/music/batches.js'
import { trigramNats, repetitionNats } from '../../../src/tasks/music/baselines.js'
import { forms } from '../../../src/tasks/music/forms.js'
import { countEvents, performanceBatches, stepsOfPerformance } from '../../../src/tasks/music/performances.js'
import { musicNetworkSettings } from '../../../src/tasks/music/settings.js'

const note = (pitch: number, begin: number, end: number): Note => ({ pitch, begin, end, velocity: 64, channel: 0, program: 0 }) // prettier-ignore
function performance(count: number, seed: number): Note[] {
  const random = createRandom(seed, 'notes')
  return Array.from({ length: count }, (_, i) => {
    return note(40 + random.below(40), i / 4, i / 4 + 0.1 + random.below(50) / 100)
  })
}

const pieces = [performance(40, 1), performance(25, 2), performance(60, 3)]
const network = { window: 16, transpose: 0, stretch: 0 }

async function take(source: ReturnType<typeof performanceBatches>, count: number, cursor?: Batch['cursor']) {
  const batches: Batch[] = []
  for await (const { inputs, ...batch } of source.batches(cursor)) {
    batches.push({ ...batch, inputs: structuredClone(inputs) })
    if (batches.length === count) break
  }
  return batches
}

t.test('an epoch has each event once', async (t) => {
  const source = performanceBatches(pieces, { batch: 3, seed: 4, network })
  const batches = await take(source, source.stepsPerEpoch + 1)
  const last = batches.pop()!
  t.equal(last.epoch, 1)
  t.equal(last.reset, true)
  t.same(batches.map(({ reset }) => reset), batches.map((_, i) => i === 0)) // prettier-ignore
  const targets = batches.flatMap(({ inputs }) => [...inputs['targets']!].filter((id) => id >= 0))
  t.equal(targets.length, countEvents(pieces))
  const presses = pieces.reduce((sum, notes) => sum + countPresses(encodeEvents(notes).ids), 0)
  t.equal(countPresses(targets), presses)
  t.equal(
    targets.filter((id) => id === PIECE_END).length,
    3,
    'the ends of the pieces, one of them instead of the first'
  )
  // Each target can follow.
  for (const { inputs } of batches)
    inputs['targets']!.forEach((id, at) => {
      if (id >= 0 && id !== PIECE_END) t.equal(inputs['allowed']![at * (eventIds.count + 1) + id], 0)
    })
  // A batch follows from its position.
  const [again] = await take(source, 1, batches[2]!.cursor)
  t.same(again, batches[3])
})

t.test('transposed and stretched pieces', async (t) => {
  const source = performanceBatches(pieces, { batch: 3, seed: 4, network: { ...network, transpose: 6, stretch: 0.2 } })
  const batches = await take(source, 2 * source.stepsPerEpoch)
  t.equal(batches.at(-1)!.epoch, 1)
  const counts = [0, 1].map((epoch) => batches.filter((one) => one.epoch === epoch).reduce((sum, { count }) => sum + count!, 0)) // prettier-ignore
  t.same(counts, [countEvents(pieces), countEvents(pieces)])
})

t.test('a measurement in windows, with pieces next to each other', async (t) => {
  const settings = { ...defaultsOf(musicNetworkSettings), form: 'events', hidden: 6, layers: 1, relations: 2 } as const
  using model = defineModel(
    { ...forms.events.definition(settings), name: 'music', config: {} },
    { seed: 2, threads: 1 }
  )
  const long = [performance(200, 5), performance(20, 6)].map(stepsOfPerformance)
  const together = await evaluate(model, pieceBatches(long, { form: 'events', lookback: false }, 2))
  const apart = await evaluate(model, pieceBatches(long, { form: 'events', lookback: false }, 1))
  t.equal(together.count, long[0]!.length + long[1]!.length)
  t.equal(apart.count, together.count)
  t.ok(Math.abs(together.loss - apart.loss) < 1e-5)
})

t.test('baselines', (t) => {
  const [a, b, c] = [[1], [2], [3]]
  const train = [[a, b, c], [a, b, c], [c, a, b]] as const // prettier-ignore
  const unigram = (3 + 3 / (eventIds.count + 1)) / 12
  // Two of three pieces begin with a, in the contexts of one and of two symbols; after a comes b, and after a, b comes c.
  const first = (2 + (2 * (2 + 2 * unigram)) / 5) / 5
  const second = (2 + (3 + unigram) / 4) / 3
  const third = (2 + (2 + unigram) / 3) / 3
  t.ok(Math.abs(trigramNats(train, [[a, b, c]]) + Math.log(first * second * third)) < 1e-12)
  // A voice that repeats its pitch once in two steps; three others that never do anything else.
  const voices = [[[60, 50, 45, 40], [60, 50, 45, 40], [62, 50, 45, 40]]] // prettier-ignore
  const nats = repetitionNats(voices, [[[60, 50, 45, 40], [60, 50, 45, 40]]]) // prettier-ignore
  const begin = Math.log(3 / 92) + 3 * Math.log(4 / 92)
  t.ok(Math.abs(nats + begin + Math.log(2 / 4) + 3 * Math.log(3 / 4)) < 1e-12)
  t.end()
})
