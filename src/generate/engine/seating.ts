// Which generations have rows: those of the highest priority, and among equals each in turn.

import type { SessionCore } from '../session-core.js'
import type { Job } from './job.js'
import { ReadyQueue } from './ready-queue.js'
import { Roster } from './roster.js'

/**
 * Milliseconds that a generation keeps its row while others of its priority wait: equal generations differ by one turn, and a change of a row costs
 * some microseconds.
 */
const TURN_MS = 12
/** Most steps of a turn, so that generations of small models differ by few tokens. */
export const MOST_TURN_STEPS = 512

/** The rows of an engine and the queue for them. */
export class Seating {
  readonly roster: Roster
  readonly #maxRows: number
  readonly #begins: (job: Job) => void
  readonly #ready = new ReadyQueue<Job>()

  /** `begins` is called with each generation that gets a row. */
  constructor(core: SessionCore, vocabulary: number, maxRows: number, begins: (job: Job) => void) {
    this.roster = new Roster(core, vocabulary)
    this.#maxRows = maxRows
    this.#begins = begins
  }

  /** Tokens of a turn in a row. */
  get #turn(): number {
    return Math.max(1, Math.min(MOST_TURN_STEPS, Math.round(TURN_MS / this.roster.stepMs)))
  }

  /** Most steps of the next block: while others wait for a row, a turn ends with a block. */
  get mostSteps(): number {
    const { roster } = this
    if (!this.anyReady || roster.live < this.#maxRows) return Infinity
    const turn = this.#turn
    let most = Infinity
    for (const { served } of roster.jobs) if (served < turn) most = Math.min(most, turn - served)
    return most
  }

  /** Whether a generation waits for a row. */
  get anyReady(): boolean {
    return this.#ready.first !== undefined
  }

  /** Puts a generation into the queue. */
  queue(job: Job): void {
    job.charged = this.#turn
    job.isReady = true
    this.#ready.push(job, job.charged)
  }

  /** Takes a generation that has ended out of the queue. Its client gets back the tokens that it was charged for. */
  drop(job: Job): void {
    if (!job.isReady) return
    job.isReady = false
    job.client.pass -= job.charged
  }

  /** Whether a generation that is queued now may have a row after the step under way. */
  hasRoomFor(job: Job): boolean {
    return this.roster.live < this.#maxRows || this.roster.jobs.some((other) => job.priority > other.priority)
  }

  /** Takes a generation out of its row. */
  leave(job: Job): void {
    this.roster.leave(job)
    job.client.pass += job.served - job.charged
  }

  /** Lets generations leave and enter rows. Returns those that left and wait for another turn. */
  settle(): Job[] {
    const { roster } = this
    roster.rearm()
    for (const job of roster.jobs) if (job.ended) this.leave(job)
    const { leaving, entering } = this.#turns()
    for (const job of leaving) this.leave(job)
    // A generation under suspicion runs by itself.
    const mayJoin = (first: Job) =>
      !roster.jobs.concat(entering).some(({ suspect }) => suspect) &&
      (!first.suspect || roster.live + entering.length === 0)
    while (roster.live + entering.length < this.#maxRows && this.#ready.first && mayJoin(this.#ready.first))
      entering.push(this.#next())
    this.#enter(entering)
    return leaving
  }

  #enter(entering: readonly Job[]): void {
    const count = this.roster.live + entering.length
    if (count === 0) return
    try {
      this.roster.reserve(count)
      for (const job of entering) {
        this.roster.enter(job)
        this.#begins(job)
      }
    } catch (error) {
      // Memory that the system refuses is refused to those that enter.
      for (const job of entering) job.fail(error as Error)
    }
  }

  #next(): Job {
    const job = this.#ready.pop()!
    job.isReady = false
    return job
  }

  /** Returns the generations that had their turn or are of a lower priority, and as many that wait for their rows, or one under suspicion. */
  #turns(): { leaving: Job[]; entering: Job[] } {
    const leaving: Job[] = []
    const entering: Job[] = []
    const { first: next } = this.#ready
    if (next?.suspect) {
      const { jobs } = this.roster
      const mayEnter = jobs.length > 0 && jobs.every((job) => this.#givesWay(job, next))
      return mayEnter ? { leaving: jobs, entering: [this.#next()] } : { leaving, entering }
    }
    let rows = this.roster.live < this.#maxRows ? [] : this.roster.jobs
    for (;;) {
      const first = this.#ready.first
      if (!first || first.suspect) break
      const candidates = rows.filter((job) => this.#givesWay(job, first))
      const [one, ...others] = candidates
      if (!one) break
      const victim = others.reduce((worst, job) => (isWorse(job, worst) ? job : worst), one)
      rows = rows.filter((job) => job !== victim)
      leaving.push(victim)
      entering.push(this.#next())
    }
    return { leaving, entering }
  }

  /** Whether a generation in a row has had its turn, or is of a lower priority than the first one that waits. */
  #givesWay(job: Job, first: Job): boolean {
    if (job.priority !== first.priority) return job.priority < first.priority
    return job.served >= this.#turn && passOf(job) > first.key
  }
}

/** Tokens of the client of a generation that is in a row. */
const passOf = ({ key, served }: Job): number => key + served

/** Whether a generation gives up its row before another one. */
const isWorse = (a: Job, b: Job): boolean =>
  a.priority !== b.priority ? a.priority < b.priority : passOf(a) > passOf(b)
