// Streams, scorers and decoders.
import * as api from '../../src/index.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'
import { symbols, tinyModel } from './worlds.js'

type AnyModel = api.Model
const model = (): AnyModel => tinyModel()

interface StreamWorld {
  model: AnyModel
  stream: api.Stream
}

function ofStream(name: string, args: (stream: api.Stream) => unknown[], more: Partial<AnyRecipe> = {}): AnyRecipe {
  return recipe<StreamWorld>({
    name: `Stream.${name}`,
    setup() {
      const made = model()
      return { model: made, stream: made.stream({ seed: 3 }) }
    },
    args: ({ stream }) => args(stream),
    call({ stream }, given) {
      const found = (stream as unknown as Record<string, unknown>)[name]
      if (typeof found === 'function') return (found as (...values: unknown[]) => unknown).apply(stream, given)
      ;(stream as unknown as Record<string, unknown>)[name] = given[0]
      return null
    },
    digest: ({ stream }, result) => [
      typeof result === 'object' && result !== null && 'feed' in result ? null : result,
      stream.position
    ],
    reset({ model: made, stream }) {
      if (made.parameters.disposed) return
      stream.reset()
      stream.set({ seed: 3, temperature: 1, topK: 0, topP: 1 })
      stream.feed([1, 2])
    },
    dispose: ({ model: made }) => made.dispose(),
    cost: 2,
    ...more
  })
}

const streams: AnyRecipe[] = [
  ofStream('feed', () => [[1, 2, 3]]),
  ofStream('feed', () => [symbols.slice(0, 70)], { cost: 4 }),
  ofStream('prime', () => [Int32Array.of(1, 2), { signal: new AbortController().signal }]),
  ofStream('step', () => [4]),
  ofStream('probabilities', () => []),
  ofStream('sample', () => [3, { stop: 26 }]),
  ofStream('generate', () => [{ length: 3, stop: 26, signal: new AbortController().signal }], {
    cost: 4,
    // How many tokens a block has depends on the time that they take.
    async call({ stream }: StreamWorld, given: unknown[]) {
      const tokens: number[] = []
      for await (const block of stream.generate(...(given as [api.GenerateOptions]))) {
        tokens.push(...block)
        if (tokens.length >= 3) break
      }
      return tokens.slice(0, 3)
    },
    digest: (_: unknown, result: unknown) => result
  }),
  ofStream('set', () => [{ seed: 1, temperature: 0.5, topK: 3, topP: 0.9 }]),
  ofStream('reset', () => []),
  ofStream('snapshot', () => []),
  ofStream('clone', () => []),
  ofStream('state', (stream) => [stream.state])
]

/** A model that all worlds share. */
let shared: AnyModel | null = null
const tiny = () => (shared ??= model())
const signal = () => ({ signal: new AbortController().signal })

const scorer = () => api.lexiconScorer([[1, 2], [2]], { separator: 0 })
const rows = () => [
  [0.1, 2, 0.3],
  [1, 0, 0.5],
  [0, 0, 3]
]
const decoder = () => ({
  start: 0,
  step: (beam: readonly { state: number }[]) => beam.map(({ state }) => ({ state, nats: [-1, -2, -0.5] }))
})

function ofScorer(name: 'score' | 'next' | 'end', kind: () => api.Scorer<never>, ...more: unknown[]): AnyRecipe {
  return recipe<api.Scorer<never>>({
    name: `Scorer.${name}`,
    setup: kind,
    args: ({ start }) => [start, ...more],
    call: (made, given) => (made[name] as (...values: unknown[]) => unknown)(...given),
    digest: (_, result) => typeof result,
    accepts: ['0=null', '0.0=null'], // of a lexicon: no word begins so
    pure: true
  })
}

const streamScorer = () => {
  const stream = model().stream()
  stream.feed([1])
  return api.streamScorer(stream, { ends: [3] })
}

