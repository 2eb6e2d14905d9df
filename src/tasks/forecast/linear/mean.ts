// The mean of several linear autoregressions: the forecast that a network corrects, and a baseline.

import { LinearReader, type LinearPart } from './part.js'
import { transformOf, type TransformName } from './transform.js'

/** Autoregressions, the transformation of their mean, and the number of steps that they forecast. */
export interface LinearMean {
  readonly parts: readonly LinearPart[]
  readonly transform: TransformName
  readonly horizon: number
}

/** The mean of the parts' forecasts, transformed, while values come in. */
export class MeanReader {
  readonly #readers: readonly LinearReader[]
  readonly #forward: (value: number) => number
  readonly #own: Float64Array

  constructor({ parts, transform, horizon }: LinearMean) {
    this.#readers = parts.map((part) => new LinearReader(part, horizon))
    this.#forward = transformOf(transform).forward
    this.#own = new Float64Array(horizon)
  }

  /** Whether there were enough values for a forecast. */
  get ready(): boolean {
    return this.#readers.every(({ ready }) => ready)
  }

  /** The numbers that, with the count, determine all later forecasts. */
  get memory(): readonly Float64Array[] {
    return this.#readers.flatMap(({ memory }) => memory)
  }

  /** Sets the number of values taken, after the memory was written. */
  set count(count: number) {
    for (const reader of this.#readers) reader.count = count
  }

  /** Takes the next value and writes the forecasts of transformed values to `out`. */
  push(value: number, out: Float64Array): void {
    out.fill(0)
    for (const reader of this.#readers) {
      reader.push(value, this.#own)
      for (let h = 0; h < out.length; h++) out[h]! += this.#own[h]! / this.#readers.length
    }
    for (let h = 0; h < out.length; h++) out[h] = this.#forward(out[h]!)
  }
}
