// The engine that serves many sequences, with its sessions and generations.
import * as api from '../../src/index.js'
import { recipe, type AnyRecipe } from './recipe.js'
import { tinyModel } from './worlds.js'

interface ServingWorld {
  model: api.Model
  engine: api.Engine
  session: api.EngineSession
}
const letters = {
  encode: (text: string) => Int32Array.from(text, () => 1),
  decoder: () => ({ write: () => 'a', end: () => '' })
}
const options = (): api.TokenOptions => ({
  ...{ maxTokens: 3, seed: 3, temperature: 0.5, topK: 3, topP: 0.9, minP: 0.1, repetitionPenalty: 1.1 },
  ...{ presencePenalty: 0.1, frequencyPenalty: 0.1, logitBias: { 1: 0.5 }, stop: ['b'], includeStop: true },
  ...{ stopTokens: [5], logProbabilities: 2, scorePrompt: true, priority: 1, client: 'c' },
  signal: new AbortController().signal
})

/** Makes a generation short, whatever its options, and waits for its end. */
async function resultOf(generation: api.Generation): Promise<unknown> {
  const { tokens, reason } = await generation.result()
  return [tokens, reason]
}

const setup = (): ServingWorld => {
  const model = tinyModel()
  const engine = api.createEngine(model, { vocabulary: letters })
  return { model, engine, session: engine.createSession() }
}

/** A method of the engine or of a session. `once`: the world serves one call. */
function ofWorld(
  kind: 'Engine' | 'EngineSession',
  name: string,
  args: (world: ServingWorld) => unknown[],
  more: Partial<AnyRecipe> = {}
) {
  return recipe<ServingWorld>({
    name: `${kind}.${name}`,
    setup,
    args,
    call({ engine, session }, given) {
      const of = kind === 'Engine' ? engine : session
      return (of as unknown as Record<string, (...values: unknown[]) => unknown>)[name]!.apply(of, given)
    },
    digest: (_, result) => (typeof result === 'object' && result !== null && 'unread' in result ? result : ''),
    dispose({ model, engine }) {
      engine.dispose()
      model.dispose()
    },
    cost: 3,
    ...more
  })
}

const generate = (kind: 'Engine' | 'EngineSession') =>
  ofWorld(kind, 'generate', () => [[1, 2, 3], options()], {
    call: ({ engine, session }: ServingWorld, given: unknown[]) =>
      resultOf((kind === 'Engine' ? engine : session).generate(...(given as [number[]]))),
    digest: (_: unknown, result: unknown) => result,
    reset({ session }: ServingWorld) {
      const { states, inputs } = session.save()
      for (const view of Object.values({ ...states, ...inputs })) view.fill(0)
      session.restore({ version: 1, position: 0, seed: 3, states, inputs, unread: new Int32Array(0) })
    },
    cost: 8
  })

const ofGeneration = (name: 'abort' | 'result') =>
  recipe<ServingWorld & { generation: api.Generation }>({
    name: `Generation.${name}`,
    setup() {
      const world = setup()
      return { ...world, generation: world.engine.generate([1], { maxTokens: 3 }) }
    },
    args: () => [],
    call: ({ generation }) => (name === 'abort' ? generation.abort() : resultOf(generation)),
    digest: () => '',
    dispose({ model, engine }) {
      engine.dispose()
      model.dispose()
    },
    once: true,
    cost: 8
  })

const creation = (options: () => api.EngineOptions) =>
  recipe<ReturnType<typeof tinyModel>>({
    name: 'createEngine',
    setup: tinyModel,
    args: () => [options()],
    call: (model, given) => api.createEngine(model, ...(given as [api.EngineOptions])),
    digest: (_, result) => (result as api.Engine).counts.running,
    dispose: (model) => model.dispose(),
    returns: 'Engine',
    pure: true
  })

export const servingRecipes: AnyRecipe[] = [
  creation(() => ({
    ...{ maxRows: 4, maxWaiting: 9, maxSessions: 3, promptShare: 0.3, cacheBytes: 1000, maxAhead: 50 },
    vocabulary: letters
  })),
  creation(() => ({
    sequence: {
      samplers: { tokens: api.categoricalSampler({ topK: 3 }) },
      ...{ inputs: { tokens: [1] }, records: ['logits'], dims: {} }
    }
  })),
  ofWorld('Engine', 'createSession', ({ session }) => [session.save()], { returns: 'EngineSession' }),
  generate('Engine'),
  ofWorld('Engine', 'drain', () => [], { once: true }),
  ofWorld('Engine', 'dispose', () => [], { once: true }),
  generate('EngineSession'),
  ofWorld('EngineSession', 'save', () => []),
  ofWorld('EngineSession', 'restore', ({ session }) => [session.save()]),
  ofWorld('EngineSession', 'fork', () => []),
  ofWorld('EngineSession', 'dispose', () => [], { once: true }),
  ofGeneration('abort'),
  ofGeneration('result')
]
