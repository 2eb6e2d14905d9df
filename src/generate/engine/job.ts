// One generation: the tokens that it reads, its settings, the row that it has, and its results until a caller reads them.

import { expected, type GatecellError } from '../../errors.js'
import type { View } from '../../graph/shape.js'
import type { SessionValue } from '../rows.js'
import type { SessionBlock } from '../session-plan.js'
import { NO_KEYS, type PromptKeys } from './prompt-cache.js'
import type { Client, Queued } from './ready-queue.js'
import type { RowSettings } from './row-table.js'
import type { StopText } from './stop-text.js'
import type { Chunk, Finish, ScoredToken } from './types.js'

/** The part of a session that its generation changes. */
export interface Sequence {
  readonly value: SessionValue
  /** Tokens that belong to the sequence and were not read yet. */
  unread: Int32Array
}

/** The parts of a generation that its options determine. */
export interface JobPlan {
  readonly sequence: Sequence
  /** Whether the sequence outlives the generation. */
  readonly keeps: boolean
  /** All tokens that are read before the first draw, at least one; the first `unread` of them were part of the sequence before. */
  readonly reading: Int32Array
  readonly unread: number
  readonly settings: RowSettings
  readonly maxTokens: number
  readonly scoresPrompt: boolean
  /** Whether the prompt is read token by token in a row, not in slices. */
  readonly bySteps: boolean
  readonly text: StopText
  /** Whether a text can end the generation. */
  readonly hasStops: boolean
  readonly priority: number
  readonly client: Client
}

/** The value of a sequence before a block, and the tokens that it reads from there to the first draw of the block. */
export interface RowCheckpoint {
  readonly states: Readonly<Record<string, Float32Array>>
  readonly position: number
  readonly unread: readonly number[]
}

/** Results of one block. */
export interface Results {
  readonly tokens: readonly number[]
  readonly scores: readonly ScoredToken[]
  readonly promptScores: readonly ScoredToken[]
  /** The values of a sequence that does not draw tokens. */
  readonly block: SessionBlock | null
  /** For a sequence that outlives a generation which a text can end. */
  readonly before: RowCheckpoint | null
  /** The end of the generation after these results; null: it continues. */
  readonly end: { readonly reason: Finish['reason']; readonly stop: Finish['stop'] } | Error | null
}

/**
 * 'waiting': for a row, or for its prompt to be read; 'running': in a row; 'paused': its reader is slow; 'closing': it has left its row, and its
 * last results are not delivered yet.
 */
export type JobState = 'waiting' | 'running' | 'paused' | 'closing' | 'ended'

const EMPTY: ScoredToken[] = []

/** One generation, in the hands of the scheduler. */
export class Job implements Queued {
  readonly plan: JobPlan
  readonly order: number
  readonly priority: number
  readonly client: Client
  key = 0
  state: JobState = 'waiting'
  /** Whether it is in the queue for rows, which sets it. */
  isReady = false
  /** Whether a slice of its prompt is being read. */
  isReading = false
  /** Number of the tokens of `reading` that were read, or are the input of the next step: those before it. */
  at = 0
  cached = 0
  /** Tokens drawn, and of them those that came in the present row. */
  drawn = 0
  served = 0
  /** Tokens that were charged to the client when the generation was queued. */
  charged = 0
  /** Whether it runs by itself, to find out whether it made a block fail. */
  suspect = false
  keys: PromptKeys = NO_KEYS
  /** The value at the beginning of the present block, for generations that a text can end. */
  before: RowCheckpoint | null = null
  #error: Error | null = null
  /** The error with which it ends after the block under way. */
  cancelled: Error | null = null
  #finish: Finish | null = null
  #tokens: number[] = []
  #text = ''
  #scores: ScoredToken[] = EMPTY
  #promptScores: ScoredToken[] = EMPTY
  #blocks: SessionBlock[] = []
  #resolve: (() => void) | null = null
  #settle: { resolve: (finish: Finish) => void; reject: (error: Error) => void } | null = null
  readonly finished: Promise<Finish>
  /** The time of its beginning, on the clock of performance.now(), until it has a row or its prompt is read; then null. */
  waitsSince: number | null = performance.now()
  /** Called once, at the end of the generation. */
  onEnd = (): void => {}

  constructor(plan: JobPlan, order: number) {
    this.plan = plan
    this.order = order
    this.priority = plan.priority
    this.client = plan.client
    this.finished = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    this.finished.catch(() => {})
  }

  /** Whether the generation has ended. */
  get ended(): boolean {
    return this.state === 'ended'
  }

  /** Tokens that its reader has not taken yet. */
  get ahead(): number {
    const blocks = this.#blocks.reduce((sum, { count }) => sum + count, 0)
    return this.#tokens.length + this.#promptScores.length + blocks
  }

