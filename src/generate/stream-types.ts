// The public types of streams, and the checks of their arguments.

import { float32Array, integer, nullable, object, optional, type Check } from '../check/index.js'
import { options as readOptions, record, signal as signalOf } from '../check/index.js'
import { settingFields, wholeSettingFields, type SamplerSettings } from './settings.js'

/** The value of a stream. It is plain data, so that structured cloning can copy it to another thread. */
export interface StreamSnapshot {
  /** The version of this layout, 1. */
  version: 1
  /** Settings of the draws. */
  settings: SamplerSettings
  /** Number of tokens read so far. */
  position: number
  /** Carried states by name. */
  states: Record<string, Float32Array>
  /** Logits [V] after the last token and the token that was drawn from them; null before the first token. */
  ready: { logits: Float32Array; drawn: number } | null
}

/** Options of a stream: settings of its draws, whose defaults are those of the snapshot or of `SamplerSettings`. */
export interface StreamOptions extends Partial<SamplerSettings> {
  /** Value to begin with, from a stream of the same model; default: a zero state at position 0. */
  snapshot?: StreamSnapshot
}

/** Options of `Stream.sample`. */
export interface SampleOptions {
  /** Token after which the drawing ends; default -1, which is not a token. */
  stop?: number
}

/** Options of `Stream.generate`. */
export interface GenerateOptions extends SampleOptions {
  /** Number of tokens, an integer from 0 on; default Infinity, which generates without end. */
  length?: number
  /** Signal that aborts the generation between two blocks. */
  signal?: AbortSignal
}

/** One sequence of tokens of a model that predicts the next token. It is a value: carried states, a position and settings of its draws. */
export interface Stream {
  /** The present settings of the draws. */
  readonly settings: Readonly<SamplerSettings>
  /** Tokens read so far. */
  readonly position: number
  /**
   * Copies of the carried states by name. Assigning copies states in, after which a token must be fed before the next draw. Assigning throws
   * ERR_INVALID_SHAPE if a state is missing or has another size.
   */
  state: Record<string, Float32Array>
  /** Reads `tokens`. After it `logits` are those of the last token. Throws ERR_OUT_OF_RANGE for an id outside the vocabulary. */
  feed(tokens: ArrayLike<number>): void
  /**
   * Does what `feed` does on the engine's thread, in blocks of a few milliseconds, for long prompts. Throws what `feed` throws, and ERR_ABORTED
   * if the signal aborts; tokens that were read are part of the stream. While a block is under way, synchronous calls that change this stream
   * throw ERR_BUSY.
   */
  prime(tokens: ArrayLike<number>, options?: { signal?: AbortSignal }): Promise<void>
  /**
   * Reads one token and returns the logits [V] that follow it, as a view that is valid until the next call on any stream of the model. Throws
   * ERR_OUT_OF_RANGE for an id outside the vocabulary.
   */
  step(token: number): Float32Array
  /** The logits [V] after the last token, as a view like that of `step`. Throws ERR_INVALID_ARGUMENT before the first token. */
  readonly logits: Float32Array
  /** Returns the probabilities [V] from which the next token is drawn, with the stream's settings. */
  probabilities(): Float64Array
  /**
   * Draws the next `count` tokens in one native call, or fewer if `stop` is drawn, and reads them, so that they are part of the stream. Throws
   * ERR_INVALID_ARGUMENT before the first token.
   */
  sample(count: number, options?: SampleOptions): Int32Array
  /**
   * Draws tokens as `sample` does, in blocks of a few milliseconds on the engine's thread, between which the event loop turns. During a fit of
   * the model each block is drawn with the weights of one step, and the next step of the fit waits for it. Throws ERR_ABORTED if the signal
   * aborts. While a block is under way, synchronous calls that change this stream throw ERR_BUSY.
   */
  generate(options?: GenerateOptions): AsyncGenerator<Int32Array, void, undefined>
  /** Changes settings of the draws, from the next draw on. */
  set(settings: Partial<SamplerSettings>): void
  /** Sets the states to zero and the position to 0. */
  reset(): void
  /** Returns a copy of the value of the stream. */
  snapshot(): StreamSnapshot
  /** Returns a stream of the same model with a copy of this one's value. */
  clone(): Stream
}

const readSnapshot = object<StreamSnapshot>({
  version: integer(1, 1) as Check<1>,
  settings: object<SamplerSettings>(wholeSettingFields),
  position: integer(0),
  states: record(float32Array()),
  ready: nullable(
    object<NonNullable<StreamSnapshot['ready']>>({ logits: float32Array(), drawn: integer(0, 2 ** 31 - 1) })
  )
})
/** Checks the options of a stream. */
export const readStreamOptions = readOptions<StreamOptions>({ ...settingFields, snapshot: optional(readSnapshot) })
/** Checks settings of the draws. */
export const readSettings = object<Partial<SamplerSettings>>(settingFields)
/** The check of the token that ends the drawing; -1 stands for none. */
const stopFields = { stop: optional(integer(-1, 2 ** 31 - 1)) }
/** Checks the options of `Stream.sample`. */
export const readSampleOptions = readOptions<SampleOptions>(stopFields)
/** Checks the options of `Stream.prime`. */
export const readPrimeOptions = readOptions<{ signal?: AbortSignal }>({ signal: optional(signalOf) })
/** Checks the options of `Stream.generate`. */
export const readGenerateOptions = readOptions<GenerateOptions>({
  ...stopFields,
  length: optional((value, name) => (value === Infinity ? value : integer(0)(value, name))),
  signal: optional(signalOf)
})
