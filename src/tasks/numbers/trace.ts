// The encoder at work on two contexts: its memory cells at every digit, and those cells that tell the contexts apart.

import { expected } from '../../errors.js'
import type { Device } from '../../graph/opcodes.js'
import { reshape } from '../../graph/ops/index.js'
import { traceNetwork } from '../../introspect/network.js'
import type { LoadedNumbers } from './continue.js'
import { CONTEXT, packNumbers } from './digits.js'
import type { FamilyName } from './families.js'
import { encodeTerms } from './model.js'
import { decodedWidth, predictNext, type NumbersPrediction } from './predict.js'

/** A memory cell of the encoder on each context. */
export interface TracedCell {
  /** Number of the unit. */
  readonly unit: number
  /** tanh of the cell after each digit, from -1 to 1 as it is read: `[context][digit]`, least significant digit first. */
  readonly values: readonly (readonly number[])[]
  /** Difference between the largest and the smallest value of the contexts after the last digit. */
  readonly difference: number
}

/** The trace of the encoder on several contexts. */
export interface NumbersTrace {
  readonly contexts: readonly {
    readonly terms: readonly bigint[]
    readonly next: bigint
    readonly probability: number
    readonly family: FamilyName
  }[]
  /** Number of digits that the encoder read. */
  readonly digits: number
  /** Its cells, those that differ most between the contexts first. */
  readonly cells: readonly TracedCell[]
}

/** Returns the trace of a model on at least two contexts. Throws ERR_INVALID_ARGUMENT for fewer. */
export async function traceNumbers(
  { model, config }: LoadedNumbers,
  contexts: readonly (readonly bigint[])[],
  { device = 'cpu', signal }: { device?: Device; signal?: AbortSignal | undefined } = {}
): Promise<NumbersTrace> {
  if (contexts.length < 2) {
    const remedy = 'separate them with a slash, for example 6 7 8 / 2 4 8'
    throw expected('ERR_INVALID_ARGUMENT', 'at least two contexts to compare', `${contexts.length}`, remedy)
  }
  const predictions: NumbersPrediction[] = []
  for (const terms of contexts) predictions.push(await predictNext(model, terms, { count: 1, signal }))
  const digits = Math.max(...contexts.map(decodedWidth))
  const batch = contexts.length
  const { hidden, embedding: width } = config.network
  const values = vectorsOf(model.parameters.get('digit.weight').data, contexts, { digits, width })
  const { layers } = await traceNetwork(
    model,
    (x) => {
      const { families } = encodeTerms(x, config.network)
      return reshape(families, [1, batch, families.shape[1]!])
    },
    { values, steps: digits, batch, device, ...(signal && { signal }) }
  )
  const { cells } = layers[0]!
  const traced = Array.from({ length: hidden }, (_, unit): TracedCell => {
    const rows = contexts.map((_, b) =>
      Array.from({ length: digits }, (_, t) => Math.tanh(cells[(t * batch + b) * hidden + unit]!))
    )
    const last = rows.map((row) => row.at(-1)!)
    return { unit, values: rows, difference: Math.max(...last) - Math.min(...last) }
  })
  return {
    contexts: contexts.map((terms, b) => {
      const { next, families } = predictions[b]!
      return { terms, next: next[0]!.term, probability: next[0]!.probability, family: families[0]!.family }
    }),
    digits,
    cells: traced.sort((one, other) => other.difference - one.difference)
  }
}

/** Returns the input of the encoder, the vectors of the digits, `[T, B, CONTEXT * width]`. */
function vectorsOf(
  table: ArrayLike<number>,
  contexts: readonly (readonly bigint[])[],
  { digits, width }: { digits: number; width: number }
): Float32Array {
  const { terms } = packNumbers(contexts.map((terms) => ({ terms, next: null, family: 0 })), digits) // prettier-ignore
  const values = new Float32Array(digits * contexts.length * CONTEXT * width)
  terms.forEach((symbol, at) => {
    for (let i = 0; i < width; i++) values[at * width + i] = table[symbol * width + i]!
  })
  return values
}
