// The network of the form keys: an LSTM over the keys of each step, and for each key of the next step an independent probability, as in Bai,
// Kolter, Koltun 2018 (arXiv:1803.01271).

import { orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { sigmoidCrossEntropy } from '../../graph/ops/index.js'
import { dropout } from '../../layers/dropout.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { f32, i32, modelDefinition } from '../../model.js'
import type { MusicNetwork } from './settings.js'
import { KEYS, type Part, type PartDims } from './steps.js'

/** Returns the definition of the network of the form keys. */
export function keysDefinition({ hidden, layers, dropout: p, inputDropout }: MusicNetwork) {
  return modelDefinition({
    name: 'keys',
    config: {},
    inputs: { before: f32('length', 'batch', KEYS), lengths: i32('batch') },
    targets: { keys: f32('length', 'batch', KEYS), counted: f32('length', 'batch') },
    forward({ before, lengths }) {
      const x = dropout(before, { p: inputDropout, variational: true })
      const { output } = lstm(x, {
        name: 'lstm',
        hidden,
        layers,
        dropout: p,
        variational: true,
        carry: true,
        lengths,
        // Four keys of 88 are down, so that gates of the usual first weights hardly differ from step to step.
        inputWeight: uniform((shape) => 2 * Math.sqrt(6 / (shape[1]! + hidden))),
        recurrentWeight: orthogonal(),
        bias: zeros,
        forgetBias: 1
      })
      return { logits: linear(dropout(output, { p, variational: true }), { name: 'head', size: KEYS }) }
    },
    loss: ({ logits }, { keys, counted }) => sigmoidCrossEntropy(logits, keys, { weights: counted })
  })
}

/**
 * Returns the inputs and targets of parts: `before` and `keys` [T, B, KEYS], the keys of the step before and of the step, `counted` [T, B], 1
 * for steps and 0 for padding, and `lengths` [B].
 */
export function packKeys(parts: readonly Part[], { length, batch }: Pick<PartDims, 'length' | 'batch'>) {
  const [before, keys] = [0, 1].map(() => new Float32Array(length * batch * KEYS)) as [Float32Array, Float32Array]
  const counted = new Float32Array(length * batch)
  const lengths = new Int32Array(batch)
  parts.forEach(({ steps, first, count }, b) => {
    lengths[b] = count
    for (let t = 0; t < count; t++) {
      const at = t * batch + b
      counted[at] = 1
      for (const key of steps[first + t - 1] ?? []) before[at * KEYS + key] = 1
      for (const key of steps[first + t]!) keys[at * KEYS + key] = 1
    }
  })
  return { before, keys, counted, lengths }
}
