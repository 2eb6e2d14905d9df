// The network of the form keys: an LSTM over the keys of each step, and for each key of the next step an independent probability, as in Bai,
// Kolter, Koltun 2018 (arXiv:1803.01271). With lookback it also reads how the piece repeats earlier steps, whose keys add to the scores.

import { orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { add, concat, map, reshape, sigmoidCrossEntropy, sum } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { dropout } from '../../layers/dropout.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { f32, i32, modelDefinition } from '../../model.js'
import { meanLoss, memberNames } from './members.js'
import { packKeyRepeats, REPEAT_INPUTS, REPEAT_PLACES } from './repeats.js'
import type { MusicInputs, MusicNetwork } from './settings.js'
import { KEYS, type Part, type PartDims } from './steps.js'

type Inputs = Record<'before' | 'lengths', Tensor> & Partial<Record<'repeats' | 'echoes', Tensor>>

/**
 * Records the scores that repetitions add to the keys [T, B, KEYS]: for each place one score for the keys that its repetition plays and one for the
 * others. Both are linear in z [T, B, D].
 */
function repeatScores(echoes: Tensor, z: Tensor, prefix: string): Tensor {
  const [length, batch] = z.shape as [number, number]
  const factors = ['odd', 'even'].map((name) =>
    reshape(linear(z, { name: `${prefix}repeat.${name}`, size: REPEAT_PLACES }), [length, batch, REPEAT_PLACES, 1])
  )
  // The echo is 1, -1 or 0, so its odd and even parts give any score to a key that is down and any other to one that is up.
  return sum(
    map([echoes, ...factors], (value, odd, even) => value.mul(odd).add(value.square().mul(even))),
    2
  )
}

/** Records the logits of the keys `[T, B, KEYS]` of one network. */
function keyScores({ before, lengths, repeats, echoes }: Inputs, network: MusicNetwork, prefix: string): Tensor {
  const { hidden, layers, dropout: p, inputDropout } = network
  const keys = dropout(before, { p: inputDropout, variational: true })
  const { output } = lstm(repeats ? concat([keys, repeats]) : keys, {
    name: `${prefix}lstm`,
    hidden,
    layers,
    dropout: p,
    variational: true,
    carry: true,
    lengths,
    // About four of 88 keys are down, so with the usual initial weights the gates would hardly differ from step to step.
    inputWeight: uniform((shape) => 2 * Math.sqrt(6 / (shape[1]! + hidden))),
    recurrentWeight: orthogonal(),
    bias: zeros,
    forgetBias: 1
  })
  const read = dropout(output, { p, variational: true })
  const scores = linear(read, { name: `${prefix}head`, size: KEYS })
  return repeats && echoes ? add(scores, repeatScores(echoes, concat([read, repeats]), prefix)) : scores
}

/** Records the logits of the averaged probabilities of several networks. */
function averagedKeys(members: readonly Tensor[]): Tensor {
  if (members.length === 1) return members[0]!
  return map(members, (...values) => {
    const [down, up] = [1, -1].map(
      (sign) =>
      values.map((value) => value.mul(sign).sigmoid()).reduce((one, other) => one.add(other)).add(1e-30).log() // prettier-ignore
    )
    return down!.sub(up!)
  })
}

/** Returns the definition of the network of the form keys. */
export function keysDefinition(network: MusicNetwork) {
  const names = memberNames(network)
  return modelDefinition({
    name: 'keys',
    config: {},
    inputs: {
      before: f32('length', 'batch', KEYS),
      lengths: i32('batch'),
      ...(network.lookback && {
        repeats: f32('length', 'batch', REPEAT_INPUTS),
        echoes: f32('length', 'batch', REPEAT_PLACES, KEYS)
      })
    },
    targets: { keys: f32('length', 'batch', KEYS), counted: f32('length', 'batch') },
    forward(inputs): Record<string, Tensor> {
      const scores = names.map((name) => keyScores(inputs, network, names.length === 1 ? '' : `${name}.`))
      return { logits: averagedKeys(scores), ...Object.fromEntries(names.map((name, k) => [name, scores[k]!])) }
    },
    loss(outputs, { keys, counted }) {
      const lossOf = (name: string) => sigmoidCrossEntropy(outputs[name]!, keys, { weights: counted })
      return keys.graph.training ? meanLoss(names.map(lossOf)) : lossOf('logits')
    }
  })
}

/**
 * Returns the inputs and targets of parts: `before` and `keys` [T, B, KEYS], the keys of the step before and of the step, `counted` [T, B], 1
 * for steps and 0 for padding, and `lengths` [B]; with lookback also those of `packKeyRepeats`.
 */
export function packKeys(
  parts: readonly Part[],
  { length, batch }: Pick<PartDims, 'length' | 'batch'>,
  { lookback }: Pick<MusicInputs, 'lookback'>
) {
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
  return { before, keys, counted, lengths, ...(lookback && packKeyRepeats(parts, { length, batch })) }
}
