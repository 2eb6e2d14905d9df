// The engine: sessions as values, texts, prompts that come again, ends in every phase, priorities.
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createEngine, setThreads, type Chunk } from '../../../src/index.js'
import { MOST_TURN_STEPS } from '../../../src/generate/engine/seating.js'
import { idle, letters, model, present, reference, tokensOf, vocabulary } from './world.js'

t.test(
  'a generation beside a thousand others, with one and two threads, has the tokens that it has alone',
  async (t) => {
    const options = { maxTokens: 60, seed: 5, temperature: 1.2, topP: 0.95, presencePenalty: 0.3 }
    const prompt = letters(40)
    const alone = reference(prompt, options).tokens
    for (const threads of [1, 2]) {
      setThreads(threads)
      using engine = createEngine(model, { maxRows: 50, maxWaiting: 2000 })
      const others = Array.from({ length: 1000 }, (_, i) =>
        engine.generate(letters(1 + (i % 50)), { maxTokens: 1 + (i % 31), seed: i, topK: i % 4 })
      )
      t.same(await tokensOf(engine.generate(prompt, options)), alone)
      await Promise.all(others.map(({ finished }) => finished))
      t.same(present(engine), idle)
    }
    setThreads(0)
  }
)

t.test('a session continues where it was, also as a copy in another engine', async (t) => {
  const options = { maxTokens: 9, seed: 3 }
  const whole = reference([4, 5, 6], { ...options, maxTokens: 27 }).tokens
  using engine = createEngine(model)
  using session = engine.createSession()
  t.same(await tokensOf(session.generate([4, 5, 6], options)), whole.slice(0, 9))
  t.equal(session.position, 11)
  const state = structuredClone(session.save())
  t.same(await tokensOf(session.generate([], options)), whole.slice(9, 18))
  const fork = session.fork()
  t.same(await tokensOf(session.generate([], options)), whole.slice(18))
  t.same(await tokensOf(fork.generate([], options)), whole.slice(18))
  using other = createEngine(model)
  const moved = other.createSession(state)
  t.same(await tokensOf(moved.generate([], { ...options, maxTokens: 18 })), whole.slice(9))
  // New tokens follow those that were drawn.
  const more = reference([4, 5, 6, ...whole.slice(0, 9), 7, 8], { maxTokens: 5, seed: 3 }).tokens
  moved.restore(state)
  t.same(await tokensOf(moved.generate([7, 8], { ...options, maxTokens: 5 })), more)
  // A prompt that is read without a draw.
  const reader = engine.createSession()
  for (const prompt of [letters(1), letters(50)]) {
    const { drawnTokens, reason } = await reader.generate(prompt, { maxTokens: 0 }).finished
    t.same([drawnTokens, reason], [0, 'length'])
  }
  t.same(await tokensOf(reader.generate([], options)), reference([...letters(1), ...letters(50)], options).tokens)
})

t.test('a session that is aborted keeps the tokens that came', async (t) => {
  using engine = createEngine(model)
  const session = engine.createSession()
  const generation = session.generate([1], { maxTokens: 2 ** 30, seed: 2 })
  const tokens: number[] = []
  await t.rejects(
    (async () => {
      for await (const chunk of generation) {
        tokens.push(...chunk.tokens)
        if (tokens.length > 20) generation.abort()
      }
    })(),
    { code: 'ERR_ABORTED' }
  )
  tokens.push(...(await tokensOf(session.generate([], { maxTokens: 30 }))))
  t.same(tokens, reference([1], { maxTokens: tokens.length, seed: 2 }).tokens)
})

t.test('stop texts end the text before them, and a session continues right after them', async (t) => {
  using engine = createEngine(model, { vocabulary })
  const options = { seed: 8, temperature: 1.5 }
  const { tokens } = reference([3], { ...options, maxTokens: 400 })
  const decoder = vocabulary.decoder()
  const text = tokens.map((token) => decoder.write(token)).join('')
  for (const at of [1, 20, 150, 390]) {
    const stop = text.slice(at, at + 3)
    const expected = text.slice(0, text.indexOf(stop))
    const session = engine.createSession()
    const generation = session.generate([3], { ...options, maxTokens: 2000, stop: ['zzzzzz', stop] })
    const made = await generation.result()
    t.equal(made.text, expected)
    t.same([made.reason, made.stop, made.drawnTokens], ['stop', stop, made.tokens.length])
    t.same([...made.tokens], tokens.slice(0, made.tokens.length))
    const rest = await tokensOf(session.generate([], { ...options, maxTokens: 5 }))
    const all = reference([3], { ...options, maxTokens: made.tokens.length + 5 }).tokens
    t.same(rest, all.slice(-5), `after a stop at ${at}`)
    const included = await engine
      .generate([3], { ...options, maxTokens: 2000, stop: [stop], includeStop: true })
      .result()
    t.equal(included.text, expected + stop)
  }
})

t.test('a prompt that comes again is not read again, until the weights change', async (t) => {
  using engine = createEngine(model)
  const prompt = letters(1000)
  const first = await engine.generate(prompt, { maxTokens: 8 }).result()
  const second = await engine.generate(prompt, { maxTokens: 8 }).result()
  t.same([first.cachedTokens, second.cachedTokens], [0, 992])
  t.same(second.tokens, first.tokens)
  const branch = [...prompt.slice(0, 600), 1, 2, 3]
  const third = await engine.generate(branch, { maxTokens: 8 }).result()
  t.equal(third.cachedTokens, 512)
  t.same([...third.tokens], reference(branch, { maxTokens: 8 }).tokens)
  const { data } = model.parameters.get('head.bias')
  model.parameters.set('head.bias', data)
  t.equal((await engine.generate(prompt, { maxTokens: 8 }).result()).cachedTokens, 0)
})

