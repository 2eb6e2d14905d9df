// Generations come, wait, share rows, end and are aborted under random schedules: each has the tokens that it has by itself.
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  createEngine,
  setThreads,
  type Chunk,
  type Engine,
  type GatecellError,
  type TokenOptions
} from '../../../src/index.js'
import { model, nearlySame, reference, VOCABULARY, type Reference } from './world.js'

interface Planned {
  prompt: number[]
  options: TokenOptions
  /** Turns of the event loop before it begins. */
  delay: number
  /** Chunks after which its signal aborts; null: it is not aborted. */
  abortAfter: number | null
  /** Turns of the event loop between two chunks. */
  pause: number
}

const token = fc.nat(VOCABULARY - 1)
const sometimes = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 })
const settings = fc.record({
  maxTokens: fc.nat(40),
  seed: fc.nat(),
  temperature: fc.constantFrom(0, 0.5, 1, 1.7),
  topK: fc.constantFrom(0, 0, 3, 100),
  topP: fc.constantFrom(1, 1, 0.8),
  minP: fc.constantFrom(0, 0, 0.05),
  repetitionPenalty: fc.constantFrom(1, 1, 1.3),
  presencePenalty: fc.constantFrom(0, 0, 0.7),
  frequencyPenalty: fc.constantFrom(0, 0, 0.4),
  logitBias: sometimes(fc.dictionary(token.map(String), fc.constantFrom(-3, 2.5), { maxKeys: 3 })),
  stopTokens: sometimes(fc.array(token, { maxLength: 3 })),
  logProbabilities: sometimes(fc.nat(40)),
  scorePrompt: sometimes(fc.boolean()),
  priority: fc.constantFrom(0, 0, 0, 1, -1),
  client: sometimes(fc.constantFrom('a', 'b'))
})
const planned: fc.Arbitrary<Planned> = fc.record({
  prompt: fc.oneof(
    fc.array(token, { minLength: 1, maxLength: 80 }),
    fc.constantFrom(17, 33, 300, 700).map((length) => Array.from({ length }, (_, i) => (i * i) % VOCABULARY))
  ),
  options: settings,
  delay: fc.nat(6),
  abortAfter: fc.option(fc.nat(2), { freq: 1 }),
  pause: fc.constantFrom(0, 0, 2)
})
const bounds = fc.record({
  maxRows: fc.integer({ min: 1, max: 6 }),
  maxAhead: fc.constantFrom(1, 5, 4096),
  cacheBytes: fc.constantFrom(0, 2 ** 20),
  /** With 1, prompts are read between blocks of draws, with 2 at the same time as those. */
  threads: fc.constantFrom(1, 2),
  promptShare: fc.constantFrom(0.1, 0.4, 0.9)
})

/** Reads a generation as it is planned. Returns all that came, and whether it was aborted. */
async function generated(engine: Engine, { prompt, options, delay, abortAfter, pause }: Planned) {
  for (let i = 0; i < delay; i++) await setImmediate()
  const aborter = new AbortController()
  const generation = engine.generate(prompt, { ...options, signal: aborter.signal })
  const chunks: Chunk[] = []
  if (abortAfter === 0) aborter.abort()
  try {
    for await (const chunk of generation) {
      chunks.push(chunk)
      if (chunks.length === abortAfter) aborter.abort()
      for (let i = 0; i < pause; i++) await setImmediate()
    }
    return { chunks, finish: await generation.finished }
  } catch (error) {
    if ((error as GatecellError).code !== 'ERR_ABORTED') throw error
    return { chunks, finish: null }
  }
}

function check(t: Test, { prompt, options, abortAfter }: Planned, made: Awaited<ReturnType<typeof generated>>): void {
  const { tokens, scores, promptScores, reason }: Reference = reference(prompt, options)
  const { chunks, finish } = made
  const all = chunks.flatMap((chunk) => [...chunk.tokens])
  if (finish) {
    t.same(all, tokens)
    t.equal(finish.reason, reason)
    t.equal(finish.promptTokens, prompt.length)
    t.equal(finish.drawnTokens, tokens.length)
  } else {
    t.not(abortAfter, null)
    t.same(all, tokens.slice(0, all.length))
  }
  const mine = chunks.flatMap((chunk) => chunk.scores)
  t.ok(nearlySame(mine, scores.slice(0, all.length)), 'log probabilities')
  const ofPrompt = chunks.flatMap((chunk) => chunk.promptScores)
  t.ok(nearlySame(ofPrompt, promptScores.slice(0, finish ? undefined : ofPrompt.length)), 'those of the prompt')
}

t.test('each generation has its tokens under every schedule', async (t) => {
  const property = fc.asyncProperty(
    fc.array(planned, { minLength: 1, maxLength: 14 }),
    bounds,
    async (all, { threads, ...options }) => {
      setThreads(threads)
      const engine = createEngine(model, options)
      const made = await Promise.all(all.map((one) => generated(engine, one)))
      all.forEach((one, i) => check(t, one, made[i]!))
      await engine.drain()
      const { running, waiting, paused, finished } = engine.counts
      t.same({ running, waiting, paused, finished }, { running: 0, waiting: 0, paused: 0, finished: all.length })
      if (!t.passing()) throw new Error('a generation differs')
    }
  )
  await fc.assert(property, { numRuns: 25 })
  setThreads(0)
})
