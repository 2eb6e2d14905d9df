// The most probable next terms of a sequence. Digits are found greedily, all of a number at once: the network reads its own guess of the digits
// before, and the guess is repeated until it stays the same, which it does after few runs (parallel decoding by fixed-point iteration: Song et
// al. 2021, "Accelerating feedforward computation via parallel nonlinear equation solving"). It is then equal to decoding digit by digit.

import { argmax, softmaxOf } from '../../generate/probabilities.js'
import { throwIfAborted } from '../../graph/abort.js'
import type { Model } from '../../model.js'
import { digitCount, DIGITS, packNumbers, valueOf, type NumberSample } from './digits.js'
import { familyNames, type FamilyName } from './families.js'
import { FAMILY_COUNT } from './model.js'

/** Digits of several numbers, found by the network. */
export interface DecodedNumbers {
  /** Digits of each number, least significant first. */
  readonly digits: readonly (readonly number[])[]
  /** Probabilities of the ten digits, `[number][digit place][10]`. */
  readonly probabilities: readonly (readonly Float64Array[])[]
  /** Probabilities of the families, `[number][family]`. */
  readonly families: readonly Float64Array[]
}

/** Returns the width in which the next term has room: sums of the last terms with small factors have at most two digits more. */
export function decodedWidth(terms: readonly bigint[]): number {
  return 3 + terms.reduce((most, term) => Math.max(most, digitCount(term)), 1)
}

/**
 * Returns the most probable digits of the next term of each sequence, in `width` digits; `prefixes` fixes the first digits of each number.
 * Throws ERR_ABORTED if the signal aborts.
 */
export async function decodeNumbers(
  model: Model,
  samples: readonly Pick<NumberSample, 'terms'>[],
  {
    width,
    prefixes,
    signal
  }: { width: number; prefixes?: readonly (readonly number[])[]; signal?: AbortSignal | undefined }
): Promise<DecodedNumbers> {
  const batch = samples.length
  using lease = model.lease({ length: width, batch }, { purpose: 'predict' })
  const { inputs, outputs } = lease.plan as unknown as {
    inputs: { terms: Int32Array; previous: Int32Array }
    outputs: { logits: Float32Array; families: Float32Array }
  }
  inputs.terms.set(packNumbers(samples.map(({ terms }) => ({ terms, next: null, family: 0 })), width).terms) // prettier-ignore
  const digits = new Int32Array(width * batch)
  const previous = packNumbers(
    samples.map(() => ({ terms: [], next: null, family: 0 })),
    width
  ).previous
  for (;;) {
    throwIfAborted(signal)
    inputs.previous.set(previous)
    await lease.plan.run()
    for (let at = 0; at < digits.length; at++) {
      const forced = prefixes?.[at % batch]?.[Math.floor(at / batch)]
      digits[at] = forced ?? argmax(outputs.logits.subarray(at * DIGITS, (at + 1) * DIGITS))
    }
    const guess = digits.subarray(0, digits.length - batch)
    if (guess.every((digit, i) => digit === previous[batch + i])) break
    previous.set(guess, batch)
  }
  const places = Array.from({ length: width }, (_, t) => t)
  const rows = samples.map((_, b) => b)
  return {
    digits: rows.map((b) => places.map((t) => digits[t * batch + b]!)),
    probabilities: rows.map((b) =>
      places.map((t) => softmaxOf(outputs.logits.slice((t * batch + b) * DIGITS, (t * batch + b + 1) * DIGITS)))
    ),
    families: rows.map((b) => softmaxOf(outputs.families.slice(b * FAMILY_COUNT, (b + 1) * FAMILY_COUNT)))
  }
}

/** A possible next term. */
export interface NextTerm {
  readonly term: bigint
  /** Probability that the network gives it. */
  readonly probability: number
}

/** The next term of a sequence, as the network expects it. */
export interface NumbersPrediction {
  /** The most probable terms, the best one first. */
  readonly next: readonly NextTerm[]
  /** Probabilities of the families, the best one first. */
  readonly families: readonly { readonly family: FamilyName; readonly probability: number }[]
}

