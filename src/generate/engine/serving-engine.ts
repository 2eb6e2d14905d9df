// An engine without the checks of its options: its sequences, and the generations that it begins.

import { integers } from '../../check/index.js'
import { expected, show, type GatecellError } from '../../errors.js'
import { throwIfAborted } from '../../graph/abort.js'
import { shareWeights } from '../../graph/sharing.js'
import { SessionCore } from '../session-core.js'
import { streamKind, type TokenModel } from '../stream-kind.js'
import { generationOf } from './generation.js'
import { Job, type Sequence } from './job.js'
import { PromptCache } from './prompt-cache.js'
import type { Client } from './ready-queue.js'
import { countRead, type RowSettings } from './row-table.js'
import { Scheduler } from './scheduler.js'
import { StopText } from './stop-text.js'
import * as types from './types.js'
import type { EngineOptions, Generation, TokenOptions } from './types.js'

const readTokens = integers(-(2 ** 31))

/** A sequence with the generation that changes it. */
export class OwnSequence implements Sequence {
  readonly core: SessionCore
  unread: Int32Array
  job: Job | null = null
  /** Whether it is empty, with the first states and inputs of the model. */
  isNew: boolean

  constructor(core: SessionCore, unread: Int32Array, isNew: boolean) {
    this.isNew = isNew
    this.core = core
    this.unread = unread
  }

  get value() {
    return this.core.value
  }
}

/** Returns the first value of the sequences of an engine, and the size of their vocabulary, 0 for sequences that draw other values. */
function sequenceOf(model: TokenModel, { sequence }: EngineOptions): { core: SessionCore; vocabulary: number } {
  if (!sequence) {
    const { token, logits, core, vocabulary } = streamKind(model)
    const { dims } = core.kind
    return { core: SessionCore.create(model, { dims, outputs: [logits] }, false, { token, logits }), vocabulary }
  }
  if (Object.keys(sequence.samplers ?? {}).length > 0)
    return { core: SessionCore.create(model, { ...sequence, outputs: [] }), vocabulary: 0 }
  throw expected('ERR_INVALID_ARGUMENT', 'samplers in sequence', 'none', 'pass a sampler, or leave sequence out')
}

/** Returns the ERR_DISPOSED of an engine or a session. */
export function disposedError(what: 'an engine' | 'a session'): GatecellError {
  return expected('ERR_DISPOSED', `${what} in use`, 'one that was disposed of', 'create another one')
}

/** The options of generations that draw other values than tokens. */
const valueOptions = ['maxTokens', 'seed', 'inputs', 'samplers', 'priority', 'client', 'signal']

/** An engine without the checks of arguments. */
export class ServingEngine {
  readonly scheduler: Scheduler
  readonly #core: SessionCore
  readonly #options: EngineOptions
  readonly #vocabulary: number
  readonly #cache: PromptCache
  readonly #bySteps: boolean
  readonly #clients = new Map<string, Client>()
  sessions = 0
  disposed = false
  draining = false
  #order = 0

