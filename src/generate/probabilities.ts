// Distributions from logits in double precision, for people and tests, and their largest elements. The draw of a token itself is native.

import type { SamplerSettings } from './settings.js'

/**
 * Returns the probabilities [V] of the next token: the softmax of logits [V] / temperature after topK and then topP. Temperature 0 gives the
 * first of the largest logits the probability 1.
 */
export function probabilities(
  logits: Float32Array,
  settings: Pick<SamplerSettings, 'temperature' | 'topK' | 'topP'>
): Float64Array {
  const { temperature, topK, topP } = settings
  const result = new Float64Array(logits.length)
  // Largest first; equal logits in the order of their ids.
  const order = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b)
  const top = logits[order[0]!]!
  if (temperature === 0) {
    result[order[0]!] = 1
    return result
  }
  const kept = topK > 0 ? order.slice(0, topK) : order
  const weights = kept.map((id) => Math.exp((logits[id]! - top) / temperature))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let count = kept.length
  if (topP < 1) {
    let sum = 0
    count = 0
    while (count < kept.length && sum < topP * total) sum += weights[count++]!
  }
  const part = weights.slice(0, count).reduce((sum, weight) => sum + weight, 0)
  for (let i = 0; i < count; i++) result[kept[i]!] = weights[i]! / part
  return result
}

/** Returns the probabilities [V] of logits [V]: their softmax. */
export function softmaxOf(logits: Float32Array): Float64Array {
  const most = logits.reduce((one, other) => Math.max(one, other), -Infinity)
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - most))
  const sum = weights.reduce((one, other) => one + other, 0)
  return weights.map((weight) => weight / sum)
}

/** Returns the index of the first of the largest of `values`, 0 if there are none. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
