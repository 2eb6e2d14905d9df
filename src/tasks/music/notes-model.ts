// The network of the task. An LSTM reads the steps of a piece, each as the keys that sound, the highest notes and the place in the bar.
// Its output determines the probabilities of the next step's notes, which are chosen from the highest down: a small network reads the notes
// that were chosen so far and gives the probabilities of the next one (a neural autoregressive distribution: Boulanger-Lewandowski, Bengio,
// Vincent 2012). Next to a score of each key there are scores of intervals: to the note of the same rank in the step before, to the note above,
// and to the highest note. An interval has the same score at any pitch, so a few pieces are enough to learn how voices move.

import { IMPOSSIBLE } from '../../data/music/event-state.js'
import { normal } from '../../graph/initializers.js'
import { add, concat, crossEntropy, gather, logSumExp, map, pad, relu, reshape, slice } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { dropout } from '../../layers/dropout.js'
import { embedding } from '../../layers/embedding.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { f32, i32, modelDefinition } from '../../model.js'
import { intervalScores } from './intervals.js'
import { meanLoss, memberNames } from './members.js'
import { AGREEMENTS, echoNames, NO_REPEAT, REPEAT_INPUTS, REPEAT_PLACES } from './repeats.js'
import type { MusicNetwork } from './settings.js'
import { CYCLE, END, FIRST, KEYS, RANKS, NOTE_SYMBOLS } from './steps.js'

/** Width of the embeddings of notes. */
const WIDTH = 32

/** Returns the places of a cycle as ones and zeros: the place in a bar of 16 steps, in one of 12, and the first step of a piece. */
function placeTable(): number[] {
  const row = (place: number) =>
    Array.from({ length: 29 }, (_, i) => {
      if (place === FIRST) return i === 28 ? 1 : 0
      return i < 16 ? Number(place % 16 === i) : Number(i < 28 && place % 12 === i - 16)
    })
  return Array.from({ length: CYCLE + 1 }, (_, place) => row(place)).flat()
}

/** Returns the scores that leave out impossible symbols: row `readSymbol(key)` allows the keys below the key and the end mark. */
function orderTable(): number[] {
  return Array.from({ length: NOTE_SYMBOLS }, (_, read) =>
    Array.from({ length: NOTE_SYMBOLS }, (_, symbol) => {
      const isBelow = read === END || symbol === END || symbol < KEYS - 1 - read
      return isBelow ? 0 : IMPOSSIBLE
    })
  ).flat()
}

type Inputs = Record<'before' | 'place' | 'voices' | 'last' | 'aligned' | 'highest' | 'chosen' | 'lengths', Tensor> &
  Readonly<Record<string, Tensor | undefined>>

/** Records the LSTM over the steps. Returns its output [T, B, H] and its input x [T, B, I]. */
function stepLayers({ before, place, voices, lengths, repeats }: Inputs, network: MusicNetwork, prefix: string) {
  const { hidden, layers, dropout: p, inputDropout } = network
  const [length, batch] = place.shape as [number, number]
  const table = reshape(before.graph.constant(placeTable()), [CYCLE + 1, 29])
  const ranked = embedding(voices, {
    name: `${prefix}voice`,
    vocabulary: RANKS * NOTE_SYMBOLS,
    size: WIDTH,
    weight: normal(0.3)
  })
  const notes = concat([before, reshape(ranked, [length, batch, RANKS * WIDTH])])
  const x = concat([
    dropout(notes, { p: inputDropout, variational: true }),
    gather(table, place),
    ...(repeats ? [repeats] : [])
  ])
  const { output } = lstm(x, {
    name: `${prefix}lstm`,
    hidden,
    layers,
    dropout: p,
    variational: true,
    forgetBias: 1,
    carry: true,
    lengths
  })
  return { output: dropout(output, { p, variational: true }), x }
}

/** Records the scores of the symbols that repetitions have [T, S, B, NOTE_SYMBOLS]. z [T, S, B, D] and the agreements weigh the places. */
function repeatScores(inputs: Inputs, z: Tensor, prefix: string): Tensor {
  const ones = Array.from({ length: (NO_REPEAT + 1) * NOTE_SYMBOLS }, (_, i) =>
    Number(i % NOTE_SYMBOLS === Math.floor(i / NOTE_SYMBOLS))
  )
  const table = reshape(z.graph.constant(ones), [NO_REPEAT + 1, NOTE_SYMBOLS])
  const factors = linear(concat([z, inputs.agreements!]), { name: `${prefix}repeat.factors`, size: REPEAT_PLACES })
  const scores = echoNames.map((name, k) =>
    map([gather(table, inputs[name]!), slice(factors, -1, k, k + 1)], (one, factor) => one.mul(factor))
  )
  return scores.reduce((one, other) => add(one, other))
}

