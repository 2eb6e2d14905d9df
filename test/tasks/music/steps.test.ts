// Steps as symbols: a step's probabilities are those of the set of its notes, and pieces that are measured in windows have the nats of whole ones.

import t from 'tap'
import { defineModel, evaluate, type Model } from '../../../src/index.js'
import { decodeEvents } from '../../../src/data/music/events.js'
import { defaultsOf } from '../../../src/settings/index.js'
import { pieceBatches, partBatches } from '../../../src/tasks/music/batches.js'
import { composeEvents } from '../../../src/tasks/music/generate-events.js'
import { composeSteps, keyChances } from '../../../src/tasks/music/generate.js'
import { forms } from '../../../src/tasks/music/forms.js'
import { packKeys } from '../../../src/tasks/music/keys-model.js'
import { musicNetworkSettings, type MusicNetwork } from '../../../src/tasks/music/settings.js'
import {
  AGREEMENTS,
  NO_REPEAT,
  packKeyRepeats,
  packRepeats,
  REPEAT_INPUTS,
  REPEAT_PLACES
} from '../../../src/tasks/music/repeats.js'
import { END, FIRST, KEYS, packParts, NOTE_SYMBOLS, type Step } from '../../../src/tasks/music/steps.js'
import { createRandom } from '../../../src/random.js'

const small: MusicNetwork = { ...defaultsOf(musicNetworkSettings), hidden: 8, chord: 8, relations: 2 }

function network(change: Partial<MusicNetwork>, seed = 1): Model {
  const settings = { ...small, ...change }
  const definition = { ...forms[settings.form].definition(settings), name: 'music', config: {} }
  return defineModel(definition, { seed, threads: 1 })
}

/** Returns steps of random notes, from the highest down. */
function randomSteps(count: number, seed: number): Step[] {
  const random = createRandom(seed, 'steps')
  return Array.from({ length: count }, () => {
    const notes = new Set(Array.from({ length: random.below(5) }, () => random.below(KEYS)))
    return [...notes].sort((one, other) => other - one)
  })
}

t.test('the symbols of a step', (t) => {
  const steps = [[60, 50], [], [70, 60, 1]]
  const packed = packParts([{ steps, first: 0, count: 3 }], { length: 4, slots: 5, batch: 1, ends: true })
  const rows = (values: Int32Array, size: number) =>
    Array.from({ length: 4 }, (_, i) => [...values.subarray(i * size, (i + 1) * size)])
  const [none, read] = [END, (key: number) => KEYS - 1 - key]
  t.same(rows(packed.targets, 5), [
    [60, 50, END, -1, -1],
    [END, -1, -1, -1, -1],
    [70, 60, 1, END, -1],
    Array(5).fill(-1)
  ])
  t.same(rows(packed.last, 5)[2], [none, read(70), read(60), read(1), none])
  t.same(rows(packed.aligned, 5)[1], [read(60), none, none, none, none])
  t.same(rows(packed.highest, 5)[0], [none, read(60), read(60), none, none])
  t.same([...packed.place], [FIRST, 1, 2, 0])
  t.same([...packed.lengths], [3])
  const chosen = (t: number, slot: number) => [
    ...packed.chosen.subarray((t * 5 + slot) * KEYS, (t * 5 + slot + 1) * KEYS)
  ]
  t.same(
    chosen(2, 2).flatMap((one, key) => (one === 1 ? [key] : [])),
    [60, 70]
  )
  t.same(
    [...packed.before.subarray(KEYS, 2 * KEYS)].flatMap((one, key) => (one === 1 ? [key] : [])),
    [50, 60]
  )
  // A part that begins later reads the step before it.
  const later = packParts([{ steps, first: 1, count: 2 }], { length: 2, slots: 5, batch: 1, ends: true })
  t.same(later.before, packed.before.slice(KEYS, 3 * KEYS))
  t.same(later.targets, packed.targets.slice(5, 15))
  t.end()
})

