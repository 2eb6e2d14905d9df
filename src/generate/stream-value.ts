// The value of one stream: carried states, position, logits, draw and settings. It is in the plans of the engine or of a seat while the
// stream uses them, and in the arrays of this file otherwise.

import { float32Array, record } from '../check/index.js'
import { GatecellError } from '../errors.js'
import { showShape } from '../graph/shape.js'
import type { Owner, StepEngine } from './engine.js'
import type { SamplerSettings } from './settings.js'
import type { Steps } from './steps.js'
import type { StreamSnapshot } from './stream-types.js'

const readStates = record(float32Array())

export class StreamValue {
  readonly engine: StepEngine
  settings: SamplerSettings
  /** Whether logits and draw belong to the last token that was read. */
  ready = false
  /** Whether the settings changed since the last draw. */
  stale = false
  // The value while another stream has the plans:
  readonly #states: Record<string, Float32Array> = {}
  readonly #logits: Float32Array
  #drawn = 0
  #position = 0
  /** The block of `prime` or `generate` that is under way. */
  #away: Promise<void> | null = null
  readonly #me: Owner = { leave: () => this.#keep(this.engine) }

  constructor(engine: StepEngine, settings: SamplerSettings) {
    this.engine = engine
    this.settings = settings
    this.#logits = new Float32Array(engine.logits.length)
    for (const name in engine.states) this.#states[name] = new Float32Array(engine.states[name]!.length)
  }

  /** Whether the value is in the plans of the engine. */
  get #inside(): boolean {
    return this.engine.owner === this.#me
  }

  /** Tokens read so far. */
  get position(): number {
    return this.#inside ? this.engine.plan.control.step : this.#position
  }

  #load(into: Steps): void {
    for (const name in this.#states) into.states[name]!.set(this.#states[name]!)
    into.logits.set(this.#logits)
    into.sampled[0] = this.#drawn
    into.plan.control.step = this.#position
    this.#applySettings(into)
  }

  #keep(from: Steps): void {
    for (const name in this.#states) this.#states[name]!.set(from.states[name]!)
    this.#logits.set(from.logits)
    this.#drawn = from.sampled[0]!
    this.#position = from.plan.control.step
  }

  #applySettings({ sampler, plan: { control } }: Steps): void {
    sampler[0] = this.settings.temperature
    sampler[1] = this.settings.topK
    sampler[2] = this.settings.topP
    control.seed = this.settings.seed
  }

  /** Copies the value into the plans of the engine, after the stream whose value was there has copied its own out. */
  enter(): void {
    if (this.#inside) return
    this.engine.owner?.leave()
    this.engine.owner = this.#me
    this.#load(this.engine)
  }

  /** `enter` for calls that change the stream. Throws ERR_BUSY while a block is under way. */
  enterAlone(): void {
    if (this.#away)
      throw new GatecellError(
        'ERR_BUSY',
        'Expected an idle stream but a block of generate() or prime() is under way: await it first.'
      )
    this.enter()
  }

  /** Runs `block` in a seat with a copy of the value, and takes the new value over when the block has ended. Throws ERR_ABORTED. */
  async inSeat<R>(signal: AbortSignal | undefined, block: (seat: Steps) => Promise<R>): Promise<R> {
    while (this.#away) await this.#away
    let end = () => {}
    this.#away = new Promise((resolve) => (end = resolve))
    try {
      return await this.engine.seats.run(signal, async (seat) => {
        if (this.#inside) this.#keep(this.engine)
        this.#load(seat)
        const result = await block(seat)
        if (this.#inside) this.engine.owner = null
        this.#keep(seat)
        return result
      })
    } finally {
      this.#away = null
      end()
    }
  }

  /** Changes the settings; the next draw is made with them. */
  set(settings: SamplerSettings): void {
    this.settings = settings
    this.stale = true
    if (this.#inside) this.#applySettings(this.engine)
  }

  /** Sets the states to zero and the position to 0. */
  reset(): void {
    this.enterAlone()
    for (const name in this.#states) this.engine.states[name]!.fill(0)
    this.engine.plan.control.step = 0
    this.ready = false
  }

  /** Copies of the carried states. */
  get states(): Record<string, Float32Array> {
    this.enter()
    return Object.fromEntries(Object.entries(this.engine.states).map(([name, view]) => [name, view.slice()]))
  }

  /** Copies states in, after all of them were checked. Throws ERR_INVALID_SHAPE if one is missing or of another length. */
  set states(given: Record<string, Float32Array>) {
    const values = readStates(given, 'the states')
    this.enterAlone()
    for (const name in this.#states) {
      const { length } = this.#states[name]!
      if (values[name]?.length !== length) {
        throw new GatecellError(
          'ERR_INVALID_SHAPE',
          `Expected a Float32Array of shape ${showShape([length])} as state "${name}" but received ${values[name] ? `one of ${showShape([values[name].length])}` : 'none'}: pass the states of a stream of this model.`
        )
      }
    }
    for (const name in this.#states) this.engine.states[name]!.set(values[name]!)
    this.ready = false
  }

  snapshot(): StreamSnapshot {
    this.enter()
    const { engine, settings } = this
    const { plan, sampled, logits } = engine
    if (this.ready && this.stale) sampled[0] = engine.redraw(settings.seed, plan.control.step - 1)
    // A block that is under way ends with a draw that was made with the former settings.
    if (!this.#away) this.stale = false
    const ready = this.ready ? { logits: logits.slice(), drawn: sampled[0]! } : null
    return { settings: { ...settings }, position: plan.control.step, states: this.states, ready }
  }

  /** Takes the value of a snapshot, except its settings. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE for a snapshot of another model. */
  restore({ states, position, ready, settings }: StreamSnapshot): void {
    const { engine } = this
    const { length } = engine.logits
    if (ready && (ready.logits.length !== length || ready.drawn >= length)) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected a snapshot with ${length} logits and a draw below that but received ${ready.logits.length} and ${ready.drawn}: restore it in a stream of the model that it was taken from.`
      )
    }
    this.states = states
    engine.plan.control.step = position
    if (!ready) return
    engine.logits.set(ready.logits)
    engine.sampled[0] = ready.drawn
    this.ready = true
    this.stale = JSON.stringify(settings) !== JSON.stringify(this.settings)
  }
}
