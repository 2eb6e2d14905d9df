// The public types of the serving engine, and the checks of their arguments.

import { boolean, filled, integer, invalid, list, methods, number, optional } from '../../check/index.js'
import { integers, open, options as optionsOf, record, seed, signal as signalOf, string } from '../../check/index.js'
import type { Check } from '../../check/index.js'
import { MOST_ALTERNATIVES, MOST_ROWS } from '../../graph/row-words.js'
import type { View } from '../../graph/shape.js'
import type { Sampler } from '../samplers.js'
import { readChange, readInputs, readSessionOptions, readState } from '../session-types.js'
import type { SessionOptions, SessionState, StepInputs } from '../session-types.js'
import { wholeSettingFields } from '../settings.js'

/** The part of a vocabulary (see `Vocabulary`) that an engine uses for texts. */
export interface EngineVocabulary {
  /** Returns the ids of a text. */
  encode(text: string): Int32Array
  /** Returns a decoder that turns ids into text one by one and holds unfinished characters back. */
  decoder(): { write(id: number): string; end(): string }
}

/** Options of `createEngine`. */
export interface EngineOptions {
  /** Most sequences of one step, from 1 to 4096; default 64. More sequences than that take turns. */
  maxRows?: number
  /** Most generations that wait or are paused next to those in rows, at least 0; default 1024. The next one is refused with ERR_OVERLOADED. */
  maxWaiting?: number
  /** Most sessions at a time, at least 1; default 16384. The next one is refused with ERR_OVERLOADED. */
  maxSessions?: number
  /**
   * Largest share of the time that prompts take while sequences are drawn, from 0.001 to 0.999; default 0.5. It is used only where the process has
   * one core (`setThreads`, affinity, quota) or the model runs on a GPU: elsewhere prompts are read at the same time, on a second thread.
   */
  promptShare?: number
  /** Most bytes of the states that are kept for prompts that come again; 0 keeps none; default 16 MiB. */
  cacheBytes?: number
  /** Tokens that a generation may be ahead of its reader, at least 1; default 4096. It pauses there, without a row. */
  maxAhead?: number
  /**
   * Samplers of sequences that draw other values than tokens, such as the points of a pen, with their dims, first inputs and records; default: none,
   * and the sequences draw tokens.
   */
  sequence?: Omit<SessionOptions, 'seed' | 'outputs'>
  /**
   * Folder of files by which processes of one user have one copy of the weights, for a model made with `training: false`; it is made if it does
   * not exist. Default: none. Engines of one process, also of its worker threads, always have one packed copy of equal weights of such models.
   */
  sharedWeights?: string
  /** Vocabulary for texts; default: none, so that prompts and results are tokens. */
  vocabulary?: EngineVocabulary
}

/**
 * Options of a generation. The defaults draw from the distribution of the model as it is. Generations of an engine with `sequence` draw by its
 * samplers and take only `maxTokens` (steps), `seed`, `inputs`, `samplers`, `priority`, `client` and `signal`.
 */
export interface TokenOptions {
  /** Most tokens to draw, from 0 to 2^30; default 256. With 0 the generation only reads its prompt. */
  maxTokens?: number
  /** Seed of the draws, an integer in [0, 2^53); default: that of the session, which is 0 at first. */
  seed?: number
  /** Values of inputs, such as the number of a voice; default: as they are. */
  inputs?: StepInputs
  /** Other settings of the samplers of `sequence`; default: as they are. */
  samplers?: Readonly<Record<string, Sampler>>
  /** Divisor of the logits, from 0 to 1e6; default 1. 0 always takes the most probable token. */
  temperature?: number
  /** Number of the most probable tokens to draw from; default 0, which draws from all. */
  topK?: number
  /**
   * Draws from the smallest set of tokens whose probabilities sum to at least this value, above 0 and at most 1; default 1, which draws from all.
   */
  topP?: number
  /** Draws from tokens whose probability is at least this share of the largest one, from 0 to 1; default 0, which draws from all. */
  minP?: number
  /** Divisor of positive logits and factor of negative ones of all tokens of the prompt and of the result so far, from 0.001 to 1000; default 1. */
  repetitionPenalty?: number
  /** Subtracted from the logits of tokens that the generation has drawn, from -100 to 100; default 0. */
  presencePenalty?: number
  /** Subtracted from the logits of tokens for each time that the generation has drawn them, from -100 to 100; default 0. */
  frequencyPenalty?: number
  /** Added to the logits of tokens, from -1000 to 1000, by the token; default: nothing. */
  logitBias?: Readonly<Record<string, number>>
  /** At most 64 texts before which the result ends; default: none. Needs a vocabulary. */
  stop?: readonly string[]
  /** Whether the text of the result contains the text of `stop` that ended it; default false. */
  includeStop?: boolean
  /** At most 4096 tokens after which the result ends; default: none. They are part of the tokens, but not of the text. */
  stopTokens?: readonly number[]
  /**
   * Number of likeliest tokens whose log probabilities come with each token, from 0 to 64; default: no log probabilities. They are those of the
   * model, before all settings.
   */
  logProbabilities?: number
  /** Whether the tokens of the prompt but the first come with log probabilities, too; default false. The prompt is then read token by token. */
  scorePrompt?: boolean
  /** A generation of a higher priority gets a row before all of lower ones; an integer from -100 to 100, default 0. */
  priority?: number
  /** Name of the client among whom rows are shared fairly, in tokens; default: each generation is a client of its own. */
  client?: string
  /** Signal that aborts the generation, which gives its row back within one step. */
  signal?: AbortSignal
}

