// The value of one stream: a session whose samplers feed the token, so that its next input is the next draw, and whether logits and draw belong
// to the last token.

import { float32Array, record } from '../check/index.js'
import { expected } from '../errors.js'
import { copyValue } from './rows.js'
import { runAlone, type SessionCore } from './session-core.js'
import type { SessionPlan } from './session-plan.js'
import type { SamplerSettings } from './settings.js'
import { controlOf, type StreamKind } from './stream-kind.js'
import type { StreamSnapshot } from './stream-types.js'

const readStates = record(float32Array())

/** One stream; see Stream. */
export class StreamValue {
  readonly core: SessionCore
  readonly kind: StreamKind
  settings: SamplerSettings
  /** Whether logits and draw belong to the last token that was read. */
  ready = false
  /** Whether the settings changed since the last draw. */
  stale = false

  constructor(kind: StreamKind, settings: SamplerSettings, core = kind.core.copy()) {
    this.kind = kind
    this.core = core
    this.settings = settings
    this.#applySettings()
  }

  /** Returns another stream with a copy of this value. */
  clone(): StreamValue {
    const copy = new StreamValue(this.kind, this.settings, this.core.copy())
    copy.ready = this.ready
    copy.stale = this.stale
    return copy
  }

  /** Tokens read so far. */
  get position(): number {
    return this.core.value.position
  }

  /** Throws ERR_BUSY while a block is under way. */
  checkIdle(): void {
    if (this.core.away)
      throw expected(
        'ERR_BUSY',
        'an idle stream',
        'one with a block of generate() or prime() under way',
        'await it first'
      )
  }

  /** Returns the plan that is the home of the value, for a call that changes it. Throws ERR_BUSY while a block is under way. */
  enter(): SessionPlan {
    this.checkIdle()
    return this.core.enter('run')
  }

  /** Runs `block` in a seat. It changes the value with `inPlan`. Throws ERR_ABORTED. */
  async inSeat<R>(signal: AbortSignal | undefined, block: () => Promise<R>): Promise<R> {
    return runAlone([this.core], () => this.core.pool.seats.run(signal, block))
  }

  /** A view of the logits after the last token. */
  get logits(): Float32Array {
    const { core, kind } = this
    const views = core.value.home ? core.enter('run').plan.outputs : core.value.kept
    return views[kind.logits] as Float32Array
  }

  /** The view that holds the token that was drawn last. */
  get next(): Int32Array {
    const { core, kind } = this
    const views = core.value.home ? core.enter('run').plan.inputs : core.value.inputs
    return views[kind.token] as Int32Array
  }

  /** Draws again if the settings changed since the last draw. */
  refreshDraw(): void {
    if (this.stale) this.next[0] = this.kind.redraw(this.logits, this.settings, this.position - 1)
    // A block that is under way ends with a draw that was made with the former settings.
    if (!this.core.away) this.stale = false
  }

  #applySettings(): void {
    const { value } = this.core
    value.home?.leave()
    value.seed = this.settings.seed
    value.settings[this.kind.token] = controlOf(this.settings)
  }

  /** Changes the settings; the next draw is made with them. */
  set(settings: SamplerSettings): void {
    this.settings = settings
    this.stale = true
    this.#applySettings()
  }

  /** Sets the states to zero and the position to 0. */
  reset(): void {
    this.checkIdle()
    const { value } = this.core
    value.home?.leave()
    for (const name in value.states) value.states[name]!.fill(0)
    value.position = 0
    this.ready = false
  }

  /** Copies of the carried states. */
  get states(): Record<string, Float32Array> {
    return copyValue(this.core.value).states
  }

  /** Copies states in, after all of them were checked. Throws ERR_INVALID_SHAPE if one is missing or of another length. */
  set states(given: Record<string, Float32Array>) {
    const values = readStates(given, 'the states')
    this.checkIdle()
    this.core.setStates(values)
    this.ready = false
  }

  /** Returns a copy of the value. */
  snapshot(): StreamSnapshot {
    if (this.ready) this.refreshDraw()
    const { states, position, inputs, kept } = copyValue(this.core.value)
    const { token, logits } = this.kind
    const ready = this.ready ? { logits: kept[logits] as Float32Array, drawn: inputs[token]![0]! } : null
    return { version: 1, settings: { ...this.settings }, position, states, ready }
  }

  /**
   * Replaces the value by that of a snapshot, without its settings. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE for a snapshot of another
   * model.
   */
  restore({ states, position, ready, settings }: StreamSnapshot): void {
    const { value } = this.core
    const logits = value.kept[this.kind.logits]!
    if (ready && (ready.logits.length !== logits.length || ready.drawn >= logits.length)) {
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `a snapshot with ${logits.length} logits and a draw below that`,
        `${ready.logits.length} and ${ready.drawn}`,
        'restore it in a stream of the model that it was taken from'
      )
    }
    this.states = states
    value.position = position
    if (!ready) return
    logits.set(ready.logits)
    value.inputs[this.kind.token]![0] = ready.drawn
    this.ready = true
    this.stale = JSON.stringify(settings) !== JSON.stringify(this.settings)
  }
}
