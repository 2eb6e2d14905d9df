// One stream of tokens: a state (h, c), a position and sampler settings. It steps in one native call a token, allocates
// nothing per step, and is a value of a few KB: get, set, clone, keep, restore elsewhere.

import { float32Array, integer, numbers, record } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import { showShape } from '../graph/tensor.js'
import { BLOCK_MS, engineOf, type Owner } from './engine.js'
import { probabilities } from './probabilities.js'
import { changeSettings, defaultSettings } from './settings.js'
import { PROMPT_BLOCK, type Steps, type TokenModel } from './steps.js'
import * as types from './stream-types.js'
import type { GenerateOptions, SampleOptions, Stream, StreamOptions, StreamSnapshot } from './stream-types.js'

export function createStream(model: TokenModel, streamOptions: StreamOptions = {}): Stream {
  const options = types.readStreamOptions(streamOptions, 'the options of the stream')
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

  /** The block of `prime` or `generate` that is under way. */
  let away: Promise<void> | null = null

  function load(into: Steps): void {
    for (const name in states) into.states[name]!.set(states[name]!)
    into.logits.set(logits)
    into.sampled[0] = drawn
    into.plan.control.step = position
    applySettings(into)
  }

  function keep(from: Steps): void {
    for (const name in states) states[name]!.set(from.states[name]!)
    logits.set(from.logits)
    drawn = from.sampled[0]!
    position = from.plan.control.step
  }

  const me: Owner = { leave: () => keep(engine) }

  function enter(): void {
    if (engine.owner === me) return
    engine.owner?.leave()
    engine.owner = me
    load(engine)
  }

  /** `enter` for calls that change the stream. */
  function enterAlone(): void {
    if (away)
      throw new GatecellError(
        'ERR_BUSY',
        'Expected an idle stream but a block of generate() or prime() is under way: await it first.'
      )
    enter()
  }

  /** Runs `block` in a seat that has the stream's value; the value changes when the block has ended. */
  async function inSeat<R>(signal: AbortSignal | undefined, block: (seat: Steps) => Promise<R>): Promise<R> {
    while (away) await away
    let end = () => {}
    away = new Promise((resolve) => (end = resolve))
    try {
      return await engine.seats.run(signal, async (seat) => {
        if (engine.owner === me) keep(engine)
        load(seat)
        const result = await block(seat)
        if (engine.owner === me) engine.owner = null
        keep(seat)
        return result
      })
    } finally {
      away = null
      end()
    }
  }

  function applySettings({ sampler, plan: { control } }: Steps): void {
    sampler[0] = settings.temperature
    sampler[1] = settings.topK
    sampler[2] = settings.topP
    control.seed = settings.seed
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
    enterAlone()
    readToken(id)
    return engine.logits
  }

  /** Reads one block or the rest of `tokens` from `at` on; returns where it stopped. */
  function feedSome(tokens: ArrayLike<number>, at: number): number {
    enterAlone()
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

  /** The same in a seat, for as many blocks as fit into a few milliseconds. */
  async function feedAway(seat: Steps, tokens: ArrayLike<number>, from: number): Promise<number> {
    stale = false
    const begin = performance.now()
    let at = from
    do {
      const whole = tokens.length - at > PROMPT_BLOCK
      const end = whole ? at + PROMPT_BLOCK : tokens.length
      for (let i = at; i < end; i++) checkToken(tokens[i]!)
      if (whole) await seat.runBlockAsync(tokens, at)
      else for (let i = at; i < end; i++) await seat.readAsync(tokens[i]!)
      at = end
    } while (at < tokens.length && performance.now() - begin < BLOCK_MS)
    ready = at === tokens.length
    return at
  }

  /** The token that the last run drew, with the settings of now. */
  function firstOf(from: Steps): number {
    checkReady()
    if (stale) from.sampled[0] = from.redraw(settings.seed, from.plan.control.step - 1)
    stale = false
    return from.sampled[0]!
  }

  function sample(count: number, sampleOptions: SampleOptions = {}): Int32Array {
    integer(0, 2 ** 30)(count, 'count')
    const { stop = -1 } = types.readSampleOptions(sampleOptions, 'the options of sample')
    enterAlone()
    const first = firstOf(engine)
    const out = new Int32Array(count)
    if (count === 0) return out
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

  /** The same in a seat, for at most MOST_DRAWS tokens. */
  async function sampleAway(seat: Steps, count: number, stop: number): Promise<Int32Array> {
    const first = firstOf(seat)
    seat.token[0] = first
    const drawn = first === stop ? new Int32Array(0) : await seat.generateAsync(count, stop)
    const stopped = drawn.length < count
    const out = new Int32Array(stopped ? drawn.length + 1 : count)
    out[0] = first
    out.set(stopped ? drawn : drawn.subarray(0, -1), 1)
    if (stopped) {
      await seat.readAsync(stop)
    }
    return out
  }

  async function* generate(generateOptions: GenerateOptions = {}) {
    const {
      length = Infinity,
      stop = -1,
      signal
    } = types.readGenerateOptions(generateOptions, 'the options of generate')
    let block = 1
    for (let left = length; left > 0;) {
      const tokens = await inSeat(signal, async (seat) => {
        const begin = performance.now()
        const drawn = await sampleAway(seat, Math.min(block, left), stop)
        block = engine.seats.nextBlock(drawn.length, performance.now() - begin)
        return drawn
      })
      left -= tokens.length
      yield tokens
      if (tokens[tokens.length - 1] === stop) return
    }
  }

  function setState(given: Record<string, Float32Array>): void {
    const values = record(float32Array())(given, 'the states')
    enterAlone()
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
      const { signal } = types.readPrimeOptions(primeOptions, 'the options of prime')
      for (let at = 0; at < tokens.length;) at = await inSeat(signal, (seat) => feedAway(seat, tokens, at))
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
      settings = changeSettings(settings, types.readSettings(change, 'the settings'))
      stale = true
      if (engine.owner === me) applySettings(engine)
    },
    reset() {
      enterAlone()
      for (const name in states) engine.states[name]!.fill(0)
      plan.control.step = 0
      ready = false
    },
    snapshot() {
      enter()
      if (ready && stale) sampled[0] = engine.redraw(settings.seed, plan.control.step - 1)
      // A block that is under way ends with a draw of the settings before.
      if (!away) stale = false
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
