// The agreement of the processes of one training: that they train the same, that they stop after the same step, and that one of them acts for
// all. With one process every function is its local part.

import { deserialize, serialize } from 'node:v8'
import { crc32 } from 'node:zlib'
import { expected } from '../errors.js'
import type { JsonObject, JsonValue } from '../io/json.js'
import type { Ranks } from '../ranks/ranks.js'
import type { StopReason } from './reports.js'

/** Facts about a step that all processes exchange, next to the losses of their shards. */
export interface StepFacts {
  /** Steps made before. */
  readonly step: number
  /** Why there is no step: the end of the data or of the epochs. */
  readonly end: 'data' | 'epochs' | null
  /** Position of the next batch. */
  readonly cursor: JsonValue
  /** Number of symbols of the batch. */
  readonly symbols: number
  /** A checksum of the weights, or 0n at steps that do not compare them. */
  readonly weights: bigint
  /** Whether the caller of this process has aborted. */
  readonly aborted: boolean
  /** Whether the time limit ends the run after this step; that of rank 0 counts. */
  readonly timeUp: boolean
  /** Finished share of the run and of this step, for the rate; those of rank 0 count. */
  readonly done: number
  readonly share: number
}

const ends = [null, 'data', 'epochs'] as const
const compared = ['step', 'end of the data', 'batch', 'number of symbols', 'weights', 'weights'] as const
const HEAD = compared.length + 4

/** The processes of a training. */
export class Team {
  readonly #ranks: Ranks | null
  /** Why the run ends before its next step: an abort or the time limit, on which all processes have agreed. */
  stop: Extract<StopReason, 'abort' | 'time'> | null = null

  constructor(ranks: Ranks | null) {
    this.#ranks = ranks
  }

  /** Whether there are other processes. */
  get several(): boolean {
    return this.#ranks !== null && this.#ranks.size > 1
  }

  /** Whether this process writes files and acts for the others. */
  get leads(): boolean {
    return (this.#ranks?.rank ?? 0) === 0
  }

  /** Returns the signal that this process may follow by itself: none, if there are others, which would wait for it. */
  own(signal: AbortSignal | undefined): AbortSignal | undefined {
    return this.several ? undefined : signal
  }

  /** Begins a fit: compares facts about the run, which must be equal in all processes. Throws ERR_RANKS with the first that differs. */
  async begin(facts: JsonObject, signal: AbortSignal | undefined): Promise<void> {
    this.stop = null
    if (!this.several) return
    const own = { ...facts, aborted: signal?.aborted === true }
    const texts = await this.#ranks!.gatherAny(Buffer.from(JSON.stringify(own)))
    const all = texts.map((text) => JSON.parse(Buffer.from(text).toString()) as typeof own)
    for (const name of Object.keys(facts)) {
      const [first, ...others] = all.map((one) => JSON.stringify((one as JsonObject)[name]))
      const other = others.findIndex((value) => value !== first)
      if (other < 0) continue
      const found = `${short(first!)} in rank 0 and ${short(others[other]!)} in rank ${other + 1}`
      const remedy = 'start all processes with the same version, data and options'
      throw expected('ERR_RANKS', `one ${name} in all processes`, found, remedy)
    }
    if (all.some(({ aborted }) => aborted)) this.stop = 'abort'
  }

  /**
   * Exchanges the facts of a step and the losses of its shards. Returns the pairs of loss and count of all shards in order, and the share of
   * the run by which the rate is chosen. Throws ERR_RANKS if a fact that has to be equal differs.
   */
  async agree(facts: StepFacts, losses: readonly number[]): Promise<{ losses: number[]; done: number; share: number }> {
    const { step, end, cursor, symbols, weights, aborted, timeUp, done, share } = facts
    const hashes = [Number(weights >> 32n), Number(weights & 0xffffffffn)]
    const same = [step, ends.indexOf(end), crc32(JSON.stringify(cursor)), symbols, ...hashes]
    const own = Float64Array.of(...same, Number(aborted), Number(timeUp), done, share, ...losses)
    const parts = this.#ranks ? await this.#ranks.gather(new Uint8Array(own.buffer)) : [new Uint8Array(own.buffer)]
    const all = parts.map((part) => new Float64Array(part.slice().buffer))
    const first = all[0]!
    compared.forEach((name, i) => {
      const other = all.findIndex((one) => one[i] !== first[i])
      if (other < 0) return
      const remedy = 'use the same data in all processes, and resume from the last checkpoint'
      throw expected(
        'ERR_RANKS',
        `the same ${name} in all processes at step ${step + 1}`,
        `another one in rank ${other}`,
        remedy
      )
    })
    const [aborts, times, shareDone, shareOfStep] = [0, 1, 2, 3].map((i) => compared.length + i) as [number, number, number, number] // prettier-ignore
    if (first[times] === 1) this.stop = 'time'
    if (all.some((one) => one[aborts] === 1)) this.stop = 'abort'
    return {
      losses: all.flatMap((one) => [...one.subarray(HEAD)]),
      done: first[shareDone]!,
      share: first[shareOfStep]!
    }
  }

  /** Has rank 0 do some work and returns its result, plain data, in all processes. */
  async lead<T>(work: () => Promise<T>): Promise<T> {
    if (!this.several) return await work()
    const result = this.leads ? await work() : null
    const [content] = await this.#ranks!.gatherAny(this.leads ? serialize(result) : new Uint8Array(0))
    return deserialize(content!) as T
  }

  /** Sends the error that ends this process to the others. */
  async fail(error: unknown): Promise<void> {
    await this.#ranks?.fail(error)
  }
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
