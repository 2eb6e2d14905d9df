// The probability of given captions of given images.

import type { MetricBatch } from '../../metrics/metric.js'
import type { Model } from '../../model.js'
import { createBuckets } from '../../data/batching/buckets.js'
import { evaluate } from '../../train/evaluate.js'
import { captionBatches } from './batches.js'
import type { CaptionsConfig } from './config.js'
import type { CaptionSample } from './data.js'
import { imageSizeOf, placesOf } from './model.js'
import { captionEnds } from './words.js'

/** Captions that are scored at once. */
const TOGETHER = 32

/** Returns the nats of each row of a batch: minus the sum of the logarithms of the probabilities of its targets. */
function rowNats({ outputs, inputs, shapes }: MetricBatch): number[] {
  const [length, batch, size] = shapes.outputs['logits'] as [number, number, number]
  const [logits, next] = [outputs['logits'] as Float32Array, inputs['next']!]
  return Array.from({ length: batch }, (_, row) => {
    let nats = 0
    for (let t = 0; t < length; t++) {
      const target = next[t * batch + row]!
      if (target < 0) break
      const own = logits.subarray((t * batch + row) * size, (t * batch + row + 1) * size)
      const most = own.reduce((largest, one) => Math.max(largest, one), -Infinity)
      const sum = own.reduce((total, one) => total + Math.exp(one - most), 0)
      nats += most + Math.log(sum) - own[target]!
    }
    return nats
  })
}

/** Returns the nats of each sample, its end token included. Throws ERR_ABORTED if the signal aborts. */
export async function sampleNats(
  model: Model,
  config: CaptionsConfig,
  samples: readonly CaptionSample[],
  signal?: AbortSignal
): Promise<number[]> {
  if (samples.length === 0) return []
  const { rows, columns } = placesOf(config)
  const source = captionBatches(samples, {
    batch: TOGETHER,
    size: imageSizeOf(config),
    places: rows * columns,
    ends: captionEnds(config.words),
    training: null
  })
  // The metric sees the batches in the order of the buckets, whose rows are these samples.
  const lengths = samples.map(({ ids }) => ids.length + 1)
  const buckets = createBuckets(lengths, { batch: Math.min(TOGETHER, samples.length), shuffle: false })
  const nats = new Array<number>(samples.length).fill(0)
  let cursor = { epoch: 0, step: 0 }
  const add = (batch: MetricBatch) => {
    const own = rowNats(batch)
    for (const [row, i] of buckets.samples(cursor).entries()) nats[i] = own[row]!
    cursor = { ...buckets.next(cursor) }
  }
  const metric = { outputs: ['logits'], better: 'lower' as const, begin: () => ({ add, value: () => 0 }) }
  await evaluate(model, source, { metrics: { nats: metric }, signal })
  return nats
}