/** Records the scores of the symbols `[T, S, B, NOTE_SYMBOLS]` of one network. */
function memberScores(inputs: Inputs, network: MusicNetwork, prefix: string): Tensor {
  const { chord, relations, dropout: p } = network
  const { last, aligned, highest, chosen } = inputs
  const [length, slots, batch] = last.shape as [number, number, number]
  const { output, x } = stepLayers(inputs, network, prefix)
  const step = linear(concat([output, x]), { name: `${prefix}step`, size: chord })
  const vectors = { name: `${prefix}note`, vocabulary: NOTE_SYMBOLS, size: WIDTH, weight: normal(0.3) }
  const own = [embedding(last, vectors), embedding(aligned, { ...vectors, name: `${prefix}aligned` }), chosen]
  const read = concat(inputs.agreements ? [...own, inputs.agreements] : own)
  const taken = linear(read, { name: `${prefix}chosen`, size: chord, bias: false })
  const sums = map([reshape(step, [length, 1, batch, chord]), taken], (one, other) => one.add(other))
  const z = dropout(relu(sums), { p })
  const scores = intervalScores({ last, aligned, highest }, z, { prefix, count: relations, pitches: KEYS })
  const relative = reshape(pad(scores, [[0, 0], [0, 1]]), [length, slots, batch, NOTE_SYMBOLS]) // prettier-ignore
  const direct = add(linear(z, { name: `${prefix}head`, size: NOTE_SYMBOLS }), relative)
  return inputs.agreements ? add(direct, repeatScores(inputs, z, prefix)) : direct
}

/** Records the logarithms of the averaged probabilities of several networks. */
function averaged(members: readonly Tensor[]): Tensor {
  if (members.length === 1) return members[0]!
  const norms = members.map((scores) => logSumExp(scores, -1, { keepDims: true }))
  return map([...members, ...norms], (...values) => {
    const own = members.map((_, k) => values[k]!.sub(values[members.length + k]!).exp())
    return own
      .reduce((one, other) => one.add(other))
      .add(1e-30)
      .log()
  })
}

/** Returns the definition of the network of the forms notes and voices. */
export function notesDefinition(network: MusicNetwork) {
  const { members } = network
  const names = memberNames(network)
  return modelDefinition({
    name: 'notes',
    config: {},
    inputs: {
      before: f32('length', 'batch', KEYS),
      place: i32('length', 'batch'),
      voices: i32('length', 'batch', RANKS),
      last: i32('length', 'slots', 'batch'),
      aligned: i32('length', 'slots', 'batch'),
      highest: i32('length', 'slots', 'batch'),
      chosen: f32('length', 'slots', 'batch', KEYS),
      lengths: i32('batch'),
      ...(network.lookback && {
        repeats: f32('length', 'batch', REPEAT_INPUTS),
        ...Object.fromEntries(echoNames.map((name) => [name, i32('length', 'slots', 'batch')])),
        agreements: f32('length', 'slots', 'batch', AGREEMENTS)
      })
    },
    targets: { targets: i32('length', 'slots', 'batch') },
    forward(inputs): Record<string, Tensor> {
      const { last } = inputs
      const order = gather(reshape(last.graph.constant(orderTable()), [NOTE_SYMBOLS, NOTE_SYMBOLS]), last)
      const ordered = (scores: Tensor) => (network.form === 'notes' ? add(scores, order) : scores)
      const scores = names.map((name) => ordered(memberScores(inputs, network, members === 1 ? '' : `${name}.`)))
      const logits = ordered(averaged(scores))
      return { logits, ...Object.fromEntries(names.map((name, k) => [name, scores[k]!])) }
    },
    loss(outputs, { targets }) {
      if (!targets.graph.training) return crossEntropy(outputs['logits']!, targets)
      return meanLoss(names.map((name) => crossEntropy(outputs[name]!, targets)))
    }
  })
}