t.test('the probabilities of a step add up to 1 over the sets of notes', async (t) => {
  for (const members of [1, 2]) {
    using model = network({ members })
    // After the notes so far every symbol that follows is one of the keys below, or the end mark; no other one has a probability.
    const steps = [...randomSteps(5, 2), [3, 1]]
    const dims = { length: 6, slots: 5, batch: 1 }
    using lease = model.lease(dims, { purpose: 'predict' })
    const { targets, ...inputs } = packParts([{ steps, first: 0, count: 6 }], { ...dims, ends: true })
    for (const [name, values] of Object.entries(inputs)) lease.plan.inputs[name]!.set(values)
    await lease.plan.run()
    const logits = lease.plan.outputs['logits'] as Float32Array
    targets.forEach((target, i) => {
      if (target < 0) return
      const own = Array.from(logits.subarray(i * NOTE_SYMBOLS, (i + 1) * NOTE_SYMBOLS), Math.exp)
      const total = own.reduce((sum, value) => sum + value, 0)
      const before = inputs.last[i]! === END ? KEYS : KEYS - 1 - inputs.last[i]!
      t.ok(
        own.slice(before, KEYS).every((value) => value / total === 0),
        'no key from the last one on'
      )
      t.ok(own[target]! / total > 0)
    })
    // All sets of the two lowest keys, after a first note that is the third one.
    const sets: Step[] = [[2], [2, 0], [2, 1], [2, 1, 0]]
    let sum = 0
    let first = 0
    for (const set of sets) {
      const { nats, firstNats } = await natsOf(model, set)
      sum += Math.exp(-nats)
      first = Math.exp(-firstNats)
    }
    t.ok(Math.abs(sum / first - 1) < 1e-5, 'sets that begin with a note have its probability together')
  }
})

/** Returns the nats of a step, the first one of a piece, and of its first note. */
async function natsOf(model: Model, step: Step): Promise<{ nats: number; firstNats: number }> {
  const dims = { length: 1, slots: 5, batch: 1 }
  using lease = model.lease(dims, { purpose: 'predict' })
  const { targets, ...inputs } = packParts([{ steps: [step], first: 0, count: 1 }], { ...dims, ends: true })
  for (const [name, values] of Object.entries(inputs)) lease.plan.inputs[name]!.set(values)
  await lease.plan.run()
  const logits = lease.plan.outputs['logits'] as Float32Array
  const nats = [...targets].map((target, slot) => {
    if (target < 0) return 0
    const own = Array.from(logits.subarray(slot * NOTE_SYMBOLS, (slot + 1) * NOTE_SYMBOLS), Math.exp)
    return -Math.log(own[target]! / own.reduce((sum, value) => sum + value, 0))
  })
  return { nats: nats.reduce((sum, value) => sum + value, 0), firstNats: nats[0]! }
}

t.test('pieces in windows, in batches of any size', async (t) => {
  const pieces = [randomSteps(300, 3), randomSteps(20, 4), [...randomSteps(135, 5), ...randomSteps(135, 5)]]
  for (const [form, lookback] of [
    ['notes', false],
    ['notes', true],
    ['keys', false]
  ] as const) {
    using model = network({ form, lookback })
    const count = form === 'keys' ? 590 : 590 + pieces.flat(2).length
    const together = await evaluate(model, pieceBatches(pieces, { form, lookback }, 3))
    const apart = await evaluate(model, pieceBatches(pieces, { form, lookback }, 1))
    t.equal(together.count, count)
    t.equal(apart.count, count)
    t.ok(Math.abs(together.loss - apart.loss) < 1e-5)
  }
})

