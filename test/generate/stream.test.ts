// Streams: the same logits step by step, in blocks and in one sequence; draws; state as a value; sharing of plans.
import t from 'tap'
import { createTrainer, defineModel, f32, linear, type Stream } from '../../src/index.js'
import { poolOf } from '../../src/generate/plan-pool.js'
import { alphabet, noise, textModel, trainingData, vocabulary } from '../text-model.js'

const model = textModel({ hidden: 24, layers: 2 })
const prompt = noise(50)

await createTrainer(model, trainingData(alphabet(20)), {
  steps: 300,
  optimizer: { kind: 'adam', learningRate: 1e-2 }
}).fit()

t.test('steps, blocks and a whole sequence give the same bits', async (t) => {
  const plan = model.plan({ length: prompt.length, batch: 1 }, { purpose: 'predict' })
  plan.resetStates()
  plan.inputs.tokens.set(prompt)
  plan.runSync()
  const whole = (at: number) => [...plan.outputs.logits.subarray(at * vocabulary, (at + 1) * vocabulary)]
  const stream = model.stream()
  prompt.forEach((token, at) => t.same([...stream.step(token)], whole(at), `token ${at}`))
  for (const count of [1, 15, 16, 17, 33, 50]) {
    const other = model.stream()
    other.feed(prompt.subarray(0, count))
    t.equal(other.position, count)
    t.same([...other.logits], whole(count - 1), `a prompt of ${count}`)
    const third = model.stream()
    await third.prime(prompt.subarray(0, count))
    t.same([...third.logits], whole(count - 1))
  }
})

t.test('temperature 0 writes the alphabet', async (t) => {
  const stream = model.stream({ temperature: 0 })
  stream.feed(alphabet(2))
  t.same(
    [...stream.sample(40)],
    Array.from({ length: 40 }, (_, i) => i % vocabulary)
  )
})

t.test('draws depend on seed and text alone', async (t) => {
  const draw = (act: (stream: Stream) => number[], seed = 4) => {
    const stream = model.stream({ seed, temperature: 3 })
    stream.feed(prompt)
    return act(stream)
  }
  const all = draw((stream) => [...stream.sample(60)])
  t.ok(new Set(all).size > 5)
  t.same(
    draw((stream) => [...stream.sample(60)]),
    all
  )
  t.notSame(
    draw((stream) => [...stream.sample(60)], 5),
    all
  )
  t.same(
    draw((stream) => [7, 0, 13, 40].flatMap((count) => [...stream.sample(count)])),
    all,
    'in portions'
  )
  t.same(
    draw((stream) => {
      const copy = stream.clone()
      return Array.from({ length: 60 }, (_, i) => (i % 2 ? copy : stream)).map((one) => one.sample(1)[0]!)
    }),
    all.flatMap((token) => [token, token]).slice(0, 60),
    'two streams turn by turn'
  )
  const blocks: number[] = []
  const stream = model.stream({ seed: 4, temperature: 3 })
  stream.feed(prompt)
  for await (const block of stream.generate({ length: 60 })) blocks.push(...block)
  t.same(blocks, all, 'as an iterator')
})

t.test('what is drawn follows the probabilities', async (t) => {
  const stream = model.stream({ temperature: 4, topK: 6 })
  stream.feed(prompt)
  const expected = stream.probabilities()
  t.ok(Math.abs(expected.reduce((a, b) => a + b) - 1) < 1e-12)
  t.equal(expected.filter((p) => p > 0).length, 6)
  const counts = new Float64Array(vocabulary)
  const draws = 4000
  for (let seed = 0; seed < draws; seed++) {
    stream.set({ seed })
    counts[stream.clone().sample(1)[0]!]! += 1 / draws
  }
  expected.forEach((p, id) =>
    t.ok(Math.abs(counts[id]! - p) < 5 * Math.sqrt((p * (1 - p)) / draws) + 1e-9, `token ${id}`)
  )
  stream.set({ topK: 0, topP: 0.5 })
  const nucleus = stream.probabilities()
  const kept = new Set([...nucleus.keys()].filter((id) => nucleus[id]! > 0))
  t.ok(kept.size < vocabulary && kept.size > 0)
  for (let seed = 0; seed < 200; seed++) {
    stream.set({ seed })
    t.ok(kept.has(stream.clone().sample(1)[0]!))
  }
  stream.set({ temperature: 0 })
  t.same(Math.max(...stream.probabilities()), 1)
})

