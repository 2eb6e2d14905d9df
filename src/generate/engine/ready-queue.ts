// The generations that wait for a row: by priority, then fair in tokens among clients (start-time fair queueing, Goyal et al. 1996).

/** A client among whom rows are shared. */
export interface Client {
  /** Tokens that the client has had, on the clock of the queue. */
  pass: number
  /** Generations of the client. */
  jobs: number
}

/** The place of a generation in the queue. */
export interface Queued {
  readonly priority: number
  readonly order: number
  readonly client: Client
  /** Tokens of its client when it was queued: the smallest one comes first. */
  key: number
  /** Whether it still waits: others are dropped when they come to the front, or are as many as those that wait. */
  readonly isReady: boolean
}

const isBefore = (a: Queued, b: Queued): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : a.key !== b.key ? a.key < b.key : a.order < b.order

/** Generations of a queue in which none is looked for that has ended. */
const LEAST = 64

/** A binary heap of generations. */
export class ReadyQueue<J extends Queued> {
  #heap: J[] = []
  /** The number of generations at which those that do not wait are dropped. */
  #most = LEAST
  /** The key of the generation that left the queue last: a client that comes back begins there. */
  #clock = 0

  /** Adds a generation, whose client is charged `share` tokens until `charge` corrects it. */
  push(job: J, share: number): void {
    job.key = Math.max(this.#clock, job.client.pass)
    job.client.pass = job.key + share
    if (this.#heap.length >= this.#most) this.#sweep()
    this.#insert(job)
  }

  #insert(job: J): void {
    const heap = this.#heap
    let at = heap.push(job) - 1
    for (; at > 0;) {
      const up = (at - 1) >> 1
      if (!isBefore(job, heap[up]!)) break
      heap[at] = heap[up]!
      at = up
    }
    heap[at] = job
  }

  /** The next generation; undefined: none is ready. */
  get first(): J | undefined {
    while (this.#heap.length > 0 && !this.#heap[0]!.isReady) this.#remove()
    return this.#heap[0]
  }

  /** Removes and returns the next generation. */
  pop(): J | undefined {
    const job = this.first
    if (!job) return undefined
    this.#remove()
    this.#clock = Math.max(this.#clock, job.key)
    return job
  }

  /** Drops generations that ended while others stay before them, so that their number is bounded by that of those that wait. */
  #sweep(): void {
    const ready = this.#heap.filter(({ isReady }) => isReady)
    this.#most = Math.max(LEAST, 2 * ready.length)
    this.#heap = []
    for (const job of ready) this.#insert(job)
  }

  #remove(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= heap.length) break
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down++
      if (!isBefore(heap[down]!, last)) break
      heap[at] = heap[down]!
      at = down
    }
    heap[at] = last
  }
}