const decoders: AnyRecipe[] = [
  pure(
    'beamSearch',
    api.beamSearch,
    () => [
      decoder(),
      { end: 2, width: 3, best: 2, maxLength: 4, lengthPenalty: 0.5, scorer: api.lexiconScorer([[0, 1], [1], [0]]) }
    ],
    { accepts: ['0.start*', '1.scorer.start*'] }
  ),
  pure(
    'beamSearchAsync',
    api.beamSearchAsync,
    () => [
      decoder(),
      {
        end: 2,
        width: 3,
        best: 2,
        maxLength: 4,
        lengthPenalty: 0.5,
        scorer: api.lexiconScorer([[0, 1], [1], [0]]),
        ...signal()
      }
    ],
    { accepts: ['0.start*', '1.scorer.start*'] }
  ),
  pure('sessionDecoder', api.sessionDecoder, () => [
    api.createSession(tiny(), { outputs: ['logits'] }),
    { token: 'tokens', logits: 'logits' }
  ]),
  pure('createCtcBeam', api.createCtcBeam, () => [{ blank: 0, width: 4, prune: 10, scorer: scorer() }], {
    returns: 'CtcBeam',
    accepts: ['0.scorer.start*']
  }),
  method(
    'CtcBeam',
    'push',
    () => api.createCtcBeam({ width: 4 }),
    () => [[1, 2, 3]]
  ),
  method(
    'CtcBeam',
    'best',
    () => {
      const beam = api.createCtcBeam({ width: 4 })
      for (const row of rows()) beam.push(row)
      return beam
    },
    () => [2],
    { pure: true }
  ),
  pure(
    'ctcBeamSearch',
    api.ctcBeamSearch,
    () => [rows(), { blank: 0, width: 4, prune: 10, best: 2, scorer: scorer() }],
    { accepts: ['1.scorer.start*'] }
  ),
  pure('ctcGreedy', api.ctcGreedy, () => [rows(), { blank: 0 }]),
  pure(
    'rowsOf',
    (...args: Parameters<typeof api.rowsOf>) => [...api.rowsOf(...args)],
    () => [new Float32Array(24), [3, 2, 4], 1, 2]
  ),
  pure('combineScorers', api.combineScorers, () => [[{ scorer: scorer(), weight: 0.5 }, { scorer: scorer() }], 0.1], {
    returns: 'Scorer',
    accepts: ['0.0.scorer.start*', '0.1.scorer.start*']
  }),
  pure('lexiconScorer', api.lexiconScorer, () => [[[1, 2], [2]], { separator: 0 }], { returns: 'Scorer' }),
  pure(
    'streamScorer',
    api.streamScorer,
    () => {
      const stream = model().stream()
      stream.feed([1])
      return [stream, { tokenOf: (token: number) => token, ends: [1, 2] }]
    },
    { returns: 'Scorer', cost: 10, accepts: ['0.*'] }
  ),
  pure('logSoftmax', api.logSoftmax, () => [[1, 2, 3]]),
  ...[scorer, () => api.combineScorers([{ scorer: scorer() }])].flatMap((kind) => [
    ofScorer('score', kind as never, 1),
    ofScorer('next', kind as never, 1),
    ofScorer('end', kind as never)
  ]),
  ...[
    ofScorer('score', streamScorer as never, 1),
    ofScorer('next', streamScorer as never, 1),
    ofScorer('end', streamScorer as never)
  ].map((made) => ({ ...made, cost: 10 }))
]

interface SessionWorld {
  model: AnyModel
  session: api.Session
}
const samplers = () => ({ tokens: api.categoricalSampler({ temperature: 0.5, topK: 3, topP: 0.9 }) })