/** Options of `predictNext`. */
export interface PredictionOptions {
  /** Number of terms to return, at least 1. */
  readonly count: number
  /** Most numbers that the search completes, at least 1. Default: 64. */
  readonly completed?: number
  readonly signal?: AbortSignal | undefined
}

/** A number whose first digits are fixed, with the probability of these digits: no number that begins so is more probable. */
interface Branch {
  readonly prefix: readonly number[]
  readonly bound: number
}

/** Default of the numbers that a search completes; a trained network needs a few. */
const COMPLETED = 64
/** Probability below which a number is not searched for. */
const LEAST_PROBABILITY = 1e-4

/**
 * Returns the `count` most probable next terms of a sequence by best-first search. The digits of a number are fixed one more at a time, and the
 * probability of those that are fixed bounds that of the number, so the search ends when no number that is left can be better. A term that the
 * network gives less than 0.0001 may be missing, and so may others if the probabilities are spread over more than `completed` numbers. Throws
 * ERR_ABORTED if the signal aborts.
 */
export async function predictNext(
  model: Model,
  terms: readonly bigint[],
  { count, completed: most = COMPLETED, signal }: PredictionOptions
): Promise<NumbersPrediction> {
  const width = decodedWidth(terms)
  const found: NextTerm[] = []
  const open: Branch[] = [{ prefix: [], bound: 1 }]
  let families: Float64Array | null = null
  for (let completed = 0; completed < most && open.length > 0; completed++) {
    const at = argmax(open.map(({ bound }) => bound))
    const [{ prefix, bound }] = open.splice(at, 1) as [Branch]
    if (completed > 0 && bound < (found[count - 1]?.probability ?? LEAST_PROBABILITY)) break
    const decoded = await decodeNumbers(model, [{ terms }], { width, prefixes: [prefix], signal })
    families ??= decoded.families[0]!
    const [digits, probabilities] = [decoded.digits[0]!, decoded.probabilities[0]!]
    open.push(...branchesOf(digits, probabilities, prefix.length))
    const probability = digits.reduce((product, digit, t) => product * probabilities[t]![digit]!, 1)
    found.push({ term: valueOf(digits), probability })
    found.sort((one, other) => other.probability - one.probability)
  }
  const named = familyNames.map((family, i) => ({ family, probability: families![i]! }))
  return { next: found.slice(0, count), families: named.sort((one, other) => other.probability - one.probability) }
}

/** A sequence that was continued. */
export interface Continuation extends NumbersPrediction {
  /** The appended terms, each the most probable one after those before it, with its probability. */
  readonly then: readonly NextTerm[]
}

/**
 * Returns the next `count` terms of a sequence, each the most probable one, and the `choices` most probable next terms. Throws ERR_ABORTED if the
 * signal aborts.
 */
export async function continueTerms(
  model: Model,
  terms: readonly bigint[],
  { count, choices, signal }: { count: number; choices: number; signal?: AbortSignal | undefined }
): Promise<Continuation> {
  const first = await predictNext(model, terms, { count: choices, signal })
  const then = [first.next[0]!]
  while (then.length < count) {
    const before = [...terms, ...then.map(({ term }) => term)]
    then.push((await predictNext(model, before, { count: 1, signal })).next[0]!)
  }
  return { ...first, then }
}

/** Returns the numbers that differ from `digits` for the first time at a place from `from` on, as branches. */
function branchesOf(digits: readonly number[], probabilities: readonly Float64Array[], from: number): Branch[] {
  const branches: Branch[] = []
  let before = 1
  for (const [t, digit] of digits.entries()) {
    for (let other = 0; t >= from && other < DIGITS; other++) {
      const bound = before * probabilities[t]![other]!
      if (other !== digit && bound >= LEAST_PROBABILITY)
        branches.push({ prefix: [...digits.slice(0, t), other], bound })
    }
    before *= probabilities[t]![digit]!
  }
  return branches
}
