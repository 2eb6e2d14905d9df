// The beat in which streams send their events: one timer for all of them, because a timer for each event costs as much as the event.

/** A wait for the next beat, which can end before it. */
interface Waiting {
  resolve(): void
}

/** Streams that send one after the other before the event loop turns, so that a crowd of large events does not block other requests. */
const IN_A_ROW = 32

/** Lets streams wait for a common beat. The timer runs only while a stream waits. */
export class FlushClock {
  readonly #period: number
  readonly #waiting = new Set<Waiting>()
  #running = false

  /** `period`: milliseconds between two beats. */
  constructor(period: number) {
    this.#period = period
  }

  /** Returns the beat of one stream. */
  beat(): FlushBeat {
    let waiting: Waiting | null = null
    let ended = false
    return {
      next: () =>
        new Promise<void>((resolve) => {
          if (ended) return resolve()
          waiting = { resolve }
          this.#waiting.add(waiting)
          this.#start()
        }),
      end: () => {
        ended = true
        if (waiting && this.#waiting.delete(waiting)) waiting.resolve()
      }
    }
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    setTimeout(() => this.#beat(this.#waiting.size), this.#period)
  }

  /** Lets the `count` streams that have waited longest continue, some in each turn of the event loop. */
  #beat(count: number): void {
    let left = count
    for (const one of this.#waiting) {
      if (left === 0 || left === count - IN_A_ROW) break
      left--
      this.#waiting.delete(one)
      one.resolve()
    }
    if (left > 0 && this.#waiting.size > 0) {
      setImmediate(() => this.#beat(left))
      return
    }
    this.#running = false
    if (this.#waiting.size > 0) this.#start()
  }
}

/** The beat of one stream. */
export interface FlushBeat {
  /** Waits for the next beat, at most the period of the clock; after the end it does not wait. */
  next(): Promise<void>
  /** Ends the wait under way, and all later ones. */
  end(): void
}
