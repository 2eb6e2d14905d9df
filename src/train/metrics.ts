// Rates and means of a running training. No value of the clock reaches weights, and only the elapsed seconds of a run with a time limit
// reach checkpoints.

/** Adds up training time between `start` and `stop`, leaving out validation and checkpoints. */
export class Stopwatch {
  #total = 0
  #since: number | null = null

  start(): void {
    this.#since ??= performance.now()
  }

  stop(): void {
    this.#total = this.#milliseconds
    this.#since = null
  }

  get #milliseconds(): number {
    return this.#total + (this.#since === null ? 0 : performance.now() - this.#since)
  }

  get seconds(): number {
    return this.#milliseconds / 1000
  }
}

/** Mean loss and symbol rate since it was last read. */
export class Window {
  #sum = 0
  #steps = 0
  #tokens = 0
  #waited = 0
  #since: number

  constructor(seconds: number) {
    this.#since = seconds
  }

  add(loss: number, tokens: number): void {
    this.#sum += loss
    this.#steps++
    this.#tokens += tokens
  }

  get steps(): number {
    return this.#steps
  }

  age(seconds: number): number {
    return seconds - this.#since
  }

  /**
   * Returns mean loss, tokens per second and the share of time that was waited since the last call. `seconds` is the present time, `waited`
   * the part of it that was waited. Starts the next interval.
   */
  take(seconds: number, waited: number): { loss: number; tokensPerSecond: number; waiting: number } {
    const passed = seconds - this.#since
    const waiting = shareOf(waited - this.#waited, passed)
    const result = { loss: this.#sum / this.#steps, tokensPerSecond: rate(this.#tokens, passed), waiting }
    this.#waited = waited
    this.#sum = this.#steps = this.#tokens = 0
    this.#since = seconds
    return result
  }
}

/** Returns the amount per second; 0 if no time has passed. */
export function rate(amount: number, seconds: number): number {
  return seconds > 0 ? amount / seconds : 0
}

/** Returns the share, 0 to 1, of a time; 0 if no time has passed. */
export function shareOf(part: number, whole: number): number {
  return Math.min(1, rate(part, whole))
}

const DECAY = 0.98

/** Returns the next exponential mean, with decay 0.98; null is the mean before the first value. */
export function smooth(mean: number | null, value: number): number {
  return mean === null ? value : DECAY * mean + (1 - DECAY) * value
}
