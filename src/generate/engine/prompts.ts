// Prompts, read in slices of PROMPT_BLOCK steps of several sequences at once, so that others are drawn in between.

import type { SessionCore } from '../session-core.js'
import { PROMPT_BLOCK } from '../session-kind.js'
import { inPlan } from '../together.js'
import type { Job } from './job.js'
import type { PromptCache } from './prompt-cache.js'

/** Milliseconds that a slice should take; the number of its rows follows from it. */
const SLICE_MS = 2
/** Most rows of a slice. */
const MOST_SLICE_ROWS = 64

/** Returns whether the next tokens of a prompt are read as a slice; the rest of a prompt is read in the row of its generation. */
export function needsSlice({ at, plan }: Job): boolean {
  return !plan.bySteps && plan.reading.length - 1 - at >= PROMPT_BLOCK
}

/** The generations whose prompts are being read. */
export class Prompts {
  readonly #core: SessionCore
  readonly #cache: PromptCache
  readonly #carries: boolean
  readonly #isAside: boolean
  #jobs: Job[] = []
  #rows = 1

  /** `isAside`: slices run on the second thread of the engine. */
  constructor(core: SessionCore, cache: PromptCache, isAside: boolean) {
    this.#core = core
    this.#cache = cache
    this.#isAside = isAside
    this.#carries = Object.keys(core.value.states).length > 0
  }

  /** Adds a generation whose prompt needs slices. */
  add(job: Job): void {
    this.#jobs.push(job)
  }

  /** Whether prompts are to be read. */
  get any(): boolean {
    return this.#jobs.some(({ ended }) => !ended)
  }

  /** Returns the generations of the next slice: of the highest priority, in the order of arrival. */
  next(): Job[] {
    this.#jobs = this.#jobs.filter(({ ended }) => !ended)
    this.#jobs.sort((a, b) => b.priority - a.priority || a.order - b.order)
    return this.#jobs.slice(0, this.#rows)
  }

  /** Reads one slice of these generations. Returns those whose prompts need no more slices. */
  async read(jobs: readonly Job[], begun: () => void): Promise<Job[]> {
    const begin = performance.now()
    if (this.#carries) await this.#run(jobs, begun)
    else for (const { plan } of jobs) plan.sequence.value.position += PROMPT_BLOCK
    for (const job of jobs) {
      job.at += PROMPT_BLOCK
      this.#cache.keep(job.keys, job.at, job.plan.sequence.value)
    }
    this.#adapt(jobs.length, performance.now() - begin)
    const done = jobs.filter((job) => !needsSlice(job))
    this.remove(done)
    return done
  }

  /** Removes generations. */
  remove(jobs: readonly Job[]): void {
    this.#jobs = this.#jobs.filter((job) => !jobs.includes(job))
  }

  async #run(jobs: readonly Job[], begun: () => void): Promise<void> {
    const values = jobs.map(({ plan }) => plan.sequence.value)
    await inPlan(this.#core, values, 'prompt', async (plan) => {
      const ids = plan.plan.inputs[this.#core.kind.draws!.token]!
      for (let row = 0; row < plan.rows; row++) {
        const { at, plan: mine } = jobs[Math.min(row, jobs.length - 1)]!
        for (let i = 0; i < PROMPT_BLOCK; i++) ids[i * plan.rows + row] = mine.reading[at + i]!
      }
      const running = this.#isAside ? plan.plan.runAside() : plan.plan.run()
      begun()
      await running
      return { steps: PROMPT_BLOCK, result: undefined }
    })
  }

  /** More rows cost little until the slice takes long. */
  #adapt(rows: number, milliseconds: number): void {
    if (rows < this.#rows) return
    const wanted = Math.floor((rows * SLICE_MS) / Math.max(milliseconds, 1e-3))
    this.#rows = Math.max(1, Math.min(MOST_SLICE_ROWS, 2 * rows, wanted))
  }
}
