// One stream of tokens: a state (h, c), a position and sampler settings. It steps in one native call a token, allocates
// nothing per step, and is a value of a few KB: get, set, clone, keep, restore elsewhere.

import { float32Array, integer, nullable, numbers, object, open, optional } from '../check/index.js'
import { options as readOptions, record, signal as signalOf } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import { throwIfAborted } from '../graph/abort.js'
import { showShape } from '../graph/tensor.js'
import { PROMPT_BLOCK, engineOf, type Owner, type TokenModel } from './engine.js'
import { probabilities } from './probabilities.js'
import { inTurn, nextBlock } from './turns.js'
import { changeSettings, defaultSettings, settingFields, type SamplerSettings } from './settings.js'

/** Everything a stream is; plain data that survives structured cloning. */
export interface StreamSnapshot {
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
  /** `feed` for long prompts: lets the event loop turn between blocks, and can be aborted (what was read stays read). */
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
   * The same in blocks, the event loop turning between them: all streams of the process together take a few milliseconds a turn. Next
   * to a fit of the model each block is drawn with the weights of one step, and the next step waits for it.
   */
  generate(options?: GenerateOptions): AsyncGenerator<Int32Array, void, undefined>
  /** Changes settings; they count from the next draw on. */
  set(settings: Partial<SamplerSettings>): void
  /** Back to a zero state at position 0. */
  reset(): void
  snapshot(): StreamSnapshot
  clone(): Stream
}

const readSnapshot = open<StreamSnapshot>({
  settings: object<Partial<SamplerSettings>>(settingFields),
  position: integer(0),
  states: record(float32Array()),
  ready: nullable(
    open<NonNullable<StreamSnapshot['ready']>>({ logits: float32Array(), drawn: integer(0, 2 ** 31 - 1) })
  )
})
const readStreamOptions = readOptions<StreamOptions>({ ...settingFields, snapshot: optional(readSnapshot) })
const readSettings = object<Partial<SamplerSettings>>(settingFields)
/** -1: no token ends the stream. */
const stopFields = { stop: optional(integer(-1, 2 ** 31 - 1)) }
const readSampleOptions = readOptions<SampleOptions>(stopFields)
const readPrimeOptions = readOptions<{ signal?: AbortSignal }>({ signal: optional(signalOf) })
const readGenerateOptions = readOptions<GenerateOptions>({
  ...stopFields,
  length: optional((value, name) => (value === Infinity ? value : integer(0)(value, name))),
  signal: optional(signalOf)
})

