// The rows of an engine: a plan in which live generations stay where they are, while others enter and leave between two blocks.

import { createArena, viewOf } from '../../graph/arena.js'
import { operationsOf } from '../../graph/parameters.js'
import { rowEnd } from '../../graph/row-words.js'
import { pooledRows, type PlanPool } from '../plan-pool.js'
import type { SessionValue } from '../rows.js'
import type { SessionCore } from '../session-core.js'
import type { SessionKind } from '../session-kind.js'
import type { SessionBlock, SessionPlan } from '../session-plan.js'
import { notFinite, type Job, type Results } from './job.js'
import { MOST_FORCED, RowWords, scoreAt, tokenResults } from './row-table.js'
import type { ScoredToken } from './types.js'

/** Microseconds of a block, and of one between slices of prompts, which add to the gaps of those that are drawn. */
const BLOCK_US = { most: 2000, betweenSlices: 1000 }
/** Milliseconds that a block may take on the caller's thread. */
const SHORT_MS = 0.4
/** Most elements of the results of a block, and most steps. */
const MOST_WORDS = 2 ** 18
const MOST_STEPS = 4096
/** Blocks after which a plan with rows to spare gives way to a smaller one. */
const PATIENCE = 4

const NO_TOKENS = new Int32Array(0)

/** Results of a row in a block. */
export interface RowResults {
  readonly job: Job
  /** Forced tokens, then draws. */
  readonly tokens: readonly number[]
  readonly forced: number
  readonly scores: readonly ScoredToken[]
  /** The values of sequences that do not draw tokens. */
  readonly block: SessionBlock | null
  /** One of `rowEnd`. */
  readonly ended: number
}

/** A plan with its table and the generations of its rows. */
interface Seated {
  readonly plan: SessionPlan
  readonly table: RowWords
  readonly jobs: (Job | null)[]
}

/** The rows of one engine. */
export class Roster {
  readonly #kind: SessionKind
  /** The first value of a sequence, which idle rows have after a failure: their inputs are valid. */
  readonly #blank: SessionValue
  readonly #pool: PlanPool
  readonly #vocabulary: number
  #seated: Seated | null = null
  /** The table of the last plan that was given back, whose rows are idle. */
  #spareTable: RowWords | null = null
  #out: Int32Array | null = null
  #spare = 0
  #steps = 1
  /** Milliseconds of a step of the last block, by the clock of the core. */
  stepMs = 1
  live = 0

  constructor({ kind, pool, value }: SessionCore, vocabulary: number) {
    this.#kind = kind
    this.#blank = value
    this.#pool = pool
    this.#vocabulary = vocabulary
  }

  /** The generations in rows. */
  get jobs(): Job[] {
    return this.#seated?.jobs.filter((job) => job !== null) ?? []
  }

