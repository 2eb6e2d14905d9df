// The network of the task. Two LSTM networks read the digits of the last six terms, least significant first. The encoder finds the rule:
// it ends with a state that has read all digits. The decoder begins with that state, reads the same digits again together with the digit of the
// next term before, and gives the probabilities of each digit of the next term; the carries of its sums are in its cells. The decoder also
// reads sums of the digits' vectors over the terms, weighted by factors that the encoder's state determines: a rule such as "twice the last term
// less the one before" is a choice of factors. Nothing in the network has the rules; it learns factors, carries and all from examples.

import type { Tensor } from '../../graph/graph.js'
import { concat, crossEntropy, map, reshape, slice, sum } from '../../graph/ops/index.js'
import { embedding } from '../../layers/embedding.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { i32, modelDefinition } from '../../model.js'
import { CONTEXT, DIGITS, SYMBOLS } from './digits.js'
import { familyNames } from './families.js'
import { NUMBERS_TASK, type NumbersNetwork } from './settings.js'

/** Number of families, of which the network gives probabilities. */
export const FAMILY_COUNT = familyNames.length

/** Weight of the family in the loss, in nats of a sequence next to the mean nats of a digit. */
const FAMILY_WEIGHT = 0.1

/**
 * Records the encoder over the vectors of the terms' digits `[T, B, CONTEXT * embedding]`. Returns the logits of the families
 * `[B, FAMILY_COUNT]` and the final states h and c, `[B, hidden]` each.
 */
function encodeTerms(x: Tensor, { hidden }: NumbersNetwork) {
  const { h, c } = lstm(x, { name: 'encoder', hidden, forgetBias: 1 })
  return { families: linear(h[0]!, { name: 'family', size: FAMILY_COUNT }), h: h[0]!, c: c[0]! }
}

/** Returns sums of the digits' vectors `[T, B, CONTEXT, E]` over the terms, `[T, B, E]` each, weighted by factors that h `[B, H]` determines. */
function ruledSums(vectors: Tensor, h: Tensor, count: number): Tensor[] {
  const factors = linear(h, { name: 'factors', size: count * CONTEXT })
  return Array.from({ length: count }, (_, i) => {
    const own = reshape(slice(factors, 1, i * CONTEXT, (i + 1) * CONTEXT), [h.shape[0]!, CONTEXT, 1])
    return sum(
      map([vectors, own], (vector, factor) => vector.mul(factor)),
      2
    )
  })
}

/** Returns the definition of the network. */
export function numbersDefinition(network: NumbersNetwork) {
  const { hidden, embedding: width, sums } = network
  return modelDefinition({
    name: NUMBERS_TASK,
    config: {},
    inputs: { terms: i32('length', 'batch', CONTEXT), previous: i32('length', 'batch') },
    targets: { digits: i32('length', 'batch'), family: i32('batch') },
    forward({ terms, previous }, { length, batch }) {
      const vectors = embedding(terms, { name: 'digit', vocabulary: SYMBOLS, size: width })
      const x = reshape(vectors, [length!, batch!, CONTEXT * width])
      const { families, h, c } = encodeTerms(x, network)
      const own = embedding(previous, { name: 'previous', vocabulary: SYMBOLS, size: width })
      const input = concat([own, ...ruledSums(vectors, h, sums), x])
      const { output } = lstm(input, { name: 'decoder', hidden, forgetBias: 1, initial: { h: [h], c: [c] } })
      return { logits: linear(output, { name: 'head', size: DIGITS }), families }
    },
    loss({ logits, families }, { digits, family }) {
      return map([meanOf(crossEntropy(logits, digits)), meanOf(crossEntropy(families, family))], (own, other) =>
        own.add(other.mul(FAMILY_WEIGHT))
      )
    }
  })
}

/** Returns the mean of a loss without its count, because the counts of the two parts differ. */
function meanOf(loss: Tensor): Tensor {
  return slice(loss, 0, 0, 1)
}
