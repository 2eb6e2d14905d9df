// The network of the form events: an LSTM over the events of a performance, which gives the probabilities of the next one. It also reads the keys
// that are down, and since when, because a release can be any time after its press; events that cannot follow have the probability 0.

import {
  eventInputs,
  EVENT_SYMBOLS,
  EventState,
  PIECE_END,
  PITCHES,
  type REFERENCES
} from '../../data/music/event-state.js'
import { normal, orthogonal, uniform, zeros } from '../../graph/initializers.js'
import { add, concat, crossEntropy, map, pad, reshape, slice } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { dropout } from '../../layers/dropout.js'
import { embedding } from '../../layers/embedding.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { f32, i32, modelDefinition } from '../../model.js'
import { intervalScores } from './intervals.js'
import type { MusicNetwork } from './settings.js'
import type { Part, PartDims } from './steps.js'

/** Width of the embeddings of events. */
const WIDTH = 96

/**
 * Records scores of events `[T, B, EVENT_SYMBOLS]` that are the same for every key: of presses by their intervals to the reference notes, of
 * releases by the time since the press.
 */
function keyScores(inputs: Record<'sounding' | (typeof REFERENCES)[number], Tensor>, z: Tensor, count: number) {
  const { sounding, last, prior, lowest, highest } = inputs
  const [length, batch] = sounding.shape as [number, number]
  const presses = intervalScores({ last, prior, lowest, highest }, z, { prefix: '', count, pitches: PITCHES })
  const factors = linear(z, { name: 'release', size: 2 })
  const [held, fresh] = [slice(factors, 2, 0, 1), slice(factors, 2, 1, 2)]
  const releases = map([sounding, held, fresh], (age, a, b) => age.mul(a).add(age.mul(age).mul(b)))
  const scores = concat([reshape(presses, [length, batch, PITCHES]), releases])
  return pad(scores, [[0, 0], [0, 0], [0, EVENT_SYMBOLS - 2 * PITCHES]]) // prettier-ignore
}

/** Returns the definition of the network of the form events. */
export function eventsDefinition({ hidden, layers, relations, dropout: p, inputDropout }: MusicNetwork) {
  return modelDefinition({
    name: 'events',
    config: {},
    inputs: {
      tokens: i32('length', 'batch'),
      sounding: f32('length', 'batch', PITCHES),
      allowed: f32('length', 'batch', EVENT_SYMBOLS),
      last: i32('length', 'batch'),
      prior: i32('length', 'batch'),
      lowest: i32('length', 'batch'),
      highest: i32('length', 'batch')
    },
    targets: { targets: i32('length', 'batch') },
    forward(inputs) {
      const { tokens, sounding, allowed } = inputs
      const own = embedding(tokens, { name: 'event', vocabulary: EVENT_SYMBOLS, size: WIDTH, weight: normal(0.5) })
      const { output } = lstm(dropout(concat([own, sounding]), { p: inputDropout, variational: true }), {
        name: 'lstm',
        hidden,
        layers,
        dropout: p,
        variational: true,
        carry: true,
        inputWeight: uniform((shape) => 1.5 * Math.sqrt(6 / (shape[1]! + hidden))),
        recurrentWeight: orthogonal(),
        bias: zeros,
        forgetBias: 1
      })
      const z = dropout(output, { p, variational: true })
      const scores = linear(z, { name: 'head', size: EVENT_SYMBOLS })
      return { logits: add(add(scores, keyScores(inputs, z, relations)), allowed) }
    },
    loss: ({ logits }, { targets }) => crossEntropy(logits, targets)
  })
}

/**
 * Returns the inputs and targets of parts of performances, whose steps have one event each: `tokens` [T, B], the event before, the inputs that
 * `EventState` writes, and `targets` [T, B], -1 after the end of a part.
 */
export function packEvents(parts: readonly Part[], { length, batch }: Pick<PartDims, 'length' | 'batch'>) {
  const size = length * batch
  const tokens = new Int32Array(size)
  const targets = new Int32Array(size).fill(-1)
  const inputs = eventInputs(size)
  parts.forEach(({ steps, first, count }, b) => {
    const state = new EventState()
    for (let t = -first; t < count; t++) {
      const before = t === -first ? PIECE_END : steps[first + t - 1]![0]!
      state.take(before)
      if (t < 0) continue
      const at = t * batch + b
      tokens[at] = before
      targets[at] = steps[first + t]![0]!
      state.write(inputs, at)
    }
  })
  return { tokens, targets, ...inputs }
}
