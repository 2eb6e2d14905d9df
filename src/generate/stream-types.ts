// The public types of streams, and the checks of what callers hand in.

import { float32Array, integer, nullable, object, optional, type Check } from '../check/index.js'
import { options as readOptions, record, signal as signalOf } from '../check/index.js'
import { settingFields, wholeSettingFields, type SamplerSettings } from './settings.js'

/** Everything a stream is; plain data that survives structured cloning. */
export interface StreamSnapshot {
  /** The version of this layout, 1. */
  version: 1
  settings: SamplerSettings
  /** Tokens read so far. */
  position: number
  /** Carried states by name. */
  states: Record<string, Float32Array>
  /** Logits after the last token and what was drawn from them; null before the first token. */
  ready: { logits: Float32Array; drawn: number } | null
}

export interface StreamOptions extends Partial<SamplerSettings> {
  /** Continues where a snapshot of the same model was taken. */
  snapshot?: StreamSnapshot
}

export interface SampleOptions {
  /** The stream ends after drawing this token. */
  stop?: number
}

export interface GenerateOptions extends SampleOptions {
  /** Number of tokens; default: without end. */
  length?: number
  signal?: AbortSignal
}

export interface Stream {
  readonly settings: Readonly<SamplerSettings>
  /** Tokens read so far. */
  readonly position: number
  /** Copies of the carried states; assigning copies in, and needs a token fed before the next sample. */
  state: Record<string, Float32Array>
  /** Reads `tokens`; afterwards the logits of the last stand ready. Throws ERR_OUT_OF_RANGE for an id outside the vocabulary. */
  feed(tokens: ArrayLike<number>): void
  /**
   * `feed` for long prompts, on the engine's thread; can be aborted (tokens that were read stay read). While a block is under way,
   * synchronous calls that change this stream throw ERR_BUSY.
   */
  prime(tokens: ArrayLike<number>, options?: { signal?: AbortSignal }): Promise<void>
  /** Reads one token; returns the logits [V] that follow it, a view that holds until the next call on any stream of the model. */
  step(token: number): Float32Array
  /** The logits after the last token; a view, as for `step`. */
  readonly logits: Float32Array
  /** Copy [V]: what the next token is drawn from, at the stream's settings. */
  probabilities(): Float64Array
  /** Draws the next `count` tokens (fewer if `stop` comes) in one native call. They are part of the stream at once. */
  sample(count: number, options?: SampleOptions): Int32Array
  /**
   * The same in blocks of a few milliseconds on the engine's thread: any number of streams leave the event loop free. Next to a fit of
   * the model each block is drawn with the weights of one step, and the next step waits for it. While a block is under way,
   * synchronous calls that change this stream throw ERR_BUSY.
   */
  generate(options?: GenerateOptions): AsyncGenerator<Int32Array, void, undefined>
  /** Changes settings; they count from the next draw on. */
  set(settings: Partial<SamplerSettings>): void
  /** Back to a zero state at position 0. */
  reset(): void
  snapshot(): StreamSnapshot
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
export const readStreamOptions = readOptions<StreamOptions>({ ...settingFields, snapshot: optional(readSnapshot) })
export const readSettings = object<Partial<SamplerSettings>>(settingFields)
/** -1: no token ends the stream. */
const stopFields = { stop: optional(integer(-1, 2 ** 31 - 1)) }
export const readSampleOptions = readOptions<SampleOptions>(stopFields)
export const readPrimeOptions = readOptions<{ signal?: AbortSignal }>({ signal: optional(signalOf) })
export const readGenerateOptions = readOptions<GenerateOptions>({
  ...stopFields,
  length: optional((value, name) => (value === Infinity ? value : integer(0)(value, name))),
  signal: optional(signalOf)
})