export function createStream(model: TokenModel, streamOptions: StreamOptions = {}): Stream {
  const options = readStreamOptions(streamOptions, 'the options of the stream')
  const engine = engineOf(model)
  const { plan, sampled, token } = engine
  let settings = changeSettings(options.snapshot?.settings ?? defaultSettings, options)
  let ready = false
  let stale = false // settings changed since the last draw
  // The stream's value while another stream has the plans:
  let position = 0
  const states: Record<string, Float32Array> = {}
  for (const name in engine.states) states[name] = new Float32Array(engine.states[name]!.length)
  const logits = new Float32Array(engine.logits.length)
  let drawn = 0

  const me: Owner = {
    leave() {
      for (const name in states) states[name]!.set(engine.states[name]!)
      logits.set(engine.logits)
      drawn = sampled[0]!
      position = plan.control.step
    }
  }

  function enter(): void {
    if (engine.owner === me) return
    engine.owner?.leave()
    engine.owner = me
    for (const name in states) engine.states[name]!.set(states[name]!)
    engine.logits.set(logits)
    sampled[0] = drawn
    plan.control.step = position
    applySettings()
  }

  function applySettings(): void {
    engine.sampler[0] = settings.temperature
    engine.sampler[1] = settings.topK
    engine.sampler[2] = settings.topP
    plan.control.seed = settings.seed
  }

  function readToken(id: number): void {
    checkToken(id)
    token[0] = id
    plan.runSync()
    plan.control.values[1]! += 1
    ready = true
    stale = false
  }

  function checkReady(): void {
    if (!ready)
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        'Expected at least one token fed before the first draw but there is none.'
      )
  }

  function step(id: number): Float32Array {
    enter()
    readToken(id)
    return engine.logits
  }

  /** Reads one block or the rest of `tokens` from `at` on; returns where it stopped. */
  function feedSome(tokens: ArrayLike<number>, at: number): number {
    enter()
    if (tokens.length - at <= PROMPT_BLOCK) {
      while (at < tokens.length) readToken(tokens[at++]!)
      return at
    }
    for (let i = 0; i < PROMPT_BLOCK; i++) checkToken(tokens[at + i]!)
    engine.runBlock(tokens, at)
    plan.control.values[1]! += PROMPT_BLOCK
    ready = false // until the last token, which always runs alone
    return at + PROMPT_BLOCK
  }

  function sample(count: number, sampleOptions: SampleOptions = {}): Int32Array {
    integer(0, 2 ** 30)(count, 'count')
    const { stop = -1 } = readSampleOptions(sampleOptions, 'the options of sample')
    enter()
    checkReady()
    if (stale) sampled[0] = engine.redraw(settings.seed, plan.control.step - 1)
    stale = false
    const out = new Int32Array(count)
    if (count === 0) return out
    const first = sampled[0]!
    if (first === stop) {
      readToken(first)
      return out.fill(first, 0, 1).subarray(0, 1)
    }
    // Each run reads the token before and draws the next: `count` runs draw one more than is handed out now.
    token[0] = first
    const runs = engine.generate(count, stop, out)
    out.copyWithin(1, 0, count - 1)
    out[0] = first
    if (runs === count) return out
    readToken(stop)
    return out.subarray(0, runs + 1)
  }

  async function* generate(generateOptions: GenerateOptions = {}) {
    const { length = Infinity, stop = -1, signal } = readGenerateOptions(generateOptions, 'the options of generate')
    let block = 1
    for (let left = length; left > 0;) {
      const tokens = await inTurn(model.parameters, signal, () => {
        throwIfAborted(signal)
        const begin = performance.now()
        const drawn = sample(Math.min(block, left), { stop })
        block = nextBlock(block, performance.now() - begin)
        return drawn
      })
      left -= tokens.length
      yield tokens
      if (tokens[tokens.length - 1] === stop) return
    }
  }

  function setState(given: Record<string, Float32Array>): void {
    const values = record(float32Array())(given, 'the states')
    enter()
    for (const name in states) {
      const value = values[name]
      if (value?.length !== states[name]!.length) {
        throw new GatecellError(
          'ERR_INVALID_SHAPE',
          `Expected a Float32Array of shape ${showShape([states[name]!.length])} as state "${name}" but received another value.`
        )
      }
    }
    for (const name in states) engine.states[name]!.set(values[name]!)
    ready = false
  }

  function getState(): Record<string, Float32Array> {
    enter()
    return Object.fromEntries(Object.entries(engine.states).map(([name, view]) => [name, view.slice()]))
  }

  const stream: Stream = {
    get settings() {
      return settings
    },
    get position() {
      return engine.owner === me ? plan.control.step : position
    },
    get state() {
      return getState()
    },
    set state(values) {
      setState(values)
    },
    feed(ids) {
      const tokens = numbers(ids, 'tokens')
      for (let at = 0; at < tokens.length;) at = feedSome(tokens, at)
    },
    async prime(ids, primeOptions = {}) {
      const tokens = numbers(ids, 'tokens')
      const { signal } = readPrimeOptions(primeOptions, 'the options of prime')
      for (let at = 0; at < tokens.length;) {
        at = await inTurn(model.parameters, signal, () => {
          throwIfAborted(signal)
          return feedSome(tokens, at)
        })
      }
    },
    step,
    get logits() {
      enter()
      checkReady()
      return engine.logits
    },
    probabilities: () => probabilities(stream.logits, settings),
    sample,
    generate,
    set(change) {
      settings = changeSettings(settings, readSettings(change, 'the settings'))
      stale = true
      if (engine.owner === me) applySettings()
    },
    reset() {
      enter()
      for (const name in states) engine.states[name]!.fill(0)
      plan.control.step = 0
      ready = false
    },
    snapshot() {
      enter()
      if (ready && stale) sampled[0] = engine.redraw(settings.seed, plan.control.step - 1)
      stale = false
      const now = ready ? { logits: engine.logits.slice(), drawn: sampled[0]! } : null
      return { settings: { ...settings }, position: plan.control.step, states: getState(), ready: now }
    },
    clone: () => createStream(model, { snapshot: stream.snapshot() })
  }

  function restore({ states: saved, position: at, ready: last, settings: old }: StreamSnapshot): void {
    if (last && (last.logits.length !== engine.logits.length || last.drawn >= engine.logits.length)) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        'Expected a snapshot of a stream of this model but received another value.'
      )
    }
    setState(saved)
    plan.control.step = at
    if (!last) return
    engine.logits.set(last.logits)
    sampled[0] = last.drawn
    ready = true
    stale = JSON.stringify(old) !== JSON.stringify(settings)
  }
  if (options.snapshot) restore(options.snapshot)
  return stream
}

/** An id that an Int32Array holds as it is; whether the vocabulary has it is for the core to say. */
function checkToken(id: number): void {
  if (typeof id !== 'number' || (id | 0) !== id || id < 0) {
    throw new GatecellError('ERR_OUT_OF_RANGE', `Expected token ids as integers >= 0 but received ${show(id)}.`)
  }
}