  constructor(model: TokenModel, options: EngineOptions) {
    const { core, vocabulary } = sequenceOf(model, options)
    const token = core.kind.draws?.token
    // A slice reads several tokens of one input, with the other inputs as they are.
    const others = Object.entries(model.definition.inputs).filter(([name]) => name !== token)
    this.#bySteps = others.some(([, { shape }]) => shape.includes('length'))
    const { sharedWeights = null } = options
    if (sharedWeights !== null || !model.parameters.training) shareWeights(model.parameters, sharedWeights)
    this.#core = core
    this.#options = options
    this.#vocabulary = vocabulary
    const { maxRows = 64, maxWaiting = 1024, promptShare = 0.5, maxAhead = 4096, cacheBytes = 2 ** 24 } = options
    this.#cache = new PromptCache(cacheBytes, () => model.parameters.version)
    this.scheduler = new Scheduler(this.#core, vocabulary, { maxRows, maxWaiting, promptShare, maxAhead }, this.#cache)
  }

  checkLive(): void {
    if (this.disposed || this.#core.kind.model.parameters.disposed) throw disposedError('an engine')
  }

  /** Returns a sequence of its own with the value of `from`; undefined: an empty one. */
  sequence(from?: OwnSequence): OwnSequence {
    return new OwnSequence((from?.core ?? this.#core).copy(), from?.unread ?? new Int32Array(0), from?.isNew ?? true)
  }

  checkRoomForSession(): void {
    this.checkLive()
    const { maxSessions = 16384 } = this.#options
    if (this.sessions < maxSessions) return
    const remedy = 'dispose of sessions, or raise maxSessions'
    throw expected('ERR_OVERLOADED', `at most ${maxSessions} sessions at a time`, 'one more', remedy)
  }

  /** Returns the ids of a prompt. */
  #tokensOf(prompt: unknown): Int32Array {
    const { vocabulary } = this.#options
    if (typeof prompt !== 'string') return this.checkTokens(readTokens(prompt, 'the prompt'))
    if (vocabulary) return this.checkTokens(readTokens(vocabulary.encode(prompt), 'the tokens of the prompt'))
    throw expected('ERR_INVALID_ARGUMENT', 'tokens as the prompt', 'a text', 'pass a vocabulary to createEngine')
  }

  /** Throws ERR_OUT_OF_RANGE for tokens that the model does not have. */
  checkTokens(tokens: Int32Array): Int32Array {
    const bad = tokens.find((token) => token < 0 || token >= this.#vocabulary)
    if (bad === undefined) return tokens
    const what = `tokens from 0 to ${this.#vocabulary - 1}`
    throw expected('ERR_OUT_OF_RANGE', what, show(bad), "encode the text with the model's vocabulary")
  }

  /** Returns the tokens that a generation reads before its first draw; one for engines of other values, which is not read. */
  #readingOf(unread: Int32Array, prompt: unknown, options: TokenOptions): Int32Array {
    if (this.#vocabulary === 0) {
      const bad = Object.keys(options).find((name) => !valueOptions.includes(name))
      const isEmpty = typeof prompt !== 'string' && readTokens(prompt, 'the prompt').length === 0
      if (bad === undefined && isEmpty) return new Int32Array(1)
      const what = `only ${valueOptions.join(', ')} and an empty prompt for an engine with samplers`
      throw expected('ERR_INVALID_ARGUMENT', what, bad ?? 'a prompt', 'leave that out')
    }
    const tokens = this.#tokensOf(prompt)
    const remedy = 'pass temperature or topK instead'
    if (options.samplers) throw expected('ERR_INVALID_ARGUMENT', 'no samplers for an engine of tokens', 'some', remedy)
    const reading = new Int32Array(unread.length + tokens.length)
    reading.set(unread)
    reading.set(tokens, unread.length)
    if (reading.length > 0) return reading
    throw expected('ERR_INVALID_ARGUMENT', 'a prompt of at least one token', 'none', 'begin with a token or text')
  }

  /** Changes the seed, inputs and samplers of a sequence. */
  #change(sequence: OwnSequence, { seed, inputs, samplers }: TokenOptions): void {
    const { core } = sequence
    if (inputs) core.checkInputs(inputs)
    if (samplers) core.setSamplers(samplers)
    core.setInputs(inputs)
    if (inputs) sequence.isNew = false
    if (seed !== undefined) core.value.seed = seed
  }

  #clientOf(name: string | undefined): Client {
    const known = name === undefined ? undefined : this.#clients.get(name)
    const client = known ?? { pass: 0, jobs: 0 }
    client.jobs++
    if (name !== undefined && !known) this.#clients.set(name, client)
    return client
  }

  /** Returns the settings of a row. */
  #settingsOf(options: TokenOptions, reading: Int32Array): RowSettings {
    const { temperature = 1, topK = 0, topP = 1, minP = 0, logitBias = {}, stopTokens = [] } = options
    const {
      repetitionPenalty: repetition = 1,
      presencePenalty: presence = 0,
      frequencyPenalty: frequency = 0
    } = options
    const counts = repetition !== 1 || presence !== 0 || frequency !== 0 ? new Int32Array(this.#vocabulary) : null
    if (counts) countRead(counts, reading)
    const bias = Object.entries(logitBias).map(([token, value]) => [biasToken(token), value] as const)
    const tokens = bias.map(([token]) => token)
    this.checkTokens(Int32Array.from(tokens))
    const alternatives = options.logProbabilities ?? (options.scorePrompt ? 0 : -1)
    const stops = this.checkTokens(Int32Array.from(stopTokens))
    return {
      ...{ temperature, topK: topK < this.#vocabulary ? topK : 0, topP, minP, repetition, presence, frequency },
      ...{ alternatives: Math.min(alternatives, this.#vocabulary), stopTokens: stops, bias, counts }
    }
  }

  /** Begins a generation that continues `sequence`. */
  generate(sequence: OwnSequence, keeps: boolean, prompt: unknown, given: TokenOptions | undefined): Generation {
    this.checkLive()
    const options = types.readTokenOptions(given, 'the options of the generation')
    const { stop = [], includeStop = false, maxTokens = 256, scorePrompt = false, priority = 0, signal } = options
    const { vocabulary } = this.#options
    if (stop.length > 0 && !vocabulary)
      throw expected('ERR_INVALID_ARGUMENT', 'a vocabulary for texts to stop at', 'none', 'pass one to createEngine')
    const { unread } = sequence
    const reading = this.#readingOf(unread, prompt, options)
    const settings = this.#settingsOf(options, reading)
    throwIfAborted(signal)
    if (this.draining)
      throw expected('ERR_OVERLOADED', 'an engine that takes generations', 'one that drains', 'use another engine')
    this.scheduler.checkRoom()
    const text = new StopText(vocabulary, stop, includeStop)
    this.#change(sequence, options)
    const client = this.#clientOf(options.client)
    const bySteps = scorePrompt || this.#bySteps
    const read = { sequence, keeps, reading, unread: unread.length, scoresPrompt: scorePrompt, bySteps }
    const job = new Job(
      { ...read, settings, maxTokens, text, hasStops: stop.length > 0, priority, client },
      this.#order++
    )
    job.onEnd = () => {
      if (sequence.job === job) sequence.job = null
      if (client.jobs === 0 && options.client !== undefined) this.#clients.delete(options.client)
      this.scheduler.ended(job)
    }
    sequence.job = job
    if (sequence.isNew && !bySteps && this.#vocabulary > 0) {
      job.keys = this.#cache.keysOf(reading)
      job.at = job.cached = this.#cache.find(job.keys, sequence.value)
    }
    sequence.isNew = false
    this.scheduler.add(job)
    return generationOf(job, this.scheduler, signal)
  }
}

/** Returns the token that a key of `logitBias` names. */
function biasToken(key: string): number {
  if (/^\d{1,9}$/.test(key)) return Number(key)
  throw expected('ERR_INVALID_ARGUMENT', 'tokens as the keys of logitBias', show(key), 'write each as a number')
}