/** A token with its log probability, and the likeliest tokens at its place with theirs, falling. */
export interface ScoredToken {
  readonly token: number
  readonly logProbability: number
  readonly top: readonly { readonly token: number; readonly logProbability: number }[]
}

/** The tokens of a generation since the last chunk. */
export interface Chunk {
  readonly tokens: Int32Array
  /** The text that is certain now; '' without a vocabulary. The beginning of a character or of a stop text is held back. */
  readonly text: string
  /** A record for each token, if log probabilities were asked for. */
  readonly scores: readonly ScoredToken[]
  /** Records of tokens of the prompt, if `scorePrompt` asked for them. */
  readonly promptScores: readonly ScoredToken[]
  /** Values [count, ...] that the samplers of the engine drew, by the input that they feed; {} for tokens. */
  readonly values: Readonly<Record<string, View>>
  /** Values [count, ...] of the records of the engine, by name; {} for tokens. */
  readonly outputs: Readonly<Record<string, View>>
}

/** The end of a generation. */
export interface Finish {
  /** 'length': `maxTokens` were drawn; 'stop': a stop token or text came. */
  readonly reason: 'length' | 'stop'
  /** The stop token or text; null for another reason. */
  readonly stop: number | string | null
  /** Tokens of the prompt, and those of them that were not read because their states were known. */
  readonly promptTokens: number
  readonly cachedTokens: number
  /** Tokens drawn, the stop token included. */
  readonly drawnTokens: number
}

/** A generation under way: an async iterable of chunks, which can be iterated once. Leaving the iteration ends the generation. */
export interface Generation extends AsyncIterable<Chunk> {
  /**
   * Resolves at the end of the generation. Rejects with ERR_ABORTED, ERR_DISPOSED, ERR_OUT_OF_RANGE if the model gives no finite logits, and
   * errors of its runs. It need not be awaited.
   */
  readonly finished: Promise<Finish>
  /** Ends the generation with ERR_ABORTED; does nothing after its end. */
  abort(): void
  /** Reads all chunks and returns their tokens and texts together. Throws the errors of the generation. */
  result(): Promise<Chunk & Finish>
}

/** The value of a session of an engine. It is plain data, so that structured cloning can copy it to another thread. */
export interface EngineState extends SessionState {
  /** Tokens that belong to the sequence, but were not read yet: most often the last one drawn. */
  readonly unread: Int32Array
}

/** A sequence of tokens that is kept between generations. */
export interface EngineSession extends Disposable {
  /** Tokens read so far. */
  readonly position: number
  /**
   * Continues the sequence by `prompt`, tokens or a text, and then by draws. Throws ERR_INVALID_ARGUMENT for bad options and if neither
   * prompt nor sequence have a token, ERR_OUT_OF_RANGE for tokens that the model does not have, ERR_UNKNOWN_SYMBOL, ERR_OVERLOADED,
   * ERR_DISPOSED, and ERR_BUSY while another generation of the session is under way.
   */
  generate(prompt: string | ArrayLike<number>, options?: TokenOptions): Generation
  /** Returns a copy of the value. Throws ERR_BUSY while a generation is under way. */
  save(): EngineState
  /** Replaces the value by a copy of `state`. Throws ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE or ERR_OUT_OF_RANGE unless it fits, and ERR_BUSY. */
  restore(state: EngineState): void
  /** Returns a session with a copy of the value. Throws ERR_OVERLOADED, and ERR_BUSY while a generation is under way. */
  fork(): EngineSession
  /** Ends the session and its generation; later calls throw ERR_DISPOSED. */
  dispose(): void
}

