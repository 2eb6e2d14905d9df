// The reader of prompts, in slices: on a second thread next to the draws where there is a core for it, else between two blocks of draws.

import { machineInfo } from '../../machine.js'
import type { SessionCore } from '../session-core.js'
import type { Job } from './job.js'
import type { PromptCache } from './prompt-cache.js'
import { Prompts } from './prompts.js'

/** Takes what the reader has done with a generation. */
export interface PromptEvents {
  /** A slice of its prompt begins. */
  begins(job: Job): void
  /** Its prompt needs no more slices. */
  done(job: Job): void
  /** A slice with it and others failed: its prompt is to be read by itself, in its row. */
  failed(job: Job): void
  /** A slice has ended. */
  ended(): void
  /** The reader itself failed. */
  broke(error: Error): void
}

/** Reads the prompts of an engine. */
export class PromptReader {
  readonly #core: SessionCore
  readonly #prompts: Prompts
  readonly #events: PromptEvents
  /** Whether prompts are read next to draws: on the CPU, if the process may use several cores. */
  readonly isAside: boolean
  #running = false
  /** Resolves when the reader has nothing to do. */
  idle: Promise<void> = Promise.resolve()

  constructor(core: SessionCore, cache: PromptCache, events: PromptEvents) {
    this.isAside = core.kind.model.device === 'cpu' && machineInfo().threads > 1
    this.#core = core
    this.#events = events
    this.#prompts = new Prompts(core, cache, this.isAside)
  }

  /** Whether prompts are to be read between two blocks of draws. */
  get waits(): boolean {
    return !this.isAside && this.#prompts.any
  }

  /** Whether it is reading next to draws. */
  get running(): boolean {
    return this.#running
  }

  /** Adds a generation whose prompt needs slices. */
  add(job: Job): void {
    this.#prompts.add(job)
    if (!this.isAside || this.#running) return
    this.#running = true
    this.idle = this.#loop()
  }

  async #loop(): Promise<void> {
    // Generations that begin in the same turn of the caller begin together.
    await Promise.resolve()
    while (this.#prompts.any)
      try {
        await this.slice(() => {})
      } catch (error) {
        this.#events.broke(error as Error)
      }
    this.#running = false
  }

  /** Reads a slice of prompts. `begun` is called while it is read. */
  async slice(begun: () => void): Promise<void> {
    const jobs = this.#prompts.next()
    for (const job of jobs) {
      job.isReading = true
      this.#events.begins(job)
    }
    let done: readonly Job[] = []
    let failed: readonly Job[] = []
    try {
      done = await this.#core.pool.seats.hold(undefined, () => this.#prompts.read(jobs, begun))
    } catch (error) {
      if (jobs.length === 1) jobs[0]!.fail(error as Error)
      this.#prompts.remove(jobs)
      failed = jobs
    }
    for (const job of jobs) {
      job.isReading = false
      if (job.cancelled) job.fail(job.cancelled)
    }
    this.#events.ended()
    for (const job of done) if (!job.ended) this.#events.done(job)
    for (const job of failed) if (!job.ended) this.#events.failed(job)
  }
}