function ofSession(name: string, args: (session: api.Session) => unknown[], more: Partial<AnyRecipe> = {}): AnyRecipe {
  return recipe<SessionWorld>({
    name: `Session.${name}`,
    setup() {
      const made = model()
      return { model: made, session: api.createSession(made, { samplers: samplers(), seed: 3 }) }
    },
    args: ({ session }) => args(session),
    call: ({ session }, given) =>
      (session as unknown as Record<string, (...values: unknown[]) => unknown>)[name]!.apply(session, given),
    digest: ({ session }, result) => [
      typeof result === 'object' && result !== null && 'feed' in result ? null : result,
      session.position
    ],
    reset({ model: made, session }) {
      if (made.parameters.disposed) return
      const { states, inputs } = session.save()
      for (const view of Object.values({ ...states, ...inputs })) view.fill(0)
      session.restore({ version: 1, position: 0, seed: 3, states, inputs })
      session.set({ samplers: samplers() })
    },
    dispose: ({ model: made }) => made.dispose(),
    cost: 2,
    ...more
  })
}

/** How many steps a block has depends on the time that they take. */
async function firstThree(blocks: AsyncIterable<api.SessionBlock>): Promise<number[]> {
  const tokens: number[] = []
  for await (const { values } of blocks) {
    tokens.push(...values['tokens']!)
    if (tokens.length >= 3) break
  }
  return tokens.slice(0, 3)
}

const sessions: AnyRecipe[] = [
  ...(['categoricalSampler', 'mixtureSampler', 'feedbackSampler'] as const).map((name) =>
    pure(name, api[name], () => [{ from: 'y', ...(name === 'mixtureSampler' && { bias: 0.5 }) }])
  ),
  pure('categoricalSampler', api.categoricalSampler, () => [{ from: 'y', temperature: 0.5, topK: 3, topP: 0.9 }]),
  recipe<AnyModel>({
    name: 'createSession',
    setup: model,
    args: () => [
      { inputs: { tokens: [1] }, outputs: ['logits'], records: ['logits'], samplers: samplers(), seed: 3, dims: {} }
    ],
    call: (made, given) => api.createSession(made, ...(given as [api.SessionOptions])),
    digest: (_, result) => (result as api.Session).position,
    dispose: (made) => made.dispose(),
    returns: 'Session',
    pure: true
  }),
  ofSession('step', () => [{ tokens: [1] }, signal()], { cost: 4 }),
  ofSession('stepSync', () => [{ tokens: [1] }]),
  ofSession('feed', () => [{ tokens: [1, 2, 3] }, signal()], { cost: 4 }),
  ofSession('run', () => [3, { stop: 26, sameWeights: true, ...signal() }], {
    cost: 4,
    call: ({ session }: SessionWorld, given: unknown[]) =>
      firstThree(session.run(...(given as [number, api.SessionRunOptions]))),
    digest: (_: unknown, result: unknown) => result
  }),
  ofSession('set', () => [{ seed: 4, samplers: samplers() }]),
  ofSession('save', () => []),
  ofSession('restore', (session) => [session.save()]),
  ofSession('fork', () => []),
  ofSession('dispose', () => [], { reset: () => {}, digest: () => '' }),
  recipe<api.Session[]>({
    name: 'stepTogether',
    setup: () => [1, 2].map((seed) => api.createSession(tiny(), { seed })),
    args: (made) => [made, [{ tokens: [1] }, { tokens: [2] }], signal()],
    call: (_, given) => api.stepTogether(...(given as Parameters<typeof api.stepTogether>)),
    cost: 4,
    once: true
  }),
  recipe<api.Session[]>({
    name: 'runTogether',
    setup: () => [1, 2].map((seed) => api.createSession(tiny(), { seed, samplers: samplers() })),
    args: (made) => [made, 3, { stop: 26, sameWeights: true, ...signal() }],
    async call(_, given) {
      let steps = 0
      for await (const blocks of api.runTogether(...(given as Parameters<typeof api.runTogether>)))
        if ((steps += blocks.values().next().value!.count) >= 3) break
      return null
    },
    cost: 4,
    once: true
  })
]

export const sampleRecipes: AnyRecipe[] = [...streams, ...sessions, ...decoders]