  /** Takes the results of a block. */
  push({ tokens, scores, promptScores, block, before, end }: Results): void {
    if (this.ended) return
    if (block && block.count > 0) this.#blocks.push(block)
    if (promptScores.length > 0) this.#promptScores = this.#promptScores.concat(promptScores)
    if (scores.length > 0) this.#scores = this.#scores.concat(scores)
    const { text } = this.plan
    let used = 0
    while (used < tokens.length && text.stopped === null) {
      const token = tokens[used++]!
      this.#tokens.push(token)
      if (!this.plan.settings.stopTokens.includes(token)) this.#text += text.write(token)
    }
    if (text.stopped === null) {
      this.#wake()
      if (end instanceof Error) this.fail(end)
      else if (end) this.succeed(end.reason, end.stop)
      return
    }
    if (used < scores.length) this.#scores.length -= scores.length - used
    this.drawn -= tokens.length - used
    if (before) this.#goBack(before, tokens.slice(0, used))
    this.succeed('stop', text.stopped)
  }

  /** Sets the sequence to the value before a block; the tokens of the block are read by the next generation. */
  #goBack({ states, position, unread }: RowCheckpoint, tokens: readonly number[]): void {
    const { sequence } = this.plan
    for (const name in states) sequence.value.states[name]!.set(states[name]!)
    sequence.value.position = position
    sequence.unread = Int32Array.from([...unread, ...tokens])
  }

  /** Ends the generation well. */
  succeed(reason: Finish['reason'], stop: Finish['stop']): void {
    if (this.ended) return
    try {
      this.#text += this.plan.text.end()
    } catch (error) {
      return this.fail(error as Error) // of the caller's vocabulary
    }
    if (this.plan.text.stopped !== null && reason === 'length') [reason, stop] = ['stop', this.plan.text.stopped]
    const { reading } = this.plan
    this.#finish = {
      reason,
      stop,
      promptTokens: reading.length,
      cachedTokens: this.cached,
      drawnTokens: this.drawn
    }
    this.#end()
    this.#settle!.resolve(this.#finish)
  }

  /** Ends the generation with an error. */
  fail(error: Error): void {
    if (this.ended) return
    this.#error = error
    this.#end()
    this.#settle!.reject(error)
  }

  #end(): void {
    const { sequence, reading } = this.plan
    // Tokens of the prompt that were not read do not belong to the sequence.
    if (this.state === 'waiting' && this.at > 0 && this.drawn === 0)
      sequence.unread = reading.slice(this.at, Math.max(this.at, this.plan.unread))
    this.state = 'ended'
    this.client.jobs--
    this.onEnd()
    this.#wake()
  }

  #wake(): void {
    this.#resolve?.()
    this.#resolve = null
  }

  /** Whether there is something to take. */
  get #hasMore(): boolean {
    return this.ahead > 0 || this.#text !== ''
  }

  /** Waits for results and takes them; null after the end. Throws the error of the generation after the results before it. */
  async take(): Promise<Chunk | null> {
    while (!this.#hasMore && !this.ended) await new Promise<void>((resolve) => (this.#resolve = resolve))
    if (!this.#hasMore) {
      if (this.#error) throw this.#error
      return null
    }
    const chunk = {
      tokens: new Int32Array(this.#tokens),
      text: this.#text,
      scores: this.#scores,
      promptScores: this.#promptScores,
      values: joined(this.#blocks.map(({ values }) => values)),
      outputs: joined(this.#blocks.map(({ outputs }) => outputs))
    }
    this.#blocks = []
    this.#tokens = []
    this.#text = ''
    this.#scores = EMPTY
    this.#promptScores = EMPTY
    return chunk
  }
}

/** Returns the values of all blocks by name, one after the other. */
export function joined(blocks: readonly Readonly<Record<string, View>>[]): Readonly<Record<string, View>> {
  const [first = {}, ...others] = blocks
  if (others.length === 0) return first
  return Object.fromEntries(
    Object.entries(first).map(([name, view]) => {
      const parts = blocks.map((block) => block[name]!)
      const length = parts.reduce((sum, part) => sum + part.length, 0)
      const all = view instanceof Int32Array ? new Int32Array(length) : new Float32Array(length)
      let at = 0
      for (const part of parts) {
        all.set(part, at)
        at += part.length
      }
      return [name, all]
    })
  )
}

/** Returns the error of a generation whose logits are not finite. */
export function notFinite(): GatecellError {
  return expected(
    'ERR_OUT_OF_RANGE',
    'finite logits of the model',
    'logits with NaN or without a finite maximum',
    'check the weights, and the state if the session was restored'
  )
}