t.test('a stop token ends a sample, and is read', async (t) => {
  const stream = model.stream({ temperature: 0 })
  stream.feed([...alphabet(2), 0])
  t.same([...stream.sample(100, { stop: 5 })], [1, 2, 3, 4, 5])
  t.same([...stream.sample(2)], [6, 7])
  t.same([...stream.sample(10, { stop: 8 })], [8], 'drawn at once')
  t.same([...stream.sample(3, { stop: 12 })], [9, 10, 11], 'just out of reach')
  t.same([...stream.sample(3, { stop: 12 })], [12])
  const blocks: number[] = []
  for await (const block of stream.generate({ stop: 20 })) blocks.push(...block)
  t.same(blocks, [13, 14, 15, 16, 17, 18, 19, 20])
})

t.test('a snapshot is a value', async (t) => {
  const stream = model.stream({ seed: 1, temperature: 2 })
  stream.feed(prompt)
  const snapshot = structuredClone(stream.snapshot())
  const ahead = [...stream.sample(20)]
  t.same([...model.stream({ snapshot }).sample(20)], ahead)
  t.notSame([...model.stream({ snapshot, seed: 2 }).sample(20)], ahead, 'with another seed')
  const { state } = stream
  const other = model.stream()
  other.state = state
  t.throws(() => other.sample(1), { code: 'ERR_INVALID_ARGUMENT' }, 'no logits yet')
  t.same([...other.step(3)], [...stream.step(3)])
  stream.reset()
  t.equal(stream.position, 0)
  t.same([...stream.step(3)], [...model.stream().step(3)])
  t.match(model.stream().snapshot(), { version: 1, position: 0, ready: null })
  const foreign = { ...snapshot.states, other: new Float32Array(1) }
  t.throws(() => model.stream({ snapshot: { ...snapshot, states: foreign } }), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('streams that generate at the same time draw what each draws alone', async (t) => {
  const alone = (seed: number) => {
    const stream = model.stream({ seed, temperature: 3 })
    stream.feed(noise(20 + seed))
    return [...stream.sample(150)]
  }
  const together = async (seed: number) => {
    const stream = model.stream({ seed, temperature: 3 })
    await stream.prime(noise(20 + seed))
    const drawn: number[] = []
    for await (const block of stream.generate({ length: 150 })) {
      drawn.push(...block)
      if (seed % 2) await new Promise(setImmediate)
    }
    return drawn
  }
  const seeds = [...Array(30).keys()]
  const all = await Promise.all(seeds.map(together))
  for (const seed of seeds) t.same(all[seed], alone(seed), `stream ${seed}`)
})

t.test('a block runs off the event loop: the stream can be read meanwhile, not changed', async (t) => {
  const stream = model.stream({ seed: 4, temperature: 3 })
  const twin = model.stream({ seed: 4, temperature: 3 })
  for (const one of [stream, twin]) one.feed(prompt)
  const [before, bystander] = [stream.snapshot(), model.stream()]
  const coming = stream.generate({ length: 1 }).next()
  const busy = { code: 'ERR_BUSY', message: /await it first/ }
  const changes = [() => stream.step(1), () => stream.feed([1]), () => stream.sample(1), () => stream.reset(), () => (stream.state = before.states)] // prettier-ignore
  for (const change of changes) t.throws(change, busy, String(change))
  t.same(stream.snapshot(), before, 'the value from before the block')
  bystander.feed(prompt)
  const other = stream.generate({ length: 2 }).next() // waits for the first block
  t.same([...(await coming).value!, ...(await other).value!], [...twin.sample(2)])
  t.same(stream.snapshot(), twin.snapshot())
  stream.set({ temperature: 0 })
  twin.set({ temperature: 0 })
  t.same([...stream.sample(20)], [...twin.sample(20)])
  await t.rejects(stream.prime([3, vocabulary]), { code: 'ERR_OUT_OF_RANGE' })
  t.same(stream.snapshot().states, twin.snapshot().states, 'a block that fails changes nothing')
})

t.test('prompts can be aborted, and the event loop turns', async (t) => {
  const stream = model.stream()
  let turns = 0
  const timer = setInterval(() => turns++, 0)
  await stream.prime(noise(4000))
  clearInterval(timer)
  t.ok(turns > 0)
  t.equal(stream.position, 4000)
  await t.rejects(stream.prime(prompt, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  const stopper = new AbortController()
  const endless = stream.generate({ signal: stopper.signal })
  await endless.next()
  stopper.abort()
  await t.rejects(endless.next(), { code: 'ERR_ABORTED' })
})

t.test('a stream that waits for a seat ends with its signal', async (t) => {
  const { seats } = poolOf(model)
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const holders = [seats.run(undefined, () => held), seats.run(undefined, () => held)]
  const stopper = new AbortController()
  const stopped = model.stream().prime(prompt, { signal: stopper.signal })
  const patient = model.stream().prime(prompt)
  setImmediate(() => stopper.abort())
  await t.rejects(stopped, { code: 'ERR_ABORTED' }, 'while both seats are taken')
  release()
  await Promise.all([...holders, patient])
  t.pass('the seats go to those who still wait')
})

t.test('refusals', async (t) => {
  const stream = model.stream()
  t.throws(() => stream.sample(1), { code: 'ERR_INVALID_ARGUMENT', message: /at least one token/ })
  t.throws(() => stream.logits, { code: 'ERR_INVALID_ARGUMENT' })
  for (const id of [-1, vocabulary, 0.5, NaN, '1' as unknown as number]) {
    t.throws(() => stream.step(id), { code: 'ERR_OUT_OF_RANGE' }, String(id))
    const code = typeof id === 'number' ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARGUMENT'
    t.throws(() => stream.feed([...prompt, id, ...prompt]), { code }, `${String(id)} in a prompt`)
  }
  stream.feed(prompt)
  await t.rejects(stream.generate({ length: NaN }).next(), { code: 'ERR_INVALID_ARGUMENT' })
  for (const count of [-1, 0.5, NaN, 2 ** 31])
    t.throws(() => stream.sample(count), { code: 'ERR_INVALID_ARGUMENT' }, String(count))
  const settings = [
    { temperature: -1 },
    { temperature: NaN },
    { topK: -1 },
    { topK: 0.5 },
    { topP: 0 },
    { topP: 1.1 },
    { temperature: null as unknown as number },
    { topK: '3' as unknown as number },
    { seed: -1 }
  ]
  for (const row of settings) t.throws(() => stream.set(row), { code: 'ERR_INVALID_ARGUMENT' }, JSON.stringify(row))
  t.throws(() => (stream.state = {}), { code: 'ERR_INVALID_SHAPE' })
  const snapshot = stream.snapshot()
  const foreign = { ...snapshot, ready: { logits: new Float32Array(3), drawn: 0 } }
  t.throws(() => model.stream({ snapshot: foreign }), { code: 'ERR_INVALID_ARGUMENT' })
  const wrong = [
    { version: 2 },
    { version: undefined },
    { more: 1 },
    { settings: { seed: 1 } },
    { position: -1 },
    { states: null },
    { settings: 5 },
    { ready: { ...snapshot.ready!, drawn: 'x' } }
  ]
  for (const change of [...wrong, { ready: { ...snapshot.ready!, drawn: vocabulary } }] as object[]) {
    t.throws(
      () => model.stream({ snapshot: { ...snapshot, ...change } }),
      { code: 'ERR_INVALID_ARGUMENT' },
      JSON.stringify(Object.keys(change))
    )
  }
  using plain = defineModel({
    name: 'plain',
    config: {},
    inputs: { x: f32('batch', 3) },
    forward: ({ x }) => ({ y: linear(x, { name: 'y', size: 2 }) })
  })
  t.throws(() => plain.stream(), { code: 'ERR_UNSUPPORTED', message: /"plain"/ })
})

t.test('while a step of its model trains a stream is refused, a clone is not', async (t) => {
  using busy = textModel({ hidden: 24 })
  const stream = busy.stream({ temperature: 0 })
  stream.feed(prompt)
  const trainer = createTrainer(busy, trainingData(alphabet(20)), { steps: 3, reportEvery: 1 })
  let between = 0
  trainer.on('report', () => (between += stream.sample(3).length))
  const running = trainer.fit()
  await Promise.resolve()
  using copy = busy.clone()
  const other = copy.stream({ temperature: 0 })
  other.feed(prompt)
  t.equal(other.sample(5).length, 5)
  await running
  t.equal(between, 9, 'between steps it may')
  const plan = busy.plan({ length: 8, batch: 4 }, { optimizer: 'adam' })
  const step = plan.run('train')
  t.throws(() => stream.sample(1), { code: 'ERR_BUSY', message: /clone/ })
  await step
})

t.test('a model without carried state streams too', async (t) => {
  using bigram = textModel({ carry: false })
  const stream = bigram.stream()
  stream.feed(prompt)
  const { logits } = stream
  const last = [...logits]
  t.same([...bigram.stream().step(prompt.at(-1)!)], last)
})