  /** Lets the plan have room for `count` generations, and moves those that are in rows. */
  reserve(count: number): void {
    const wanted = pooledRows(Math.max(1, count))
    const rows = this.#seated?.plan.rows ?? 0
    this.#spare = wanted < rows ? this.#spare + 1 : 0
    if (rows >= wanted && this.#spare < PATIENCE) return
    this.#spare = 0
    const old = this.#seated
    const plan = this.#pool.take(this.#kind, wanted, 'rows')
    const seated: Seated = {
      plan,
      table: this.#tableOf(plan.rows),
      jobs: Array<null>(plan.rows).fill(null)
    }
    let row = 0
    old?.jobs.forEach((job, from) => {
      if (!job) return
      seated.plan.moveRow(old.plan, from, row)
      seated.table.moveRow(old.table, from, row)
      seated.jobs[row++] = job
    })
    this.#seated = seated
    this.clean()
    if (old) this.#pool.give(this.#kind, old.plan, 'rows')
  }

  #tableOf(rows: number): RowWords {
    const spare = this.#spareTable
    this.#spareTable = null
    return spare?.rows === rows ? spare : new RowWords(rows, this.#vocabulary)
  }

  /** Gives idle rows valid inputs, because a run of the plan computes them, too. */
  clean(): void {
    const { plan, jobs } = this.#seated!
    jobs.forEach((job, row) => job ?? plan.putValue(row, this.#blank))
  }

  /** Gives a generation a row, of which there must be a free one. */
  enter(job: Job): void {
    const { plan, table, jobs } = this.#seated!
    const row = jobs.indexOf(null)
    const { sequence, settings } = job.plan
    const { draws } = this.#kind
    if (draws && job.drawn === 0) sequence.value.inputs[draws.token]![0] = job.plan.reading[job.at]!
    plan.putValue(row, sequence.value)
    table.settle(row, settings)
    jobs[row] = job
    this.live++
    job.state = 'running'
    job.served = 0
    this.#assign(job, row)
    if (job.plan.hasStops && job.plan.keeps) this.#remember(job, row)
  }

  /** Lets the row make the next part of its prompt, and after the whole prompt the draws. */
  #assign(job: Job, row: number): void {
    const { plan, drawn } = job
    const { value } = plan.sequence
    const left = plan.reading.length - 1 - job.at
    const forced = drawn > 0 || left === 0 ? NO_TOKENS : plan.reading.subarray(job.at + 1, job.at + 1 + MOST_FORCED)
    const isWhole = left <= MOST_FORCED
    this.#seated!.table.assign(row, {
      seed: value.seed,
      position: value.position,
      forced,
      left: isWhole ? plan.maxTokens - drawn : 0,
      notify: isWhole && drawn === 0 ? forced.length + 1 : 0
    })
  }

