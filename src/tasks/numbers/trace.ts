// The trace of a model of numbers: the encoder's memory cells after every digit of several sequences, ordered by how far they differ.

import { expected } from '../../errors.js'
import type { LoadedNumbers } from './continue.js'
import { packNumbers } from './digits.js'
import type { FamilyName } from './families.js'
import { decodedWidth, predictNext, type NumbersPrediction } from './predict.js'

/** A memory cell of the encoder on each context. */
export interface TracedCell {
  /** Number of the unit. */
  readonly unit: number
  /** tanh of the cell after each digit, from -1 to 1 as it is read: `[context][digit]`, least significant digit first. */
  readonly values: readonly (readonly number[])[]
  /** Difference between the largest and the smallest value of the sequences after the last digit. */
  readonly difference: number
}

/** The tensor of the encoder's memory cells `[T, B, hidden]`. */
const CELLS = 'encoder.cell_l0'

/** The trace of the encoder on several sequences. */
export interface NumbersTrace {
  readonly sequences: readonly {
    readonly terms: readonly bigint[]
    readonly next: bigint
    readonly probability: number
    readonly family: FamilyName
  }[]
  /** Number of digits that the encoder read. */
  readonly digits: number
  /** Its cells, those that differ most between the sequences first. */
  readonly cells: readonly TracedCell[]
}

/** Returns the trace of a model on at least two sequences. Throws ERR_INVALID_ARGUMENT for fewer. */
export async function traceNumbers(
  { model, config }: LoadedNumbers,
  sequences: readonly (readonly bigint[])[],
  { signal }: { signal?: AbortSignal | undefined } = {}
): Promise<NumbersTrace> {
  if (sequences.length < 2) {
    const remedy = 'separate them with a slash, for example 6 7 8 / 2 4 8'
    throw expected('ERR_INVALID_ARGUMENT', 'at least two sequences to compare', `${sequences.length}`, remedy)
  }
  const predictions: NumbersPrediction[] = []
  for (const terms of sequences) predictions.push(await predictNext(model, terms, { count: 1, signal }))
  const digits = Math.max(...sequences.map(decodedWidth))
  const batch = sequences.length
  const { hidden } = config.network
  using lease = model.lease({ length: digits, batch }, { purpose: 'predict', outputs: [CELLS] })
  const { inputs, outputs } = lease.plan
  const { terms: symbols, previous } = packNumbers(
    sequences.map((terms) => ({ terms, next: null, family: 0 })),
    digits
  )
  inputs['terms']!.set(symbols)
  inputs['previous']!.set(previous)
  await lease.plan.run('forward', { signal })
  const cells = outputs[CELLS]
  const traced = Array.from({ length: hidden }, (_, unit): TracedCell => {
    const rows = sequences.map((_, b) =>
      Array.from({ length: digits }, (_, t) => Math.tanh(cells[(t * batch + b) * hidden + unit]!))
    )
    const last = rows.map((row) => row.at(-1)!)
    return { unit, values: rows, difference: Math.max(...last) - Math.min(...last) }
  })
  return {
    sequences: sequences.map((terms, b) => {
      const { next, families } = predictions[b]!
      return { terms, next: next[0]!.term, probability: next[0]!.probability, family: families[0]!.family }
    }),
    digits,
    cells: traced.sort((one, other) => other.difference - one.difference)
  }
}