t.test('an abort or a break frees the row in every phase', async (t) => {
  using engine = createEngine(model, { maxRows: 2, maxAhead: 50 })
  const long = { maxTokens: 2 ** 30 }
  // Before it begins; while its prompt is read; while it draws; while it waits; while it is paused.
  const aborted = AbortSignal.abort('before')
  t.throws(() => engine.generate([1], { ...long, signal: aborted }), { code: 'ERR_ABORTED' })
  const reading = engine.generate(letters(200_000), long)
  await setImmediate()
  reading.abort()
  await t.rejects(reading.finished, { code: 'ERR_ABORTED' })
  const drawing = [1, 2].map((seed) => engine.generate([1], { ...long, seed }))
  const waiting = engine.generate([2], long)
  for (const one of drawing) {
    for await (const chunk of one) if (chunk.tokens.length > 0) break
    await t.rejects(one.finished, { code: 'ERR_ABORTED' })
  }
  for await (const chunk of waiting) if (chunk.tokens.length > 0) break
  const slow = engine.generate([3], long)
  while (engine.counts.paused === 0) await setImmediate()
  t.equal(engine.counts.running, 0)
  slow.abort()
  await t.rejects(slow.result(), { code: 'ERR_ABORTED' })
  const early = engine.generate([1], long)
  early.abort()
  await t.rejects(early.result(), { code: 'ERR_ABORTED' })
  while (engine.counts.sinceStep > 0) await setImmediate()
  t.same(present(engine), idle)
  t.same(await tokensOf(engine.generate([1], { maxTokens: 5 })), reference([1], { maxTokens: 5 }).tokens)
})

t.test('a slow reader gets all tokens, and others do not wait for it', async (t) => {
  using engine = createEngine(model, { maxRows: 1, maxAhead: 3 })
  const slow = engine.generate([1], { maxTokens: 40 })[Symbol.asyncIterator]()
  const first = await slow.next()
  const other = await tokensOf(engine.generate([2], { maxTokens: 30 }))
  t.same(other, reference([2], { maxTokens: 30 }).tokens)
  const tokens = [...(first.value as Chunk).tokens]
  for (let next = await slow.next(); !next.done; next = await slow.next()) tokens.push(...next.value.tokens)
  t.same(tokens, reference([1], { maxTokens: 40 }).tokens)
})

t.test('a higher priority goes first, and equal streams get equal turns', async (t) => {
  using engine = createEngine(model, { maxRows: 2 })
  const ends: number[] = []
  const begin = (priority: number, maxTokens: number) =>
    [0, 1].map((seed) => {
      const one = engine.generate([1], { maxTokens, seed, priority })
      one.finished.then(
        () => ends.push(priority),
        () => {}
      )
      return one
    })
  const lowest = begin(-1, 2 ** 30)
  while (engine.counts.running < 2) await setImmediate()
  const others = [...begin(0, 200), ...begin(1, 200)]
  await Promise.all(others.map(({ finished }) => finished))
  t.same(ends, [1, 1, 0, 0])
  for (const one of lowest) one.abort()
  await Promise.allSettled(lowest.map(({ finished }) => finished))
  const counts = Array<number>(12).fill(0)
  const streams = counts.map((_, i) => engine.generate([i], { maxTokens: 2 ** 30, seed: i }))
  const readers = streams.map(async (stream, i) => {
    for await (const { tokens } of stream) counts[i]! += tokens.length
  })
  while (Math.min(...counts) < 10 * MOST_TURN_STEPS) await setImmediate()
  for (const one of streams) one.abort()
  await Promise.allSettled(readers)
  // A stream has at most the turn under way more than another one, and the block that was not delivered when that one was counted.
  t.ok(Math.max(...counts) - Math.min(...counts) <= 2 * MOST_TURN_STEPS, counts.join())
})

t.test('histograms count each step, its rows, and the wait of each generation', async (t) => {
  using engine = createEngine(model, { maxRows: 4 })
  const lengths = [1, 1, 40, 1, 300, 1, 2]
  const all = lengths.map((length, seed) => engine.generate(letters(length), { maxTokens: 30 + seed, seed }))
  const drawn = (await Promise.all(all.map(({ finished }) => finished))).reduce((sum, one) => sum + one.drawnTokens, 0)
  const { tickSeconds, tickRows, queueSeconds } = engine.measures
  const sumOf = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0)
  t.equal(sumOf(tickSeconds.counts), engine.counts.steps)
  t.equal(sumOf(tickRows.counts), engine.counts.steps)
  t.equal(sumOf(queueSeconds.counts), all.length)
  t.ok(tickSeconds.sum > 0)
  // Each step of a row is a draw or reads a token of a prompt.
  t.ok(tickRows.sum >= drawn && tickRows.sum <= drawn + sumOf(lengths), `${tickRows.sum} for ${drawn}`)
  t.equal(sumOf(tickRows.counts.slice(3)), 0, 'no more rows than maxRows')
  t.equal(tickRows.bounds.length + 1, tickRows.counts.length)
})