/** Counts of an engine. */
export interface EngineCounts {
  /** Generations in rows, waiting for one, and paused because their readers are slow. */
  readonly running: number
  readonly waiting: number
  readonly paused: number
  /** Sessions. */
  readonly sessions: number
  /** Since the engine was made: tokens of prompts and of them those that were cached, tokens drawn, steps, generations that ended. */
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly tokens: number
  readonly steps: number
  readonly finished: number
  /** Milliseconds since the engine's last step; 0 if there is nothing to do. */
  readonly sinceStep: number
}

/** Values since the engine was made, by size. */
export interface EngineHistogram {
  /** Upper bounds of the sizes, rising. */
  readonly bounds: readonly number[]
  /** Number of the values up to each bound that are above the bound before it, and at the end of those above all bounds. */
  readonly counts: readonly number[]
  /** The sum of all values. */
  readonly sum: number
}

/** Measurements of an engine. They grow while it runs; reading them costs nothing. */
export interface EngineMeasures {
  /** Seconds of the steps of rows. The steps of one block have their mean. */
  readonly tickSeconds: EngineHistogram
  /** Rows of the same steps in which a generation was. */
  readonly tickRows: EngineHistogram
  /** Seconds from the beginning of a generation to its first row, or to the first slice of its prompt. */
  readonly queueSeconds: EngineHistogram
}

/** Serves many sequences of one model at once. */
export interface Engine extends Disposable {
  /** Makes a session; `state`: its value, default an empty sequence. Throws what `EngineSession.restore` throws, ERR_OVERLOADED and ERR_DISPOSED. */
  createSession(state?: EngineState): EngineSession
  /** Generates from a prompt, in a sequence of its own. Throws what `EngineSession.generate` throws. */
  generate(prompt: string | ArrayLike<number>, options?: TokenOptions): Generation
  /** The counts of the present moment. */
  readonly counts: EngineCounts
  /** Histograms since the engine was made. */
  readonly measures: EngineMeasures
  /**
   * Refuses new generations with ERR_OVERLOADED from now on, and resolves when those under way have ended and no step of the engine is under way, so
   * that the model may be disposed of. It may be called after `dispose`.
   */
  drain(): Promise<void>
  /** Ends all generations with ERR_DISPOSED, and frees what the engine holds. The model stays. */
  dispose(): void
}

const token = integer(0, 2 ** 31 - 1)
const { temperature, topK, topP } = wholeSettingFields
const penalty = number(-100, 100)
const stopText: Check<string> = (value, name) => {
  if (typeof value === 'string' && value !== '' && !/\p{Surrogate}/u.test(value)) return value
  throw invalid('a text that is not empty and has whole characters', name, value)
}

/** Checks the options of an engine. */
export const readEngineOptions = optionsOf<EngineOptions>({
  maxRows: optional(integer(1, MOST_ROWS)),
  maxWaiting: optional(integer(0)),
  maxSessions: optional(integer(1)),
  promptShare: optional(number(1e-3, 0.999)),
  cacheBytes: optional(integer(0)),
  maxAhead: optional(integer(1)),
  sequence: optional(readSessionOptions),
  sharedWeights: optional(filled),
  vocabulary: optional(methods<EngineVocabulary>(['encode', 'decoder']))
})

/** Checks the options of a generation. */
export const readTokenOptions = optionsOf<TokenOptions>({
  maxTokens: optional(integer(0, 2 ** 30)),
  seed: optional(seed),
  inputs: readInputs,
  samplers: optional((value, name) => readChange({ samplers: value }, name).samplers),
  temperature: optional(temperature),
  topK: optional(topK),
  topP: optional(topP),
  minP: optional(number(0, 1)),
  repetitionPenalty: optional(number(1e-3, 1e3)),
  presencePenalty: optional(penalty),
  frequencyPenalty: optional(penalty),
  logitBias: optional(record(number(-1000, 1000))),
  stop: optional(list(stopText, 0, 64)),
  includeStop: optional(boolean),
  stopTokens: optional(list(token, 0, 4096)),
  logProbabilities: optional(integer(0, MOST_ALTERNATIVES)),
  scorePrompt: optional(boolean),
  priority: optional(integer(-100, 100)),
  client: optional(string),
  signal: optional(signalOf)
})

const readUnread = open<{ unread: Int32Array }>({ unread: integers(0) })
/** Checks a saved value; the session compares its names and sizes with its own. */
export const readEngineState: Check<EngineState> = (value, name) => ({
  ...readState(value, name),
  ...readUnread(value, name)
})
