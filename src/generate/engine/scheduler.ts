// The scheduler of an engine: between two native blocks it lets generations leave and enter rows, and chooses between draws and prompts.

import { setImmediate } from 'node:timers/promises'
import { expected } from '../../errors.js'
import type { SessionCore } from '../session-core.js'
import type { Job, Results } from './job.js'
import { createMeasures } from './measures.js'
import type { PromptCache } from './prompt-cache.js'
import { PromptReader } from './prompt-reader.js'
import { needsSlice } from './prompts.js'
import { endOfRow, type Roster, type RowResults } from './roster.js'
import { Seating } from './seating.js'

/** Bounds of a scheduler; EngineOptions describes them. */
export interface EngineBounds {
  readonly maxRows: number
  readonly maxWaiting: number
  readonly promptShare: number
  readonly maxAhead: number
}

/** Counts since the engine was made. */
export interface Totals {
  promptTokens: number
  cachedTokens: number
  tokens: number
  steps: number
  finished: number
}

/** The one scheduler of an engine. */
export class Scheduler {
  readonly #core: SessionCore
  readonly #bounds: EngineBounds
  readonly #cache: PromptCache
  readonly #seating: Seating
  readonly #prompts: PromptReader
  /** All generations that have not ended. */
  readonly jobs = new Set<Job>()
  readonly measures = createMeasures()
  readonly totals: Totals = { promptTokens: 0, cachedTokens: 0, tokens: 0, steps: 0, finished: 0 }
  #delivered: (Results & { job: Job })[] = []
  #running = false
  #drawn: Promise<void> = Promise.resolve()
  /** Milliseconds of draws and of prompts since both have waited for time. */
  #spent = { draws: 0, prompts: 0 }
  #lastStep = performance.now()

