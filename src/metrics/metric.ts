// Metrics of a model on data: figures next to the loss that an evaluation accumulates batch by batch. They are pure functions of the outputs
// of a model and the arrays of its batches.

/** The values of one tensor of a batch. */
export type MetricValues = Float32Array | Int32Array

/** The arrays of one batch, which are valid until the next one. */
export interface MetricBatch {
  /** The outputs that the metric names. */
  readonly outputs: Readonly<Record<string, MetricValues>>
  /** Inputs and targets. */
  readonly inputs: Readonly<Record<string, MetricValues>>
  /** Shapes by name. */
  readonly shapes: {
    readonly outputs: Readonly<Record<string, readonly number[]>>
    readonly inputs: Readonly<Record<string, readonly number[]>>
  }
  /** Mean loss of the batch. */
  readonly loss: number
  /** Number of targets that the loss counted. */
  readonly count: number
}

/** One measurement: `add` is called for each batch in order, then `value`. */
export interface Measurement {
  /** Adds a batch. Its arrays are valid during the call. */
  add(batch: MetricBatch): void
  /** Returns the figure of all batches added; NaN if nothing was counted. */
  value(): number
}

/**
 * A figure of merit. `evaluate` and the trainer's validations take metrics by name.
 * @example
 * const squares: Metric = {
 *   outputs: ['y'],
 *   better: 'lower',
 *   begin() {
 *     let [sum, count] = [0, 0]
 *     return {
 *       add: ({ outputs, inputs }) => outputs.y.forEach((y, i) => ((sum += (y - inputs.target[i]) ** 2), count++)),
 *       value: () => sum / count
 *     }
 *   }
 * }
 */
export interface Metric {
  /** Names of the outputs of the model's `forward` that it reads. */
  readonly outputs: readonly string[]
  /** Which of two values is the better one; early stopping and the choice of the best weights use it. */
  readonly better: 'higher' | 'lower'
  /** Begins a measurement. */
  begin(): Measurement
}

/**
 * Returns the metric exp(mean loss), which is the perplexity if the loss is a cross-entropy in nats.
 * @example
 * const { metrics } = await evaluate(model, data, { metrics: { perplexity: perplexity() } })
 */
export function perplexity(): Metric {
  return {
    outputs: [],
    better: 'lower',
    begin() {
      let [sum, total] = [0, 0]
      return {
        add({ loss, count }) {
          if (count > 0) [sum, total] = [sum + loss * count, total + count]
        },
        value: () => Math.exp(sum / total)
      }
    }
  }
}