  /** Gives generations with more forced tokens than a block can have the next ones. Returns whether the row continues. */
  #refill(job: Job, row: number): boolean {
    if (job.drawn > 0 || job.at >= job.plan.reading.length - 1) return false
    job.plan.sequence.value.position = this.#seated!.table.position(row)
    this.#assign(job, row)
    return true
  }

  #remember(job: Job, row: number): void {
    const { plan, table } = this.#seated!
    const { value } = job.plan.sequence
    const states = Object.fromEntries(
      Object.entries(value.states).map(([name, { length }]) => [name, new Float32Array(length)])
    )
    const copy = { ...value, states, inputs: { ...value.inputs } }
    const token = this.#kind.draws!.token
    copy.inputs[token] = new Int32Array(1)
    plan.takeValue(row, copy)
    job.before = { states, position: table.position(row), unread: [copy.inputs[token][0]!] }
  }

  /** Takes a generation out of its row. Unless it has ended, its value is that of the row, for the next row or generation. */
  leave(job: Job): void {
    const { plan, table, jobs } = this.#seated!
    const row = jobs.indexOf(job)
    const { sequence, settings } = job.plan
    if (!job.ended) {
      plan.takeValue(row, sequence.value)
      sequence.value.position = table.position(row)
      const { draws } = this.#kind
      if (draws && job.plan.keeps) sequence.unread = Int32Array.of(sequence.value.inputs[draws.token]![0]!)
      if (settings.counts) table.takeCounts(row, settings.counts)
    }
    table.clear(row)
    jobs[row] = null
    this.live--
  }

  /**
   * Whether the next block is that of one generation until its first draw, and takes so little time that another thread would be no faster: handing
   * it over and being woken take some 0.2 ms.
   */
  get isShort(): boolean {
    const [job, ...others] = this.jobs
    if (!job || others.length > 0 || job.drawn > 0 || operationsOf(this.#kind.model.parameters).exclusive) return false
    return (job.plan.reading.length - job.at) * this.stepMs <= SHORT_MS
  }

  /** Runs a block of at most `mostSteps` steps on the engine's thread, and a short one on the caller's. `begun` is called while it runs. */
  async run(mostSteps: number, length: keyof typeof BLOCK_US, begun: () => void): Promise<void> {
    const { plan, table, jobs } = this.#seated!
    let alternatives = -1
    for (const job of jobs) if (job) alternatives = Math.max(alternatives, job.plan.settings.alternatives)
    table.begin(BLOCK_US[length], alternatives)
    const width = Math.max(1, plan.loop!.width + plan.rows * table.width)
    const most = Math.max(1, Math.min(mostSteps, MOST_STEPS, Math.floor(MOST_WORDS / width)))
    const elements = Math.max(MOST_WORDS, width) + 1
    if ((this.#out?.length ?? 0) < elements)
      this.#out = viewOf(createArena(elements), 0, [elements], 'i32') as Int32Array
    if (this.isShort) {
      begun()
      this.#steps = plan.loop!.runRowsSync(most, this.#out!, table.words)
    } else {
      const running = plan.loop!.runRows(most, this.#out!, table.words)
      begun()
      this.#steps = await running
    }
    if (this.#steps > 0) this.stepMs = table.elapsed / 1000 / this.#steps
  }

  /** Steps of the last block. */
  get steps(): number {
    return this.#steps
  }

  /** Returns the results of the last block, and prepares the rows that continue for the next one. */
  results(): RowResults[] {
    const { plan, table, jobs } = this.#seated!
    const all: RowResults[] = []
    jobs.forEach((job, row) => {
      if (job) all.push(this.#resultsOf(job, row, plan.rows, table))
    })
    return all
  }

  #resultsOf(job: Job, row: number, rows: number, table: RowWords): RowResults {
    const { width } = table
    const made = table.made(row)
    const tokens = tokenResults(this.#out!, rows * width, row * width, width > 0 ? made : 0)
    const forced = job.drawn > 0 ? 0 : Math.min(made, job.plan.reading.length - 1 - job.at)
    const { alternatives } = job.plan.settings
    const scores: ScoredToken[] = []
    if (alternatives >= 0) {
      const { buffer, byteOffset, length } = this.#out!
      const floats = new Float32Array(buffer, byteOffset, length)
      for (let i = 0; i < made; i++)
        scores.push(scoreAt(this.#out!, floats, (i * rows + row) * width, alternatives, (width - 2) / 2))
    }
    job.at += forced
    job.drawn += made - forced
    job.served += made
    let ended = table.ended(row)
    if (ended === rowEnd.full && this.#refill(job, row)) ended = rowEnd.live
    const block = this.#kind.draws ? null : this.#seated!.plan.blockOf(this.#out!, row, made)
    return { job, tokens, forced, scores, block, ended }
  }

  /** Keeps the present value of a row that continues, if a text can end its generation. Returns that of before the last block. */
  checkpoint({ job, tokens, forced, ended }: RowResults): Job['before'] {
    const { before } = job
    if (!before) return null
    if (ended === rowEnd.live) this.#remember(job, this.#seated!.jobs.indexOf(job))
    return { ...before, unread: [...before.unread, ...tokens.slice(0, forced)] }
  }

  /** Whether a generation is in a row. */
  has(job: Job): boolean {
    return this.#seated?.jobs.includes(job) ?? false
  }

  /** Lets the next block run until it is interrupted. */
  rearm(): void {
    this.#seated?.table.rearm()
  }

  /** Ends the block under way, or the next one, after one more step. */
  interrupt(): void {
    this.#seated?.table.interrupt()
  }

  /** Gives the plan back. No generation may be in a row. */
  release(): void {
    if (!this.#seated) return
    this.#pool.give(this.#kind, this.#seated.plan, 'rows')
    this.#spareTable = this.#seated.table
    this.#seated = null
  }
}

/** Returns the end of a generation from the state of its row after a block with these tokens; null: it continues. */
export function endOfRow(ended: number, tokens: readonly number[]): Results['end'] {
  if (ended === rowEnd.full) return { reason: 'length', stop: null }
  if (ended === rowEnd.stopped) return { reason: 'stop', stop: tokens.at(-1)! }
  return ended === rowEnd.bad ? notFinite() : null
}
