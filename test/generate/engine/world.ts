// A small model of tokens, and the plain reference of an engine: one session that is stepped by itself, with penalties computed here.
import {
  createSession,
  defineModel,
  embedding,
  i32,
  linear,
  lstm,
  type Engine,
  type EngineVocabulary,
  type Finish,
  type Generation,
  type ScoredToken,
  type TokenOptions
} from '../../../src/index.js'
import { softmaxOf } from '../../../src/generate/probabilities.js'
import { streamKind } from '../../../src/generate/stream-kind.js'

export const VOCABULARY = 29

/** A prompt. */
export const letters = (count: number) => Array.from({ length: count }, (_, i) => (i * 5 + 2) % VOCABULARY)

/** The tokens of a whole generation. */
export const tokensOf = async (generation: Generation) => [...(await generation.result()).tokens]

/** The counts of an engine that has nothing to do, and those of an engine now. */
export const idle = { running: 0, waiting: 0, paused: 0 }
export const present = ({ counts: { running, waiting, paused } }: Engine) => ({ running, waiting, paused })

export const model = defineModel(
  {
    name: 'letters',
    config: {},
    inputs: { tokens: i32('length', 'batch') },
    stream: { token: 'tokens', logits: 'logits' },
    forward({ tokens }) {
      const x = embedding(tokens, { name: 'table', vocabulary: VOCABULARY, size: 9 })
      const y = lstm(x, { name: 'lstm', hidden: 20, layers: 2, carry: true }).output
      return { logits: linear(y, { name: 'head', size: VOCABULARY }) }
    }
  },
  { seed: 11 }
)
// Logits of fresh weights are nearly equal; these differ.
for (const name of ['head.weight', 'table.weight'])
  model.parameters.set(
    name,
    model.parameters.get(name).data.map((x) => 6 * x)
  )

/** Letters of one or more UTF-8 bytes: token 0 is the byte 0xC3, token 1 the byte 0xA9, the others are ASCII. */
export const vocabulary: EngineVocabulary = {
  encode: (text) =>
    Int32Array.from([...Buffer.from(text)], (byte) => (byte === 0xc3 ? 0 : byte === 0xa9 ? 1 : byte - 97 + 2)),
  decoder() {
    const decoder = new TextDecoder()
    const byteOf = (id: number) => (id === 0 ? 0xc3 : id === 1 ? 0xa9 : id - 2 + 97)
    return { write: (id) => decoder.decode(Uint8Array.of(byteOf(id)), { stream: true }), end: () => decoder.decode() }
  }
}

/** Returns the logits of a draw after penalties, biases and min-p, as float32. */
function adjusted(logits: Float32Array, options: TokenOptions, read: Set<number>, drawn: readonly number[]) {
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias = {}, minP = 0 } = options
  const x = logits.slice()
  const f = Math.fround
  for (let id = 0; id < x.length; id++) {
    const count = drawn.filter((one) => one === id).length
    if (count === 0 && !read.has(id)) continue
    const penalty = f(repetitionPenalty)
    if (penalty !== 1) x[id] = x[id]! > 0 ? x[id]! / penalty : x[id]! * penalty
    if (count > 0) x[id]! -= f(f(presencePenalty) + f(f(frequencyPenalty) * count))
  }
  for (const [id, bias] of Object.entries(logitBias)) x[Number(id)]! += f(bias)
  const { temperature = 1 } = options
  const most = Math.max(...x)
  if (temperature > 0 && minP > 0)
    x.forEach((value, id) => Math.exp((value - most) / temperature) < minP && (x[id] = -Infinity))
  return x
}

/** Returns the log probabilities of a token and of the likeliest ones. */
function scoreOf(logits: Float32Array, token: number, count: number): ScoredToken {
  const all = Array.from(softmaxOf(logits), (p, id) => ({ token: id, logProbability: Math.log(p), logit: logits[id]! }))
  const top = [...all].sort((a, b) => b.logit - a.logit || a.token - b.token).slice(0, count)
  return {
    token,
    logProbability: all[token]!.logProbability,
    top: top.map(({ token, logProbability }) => ({ token, logProbability }))
  }
}

export interface Reference {
  tokens: number[]
  scores: ScoredToken[]
  promptScores: ScoredToken[]
  reason: Finish['reason']
}

/** Generates with one session, step by step. */
export function reference(prompt: readonly number[], options: TokenOptions): Reference {
  const { maxTokens = 256, stopTokens = [], logProbabilities = options.scorePrompt ? 0 : -1 } = options
  const { temperature = 1, topK = 0, topP = 1, seed = 0 } = options
  const session = createSession(model, { outputs: ['logits'] })
  const made: Reference = { tokens: [], scores: [], promptScores: [], reason: 'length' }
  const read = new Set(prompt)
  const logitsAfter = (token: number) => session.stepSync({ tokens: [token] })['logits'] as Float32Array
  let logits: Float32Array = new Float32Array(0)
  prompt.forEach((token, i) => {
    if (i > 0 && options.scorePrompt) made.promptScores.push(scoreOf(logits, token, logProbabilities))
    logits = logitsAfter(token)
  })
  const { redraw } = streamKind(model)
  while (made.tokens.length < maxTokens) {
    const x = adjusted(logits, options, read, made.tokens)
    const token = redraw(x, { temperature, topK, topP, seed }, session.position - 1)
    made.tokens.push(token)
    if (logProbabilities >= 0) made.scores.push(scoreOf(logits, token, logProbabilities))
    if (stopTokens.includes(token)) return { ...made, reason: 'stop' }
    logits = logitsAfter(token)
  }
  return made
}

/** Whether two lists of records are equal but for the last digits of log probabilities. */
export function nearlySame(a: readonly ScoredToken[], b: readonly ScoredToken[]): boolean {
  const near = (x: number, y: number) => x === y || Math.abs(x - y) < 1e-4
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i]!
      const tops = one.top.length === other.top.length
      return (
        tops &&
        one.token === other.token &&
        near(one.logProbability, other.logProbability) &&
        one.top.every(({ token, logProbability }, j) => {
          return token === other.top[j]!.token && near(logProbability, other.top[j]!.logProbability)
        })
      )
    })
  )
}