t.test('the keys of a step', (t) => {
  const { before, keys, counted } = packKeys(
    [{ steps: [[5, 2], [7]], first: 0, count: 2 }],
    { length: 3, batch: 1 },
    { lookback: false }
  )
  const at = (values: Float32Array, step: number) => [...values.subarray(step * KEYS, (step + 1) * KEYS)].flatMap((one, key) => (one ? [key] : [])) // prettier-ignore
  t.same([0, 1, 2].map((step) => at(keys, step)), [[2, 5], [7], []]) // prettier-ignore
  t.same([0, 1, 2].map((step) => at(before, step)), [[], [2, 5], []]) // prettier-ignore
  t.same([...counted], [1, 1, 0])
  t.end()
})

t.test('the parts of a training', (t) => {
  const pieces = [randomSteps(100, 6), randomSteps(33, 7), randomSteps(16, 8)]
  const source = partBatches(pieces, {
    batch: 2,
    seed: 5,
    network: { form: 'notes', lookback: false, window: 32, transpose: 3 }
  })
  t.equal(source.stepsPerEpoch, 4)
  const [first, again] = [source.batches(), source.batches()].map((all) =>
    (all as Iterable<{ epoch: number; count?: number }>)[Symbol.iterator]()
  )
  const batches = Array.from({ length: 8 }, () => first!.next().value)
  t.same(batches.map(({ epoch }) => epoch), [0, 0, 0, 0, 1, 1, 1, 1]) // prettier-ignore
  for (const epoch of [0, 1]) {
    const own = batches.slice(4 * epoch, 4 * epoch + 4)
    t.equal(own.reduce((sum, { count }) => sum + count!, 0), 149, 'each step is in one part') // prettier-ignore
  }
  t.same(again!.next().value, batches[0], 'a batch follows from its position')
  const [third] = source.batches((batches[1] as unknown as { cursor: { epoch: number; step: number } }).cursor) as Iterable<object> // prettier-ignore
  t.same(third, batches[2])
  t.end()
})

t.test('the repetitions of a piece', (t) => {
  const tune = randomSteps(16, 9)
  const steps = [...tune, ...tune.slice(0, 10), [80, 3]]
  const dims = { length: 27, slots: 6, batch: 1, ends: true }
  const { repeats, agreements, ...echoes } = packRepeats([{ steps, first: 0, count: 27 }], dims)
  const longest = REPEAT_PLACES - 1
  const echoAt = (at: number, slot: number, place: number) =>
    (echoes as Record<string, Int32Array>)[`echo${place}`]![at * 6 + slot]!
  const agrees = (at: number, slot: number, place: number) => agreements[(at * 6 + slot) * AGREEMENTS + 4 * place]!
  const weights = (at: number, place: number) => [...repeats.subarray(at * REPEAT_INPUTS).subarray(3 * place, 3 * place + 3)] // prettier-ignore
  // The place 16 steps before is the third one.
  t.equal(echoAt(15, 0, 2), NO_REPEAT, 'nothing is 16 steps before step 15')
  t.same(weights(16, 2), [0, 0, 0])
  t.same(weights(20, 2), [1, 4 / 16, 4 / 64])
  t.same(weights(26, longest), [1, 10 / 16, 10 / 64].map(Math.fround), 'ten steps repeat, at any distance')
  for (const place of [2, longest]) {
    const past = tune[10]!
    t.equal(echoAt(26, 0, place), past[0] ?? END)
    t.equal(echoAt(26, 1, place), past.find((key) => key < 80) ?? END, 'the next note below the one that was chosen')
    t.equal(agrees(26, 0, place), 1)
    t.equal(agrees(26, 1, place), 0, 'another note was chosen')
  }
  for (let at = 17; at < 26; at++)
    for (const [slot, key] of [...steps[at]!, END].entries()) t.equal(echoAt(at, slot, 2), key)
  // Inputs depend neither on later steps nor on later notes of the step.
  const changed = [...steps.slice(0, 20), [70, ...steps[20]!.filter((key) => key < 70)], ...randomSteps(6, 10)]
  const other = packRepeats([{ steps: changed, first: 0, count: 27 }], dims)
  t.same(other.repeats.slice(0, 21 * REPEAT_INPUTS), repeats.slice(0, 21 * REPEAT_INPUTS))
  t.same(other.agreements.slice(0, (20 * 6 + 1) * AGREEMENTS), agreements.slice(0, (20 * 6 + 1) * AGREEMENTS))
  for (const [name, values] of Object.entries<Int32Array>(echoes))
    t.same((other as unknown as Record<string, Int32Array>)[name]!.slice(0, 20 * 6 + 1), values.slice(0, 20 * 6 + 1))
  // A part that begins later has the same inputs.
  const part = packRepeats([{ steps, first: 20, count: 7 }], { ...dims, length: 7 })
  t.same(part.repeats, repeats.slice(20 * REPEAT_INPUTS))
  for (const [name, values] of Object.entries<Int32Array>(echoes))
    t.same((part as Record<string, unknown>)[name], values.slice(20 * 6))
  t.same(part.agreements, agreements.slice(20 * 6 * AGREEMENTS))
  // In the form keys the same, for all keys at the same time.
  const keys = packKeyRepeats([{ steps, first: 0, count: 27 }], { length: 27, batch: 1 })
  t.same(keys.repeats, repeats)
  const echoOf = (at: number, place: number) => [...keys.echoes.subarray((at * REPEAT_PLACES + place) * KEYS).subarray(0, KEYS)] // prettier-ignore
  t.ok(echoOf(15, 2).every((value) => value === 0))
  t.same(
    echoOf(26, longest),
    Array.from({ length: KEYS }, (_, key) => (tune[10]!.includes(key) ? 1 : -1))
  )
  t.end()
})