  constructor(core: SessionCore, vocabulary: number, bounds: EngineBounds, cache: PromptCache) {
    this.#core = core
    this.#bounds = bounds
    this.#cache = cache
    const begins = (job: Job) => this.#begins(job)
    this.#seating = new Seating(core, vocabulary, bounds.maxRows, begins)
    this.#prompts = new PromptReader(core, cache, {
      begins,
      done: (job) => this.#proceed(job),
      failed: (job) => this.#readAlone(job),
      ended: () => (this.#lastStep = performance.now()),
      broke: (error) => this.#failAll(error)
    })
  }

  /** Resolves when the scheduler has nothing to do, and no block of it is under way. */
  get idle(): Promise<unknown> {
    return Promise.all([this.#drawn, this.#prompts.idle])
  }

  get #roster(): Roster {
    return this.#seating.roster
  }

  /** Throws ERR_OVERLOADED if no further generation may wait. */
  checkRoom(): void {
    const { maxRows, maxWaiting } = this.#bounds
    if (this.jobs.size < maxRows + maxWaiting) return
    throw expected(
      'ERR_OVERLOADED',
      `at most ${maxRows + maxWaiting} generations at a time`,
      'one more',
      'try again later, or raise maxWaiting'
    )
  }

  /** Begins a generation. */
  add(job: Job): void {
    this.jobs.add(job)
    if (job.cached > 0) this.totals.cachedTokens += job.cached
    this.totals.promptTokens += job.plan.reading.length
    this.#proceed(job)
  }

  /** Ends a generation with an error. One that is in a row whose sequence is kept ends after the step under way, with the value after it. */
  cancel(job: Job, error: Error): void {
    if ((job.state === 'running' || job.isReading) && job.plan.keeps) {
      job.cancelled = error
      this.#roster.interrupt()
      return
    }
    // The value of a sequence that is kept has the tokens of these results already.
    if (job.plan.keeps) this.#deliver()
    job.fail(error)
  }

  /** Frees the row of a generation that has ended. */
  ended(job: Job): void {
    this.jobs.delete(job)
    this.#seating.drop(job)
    this.totals.finished++
    if (this.#roster.has(job)) this.#roster.interrupt()
  }

  /** Lets a generation that paused continue, because its reader has caught up. */
  resume(job: Job): void {
    if (job.state !== 'paused') return
    this.#proceed(job)
  }

  get running(): number {
    return this.#roster.live
  }

  /** Milliseconds since the last step while there is something to do; otherwise 0. */
  get sinceStep(): number {
    return this.#running || this.#prompts.running ? performance.now() - this.#lastStep : 0
  }

  #begins(job: Job): void {
    if (job.waitsSince !== null) this.measures.queueSeconds.add((performance.now() - job.waitsSince) / 1000)
    job.waitsSince = null
  }

  /** Lets a generation take its next step: a slice of its prompt, a row, or its end. */
  #proceed(job: Job): void {
    this.#enqueue(job)
    if (job.isReady || this.#prompts.waits) this.#wake(job)
  }

  #enqueue(job: Job): void {
    job.state = 'waiting'
    if (needsSlice(job)) {
      if (!this.#running && !this.#prompts.running) this.#lastStep = performance.now()
      return this.#prompts.add(job)
    }
    if (job.plan.maxTokens === 0 && job.at === job.plan.reading.length - 1) {
      if (this.#core.kind.draws) job.plan.sequence.unread = job.plan.reading.slice(job.at)
      return job.succeed('length', null)
    }
    this.#seating.queue(job)
  }

  #wake(job: Job): void {
    if (!this.#running) {
      this.#running = true
      if (!this.#prompts.running) this.#lastStep = performance.now()
      this.#drawn = this.#loop()
    } else if (this.#seating.hasRoomFor(job)) this.#roster.interrupt()
  }

  async #loop(): Promise<void> {
    // Generations that begin in the same turn of the caller begin together.
    await Promise.resolve()
    for (;;) {
      try {
        for (const job of this.#seating.settle()) this.#enqueue(job)
        const drawing = this.#roster.live > 0
        if (!drawing && !this.#prompts.waits) {
          this.#deliver()
          // Readers and ends that were delivered may have begun other generations.
          if (this.#seating.anyReady || this.#prompts.waits) continue
          break
        }
        if (this.#prompts.waits && (!drawing || this.#promptsAreDue)) await this.#read(drawing)
        else await this.#draw()
      } catch (error) {
        this.#failAll(error as Error)
      }
    }
    this.#running = false
    this.#roster.release()
  }

  get #promptsAreDue(): boolean {
    const { promptShare } = this.#bounds
    const { draws, prompts } = this.#spent
    return prompts * (1 - promptShare) < draws * promptShare
  }

  /** Runs a block of draws, delivers the results of the block before while it runs, and takes its results. */
  async #draw(): Promise<void> {
    const roster = this.#roster
    const begin = performance.now()
    const rows = roster.live
    const { isShort } = roster
    let failure: Error | null = null
    try {
      const length = this.#prompts.waits ? 'betweenSlices' : 'most'
      await this.#core.pool.seats.hold(undefined, () =>
        roster.run(this.#seating.mostSteps, length, () => this.#deliver())
      )
      this.totals.steps += roster.steps
      this.measures.tickSeconds.add(roster.stepMs / 1000, roster.steps)
      this.measures.tickRows.add(rows, roster.steps)
    } catch (error) {
      failure = error as Error
    }
    this.#lastStep = performance.now()
    if (this.#prompts.waits) this.#spent.draws += this.#lastStep - begin
    else this.#spent = { draws: 0, prompts: 0 }
    for (const results of roster.results()) this.#take(results)
    if (failure) this.#isolate(failure)
    if (!isShort) return
    // A first token goes out before the next block is handed over, and the event loop turns after a block on its thread.
    this.#deliver()
    await setImmediate()
  }

  /** Takes the results of a row: its generation continues, ends, or pauses for its reader. */
  #take(results: RowResults): void {
    const { job, tokens, forced, scores, block, ended } = results
    if (job.ended) return
    job.suspect = false
    const drawn = block?.count ?? tokens.length - forced
    this.totals.tokens += drawn
    const before = this.#roster.checkpoint(results)
    const promptScores = job.plan.scoresPrompt ? scores.slice(0, forced) : []
    const end = job.cancelled ?? endOfRow(ended, tokens)
    const [own, ownScores] = forced > 0 ? [tokens.slice(forced), scores.slice(forced)] : [tokens, scores]
    this.#delivered.push({ job, tokens: own, scores: ownScores, promptScores, block, before, end })
    if (end === null && job.ahead + drawn <= this.#bounds.maxAhead) return
    this.#seating.leave(job)
    job.state = end === null ? 'paused' : 'closing'
  }

  /** A block failed: with one generation in it, by that one; with several, each runs by itself next. */
  #isolate(failure: Error): void {
    const { jobs } = this.#roster
    for (const job of jobs) {
      this.#seating.leave(job)
      if (job.ended) continue
      if (jobs.length === 1) {
        job.state = 'closing'
        this.#delivered.push({ ...NOTHING, job, end: failure })
      } else {
        this.#enqueue(job)
        job.suspect = true
      }
    }
    this.#roster.clean()
  }

  /** Reads a slice of prompts between two blocks. */
  async #read(drawing: boolean): Promise<void> {
    const begin = performance.now()
    await this.#prompts.slice(() => this.#deliver())
    if (drawing) this.#spent.prompts += this.#lastStep - begin
  }

  #readAlone(job: Job): void {
    job.suspect = true
    this.#seating.queue(job)
    this.#wake(job)
  }

  /** Hands results to generations. */
  #deliver(): void {
    const delivered = this.#delivered
    this.#delivered = []
    for (const { job, ...results } of delivered) {
      try {
        job.push(results)
      } catch (error) {
        job.fail(error as Error) // of the caller's vocabulary
      }
      // Its reader may have caught up before it paused.
      if (job.state === 'paused' && job.ahead <= this.#bounds.maxAhead / 2) this.resume(job)
    }
  }

  /** Ends all generations after an error of the scheduler's own work. */
  #failAll(error: Error): void {
    this.#deliver()
    for (const job of this.#roster.jobs) {
      job.fail(error)
      this.#seating.leave(job)
    }
    for (const job of [...this.jobs]) job.fail(error)
  }

  /** Ends all generations. */
  close(error: Error): void {
    for (const job of [...this.jobs]) job.fail(error)
    this.#cache.clear()
  }
}

const NOTHING = { tokens: [], scores: [], promptScores: [], block: null, before: null }
