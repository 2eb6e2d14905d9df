// A bound on the number of things that happen at a time, with a bounded queue.

import { expected } from '../errors.js'
import { abortError, throwIfAborted } from '../graph/abort.js'

/** Lets a few callers in at a time; others wait in their order. */
export class Gate {
  readonly #most: number
  readonly #mostWaiting: number
  #inside = 0
  readonly #waiting: { enter(): void }[] = []

  constructor(most: number, mostWaiting: number) {
    this.#most = most
    this.#mostWaiting = mostWaiting
  }

  /** Waits for a turn, and calls `work`. Throws ERR_OVERLOADED if too many wait, and ERR_ABORTED. */
  async pass<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      this.#inside--
      this.#waiting.shift()?.enter()
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    if (this.#inside < this.#most) {
      this.#inside++
      return
    }
    if (this.#waiting.length >= this.#mostWaiting)
      throw expected('ERR_OVERLOADED', `at most ${this.#mostWaiting} requests that wait`, 'one more', 'try again later')
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(place), 1)
        reject(abortError(signal))
      }
      const place = {
        enter: () => {
          signal.removeEventListener('abort', leave)
          this.#inside++
          resolve()
        }
      }
      this.#waiting.push(place)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