t.test('a temperature of independent keys keeps the number of keys that is expected', (t) => {
  const random = createRandom(3)
  const logits = Float32Array.from({ length: KEYS }, () => 8 * random.uniform() - 7)
  const sum = (values: readonly number[]) => values.reduce((one, other) => one + other, 0)
  const plain = keyChances(logits, 1)
  t.match(plain[0], 1 / (1 + Math.exp(-logits[0]!)))
  for (const temperature of [1e-6, 0.5, 0.9, 2, 1e6]) {
    const chances = keyChances(logits, temperature)
    t.ok(Math.abs(sum(chances) - sum(plain)) < 1e-6 * KEYS, `${temperature}: ${sum(chances)} of ${sum(plain)} keys`)
    const [most, least] = [logits.indexOf(Math.max(...logits)), logits.indexOf(Math.min(...logits))]
    if (temperature < 1) t.ok(chances[most]! > plain[most]! && chances[least]! < plain[least]!)
    else t.ok(chances[most]! < plain[most]! && chances[least]! > plain[least]!)
  }
  const certain = keyChances(logits, 0)
  t.equal(sum(certain), Math.round(sum(plain)), 'temperature 0 takes the most probable keys')
  t.ok(Math.min(...logits.filter((_, key) => certain[key] === 1)) >= Math.max(...logits.filter((_, key) => certain[key] === 0))) // prettier-ignore
  t.same(keyChances(new Float32Array(KEYS).fill(-30), 0), new Array(KEYS).fill(0), 'silence')
  t.end()
})

t.test('no temperature makes notes and events probable that cannot follow', async (t) => {
  using notes = network({})
  const draft = { prompt: [], count: 30, seed: 1 }
  const [steps] = await composeSteps(notes, [draft], {
    network: { ...small, form: 'notes' },
    temperature: 1e6,
    topP: 1
  })
  for (const step of steps!)
    t.ok(
      step.every((key, i) => i === 0 || key < step[i - 1]!),
      step.join(' ')
    )
  using events = network({ form: 'events', layers: 1 })
  const piece = { prompt: new Int32Array(0), seconds: 5, seed: 1 }
  const [ids] = await composeEvents(events, [piece], { temperature: 1e6, topP: 1 })
  const { notes: played } = decodeEvents(ids!)
  const presses = ids!.filter((id) => id < 128)
  t.ok(presses.length > 5)
  t.equal(presses.length, played.length, 'a key that is down is not pressed')
})
