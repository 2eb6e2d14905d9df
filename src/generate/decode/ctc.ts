// Decoding what a network trained with connectionist temporal classification says: the best path, and the beam search over
// prefixes (Hannun, Maas, Jurafsky, Ng, "First-pass large vocabulary continuous speech recognition using bi-directional
// recurrent DNNs", 2014), which sums over alignments and may ask a scorer.

import {
  float32Array,
  integer,
  iterable,
  list,
  number,
  numbers,
  options as optionsOf,
  optional
} from '../../check/index.js'
import { GatecellError } from '../../errors.js'
import { Best, Prefix, grown, type Candidate } from './beam.js'
import { logSoftmax, readScorer, type Scorer } from '../scorers.js'

/** Logits [K] of each step in turn; logarithms of probabilities are logits too. */
export type Rows = Iterable<ArrayLike<number>>

const readShape = list(integer(0, 2 ** 31 - 1), 3, 3)

/**
 * Returns the rows of sample `b` of logits [T, B, K] for its first `length` steps (default: all T). `shape` is [T, B, K]. Throws
 * ERR_INVALID_ARGUMENT, and ERR_INVALID_SHAPE if the logits do not have T * B * K elements.
 */
export function rowsOf(
  logits: Float32Array,
  shape: readonly [number, number, number],
  b: number,
  length?: number
): Generator<Float32Array> {
  const [steps, batch, symbols] = readShape(shape, 'the shape') as [number, number, number]
  float32Array(steps * batch * symbols)(logits, 'the logits')
  integer(0, batch - 1)(b, 'b')
  const count = optional(integer(0, steps))(length, 'length') ?? steps
  return sampleRows(logits, batch, symbols, b, count)
}

function* sampleRows(logits: Float32Array, batch: number, symbols: number, b: number, count: number) {
  for (let t = 0; t < count; t++) yield logits.subarray((t * batch + b) * symbols, (t * batch + b + 1) * symbols)
}

/** Labels, and for each the step at which the best path first emits it. */
export interface CtcPath {
  labels: Int32Array
  steps: Int32Array
}

const blankOf = optional(integer(0, 2 ** 31 - 1))
const readGreedyOptions = optionsOf<{ blank?: number }>({ blank: blankOf })
const readRows = iterable(numbers)

/**
 * Best path decoding: returns the likeliest symbol of each step, with repeats joined and blanks left out. Takes the rows one by one. Throws
 * ERR_INVALID_ARGUMENT for rows that are not numbers, ERR_OUT_OF_RANGE for a NaN.
 */
export function ctcGreedy(rows: Rows, options: { blank?: number } = {}): CtcPath {
  const { blank = 0 } = readGreedyOptions(options, 'the options of ctcGreedy')
  const labels: number[] = []
  const steps: number[] = []
  let before = blank
  let t = 0
  for (const row of readRows(rows, 'the rows')) {
    const symbol = largest(row)
    if (symbol !== blank && symbol !== before) {
      labels.push(symbol)
      steps.push(t)
    }
    before = symbol
    t++
  }
  return { labels: Int32Array.from(labels), steps: Int32Array.from(steps) }
}

function largest(row: ArrayLike<number>): number {
  let best = 0
  for (let k = 0; k < row.length; k++) {
    if (Number.isNaN(row[k]!)) {
      throw new GatecellError(
        'ERR_OUT_OF_RANGE',
        `Expected numbers to decode but received NaN for symbol ${k}: check the weights and the ink.`
      )
    }
    if (row[k]! > row[best]!) best = k
  }
  return best
}

export interface CtcBeamOptions {
  /** Index of the blank; default 0. */
  blank?: number
  /** Prefixes that are followed; default 16. */
  width?: number
  /** Symbols this many nats below the likeliest of their step start nothing new; default 12. Infinity: all are tried. */
  prune?: number
  scorer?: Scorer
}

export interface CtcHypothesis {
  labels: Int32Array
  /** Nats of the labels under the network, summed over the alignments that were followed. */
  logProbability: number
  /** With the scorer; what hypotheses are ordered by. */
  score: number
}

/** A search that reads step by step. */
export interface CtcBeam {
  /** Reads the logits [K] of the next step. Throws ERR_OUT_OF_RANGE for a NaN. */
  push(row: ArrayLike<number>): void
  /** The likeliest prefix so far, whether it may end or not. */
  readonly prefix: Int32Array
  /** At most `count` label sequences, best first; none where the scorer lets no prefix of the beam end. */
  best(count?: number): CtcHypothesis[]
}

interface Entry extends Candidate {
  /** Nats of the alignments that end in a blank, and in the last label. */
  blank: number
  label: number
  /** Of the scorer. */
  bonus: number
  score: number
}

const beamFields = {
  blank: blankOf,
  width: optional(integer(1, 2 ** 20)),
  prune: optional(number(0, Infinity)),
  scorer: optional(readScorer)
}
const readBeamOptions = optionsOf<CtcBeamOptions>(beamFields)
const bestOf = optional(integer(0, 2 ** 20))
const readSearchOptions = optionsOf<CtcBeamOptions & { best?: number }>({ ...beamFields, best: bestOf })

/** Starts a search. Throws ERR_INVALID_ARGUMENT for options of wrong types or out of range. */
export function createCtcBeam(options: CtcBeamOptions = {}): CtcBeam {
  return startBeam(readBeamOptions(options, 'the options of createCtcBeam'))
}

function startBeam({ blank = 0, width = 16, prune = 12, scorer }: CtcBeamOptions): CtcBeam {
  const root = new Prefix(null, -1)
  let beam: Entry[] = [{ prefix: root, token: null, blank: 0, label: -Infinity, bonus: 0, score: 0 }]

  function push(logits: ArrayLike<number>): void {
    const row = numbers(logits, 'the row')
    if (blank >= row.length) {
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected at least ${blank + 1} symbols a step, the blank ${blank} among them, but received ${row.length}: pass all logits of a step, or another blank.`
      )
    }
    const nats = logSoftmax(row)
    const open = opening(nats, blank, prune)
    // A prefix that stays may also grow from another one of the beam; a prefix that is not in the beam grows from only one.
    const stays = new Map<Prefix, Entry>()
    for (const { prefix, blank: ended, label, bonus } of beam) {
      stays.set(prefix, {
        prefix,
        token: null,
        blank: logAdd(ended, label) + nats[blank]!,
        label: prefix.parent ? label + nats[prefix.token]! : -Infinity,
        bonus,
        score: 0
      })
    }
    const next = new Best<Entry>(width)
    for (const from of beam) {
      const { prefix } = from
      const total = logAdd(from.blank, from.label)
      for (const token of open) {
        // A label that follows an equal one needs a blank between them.
        const label = (token === prefix.token && prefix.parent ? from.blank : total) + nats[token]!
        if (label === -Infinity) continue
        const own = scorer ? scorer.score(prefix.state(scorer), token) : 0
        if (own === -Infinity) continue
        const known = prefix.known(token)
        const met = known && stays.get(known)
        const bonus = from.bonus + own
        if (met) met.label = logAdd(met.label, label)
        else if (next.admits(label + bonus))
          next.add({ prefix, token, blank: -Infinity, label, bonus, score: label + bonus })
      }
    }
    for (const stay of stays.values()) next.add({ ...stay, score: logAdd(stay.blank, stay.label) + stay.bonus })
    beam = next.take().map((one) => ({ ...one, prefix: grown(one), token: null }))
    const kept = new Set(beam.map(({ prefix }) => prefix))
    for (const prefix of stays.keys()) if (!kept.has(prefix)) prefix.release((other) => kept.has(other))
  }

  return {
    push,
    get prefix() {
      return beam[0]?.prefix.tokens() ?? new Int32Array(0)
    },
    best(wanted) {
      const count = bestOf(wanted, 'count') ?? 1
      if (count === 0) return []
      const ends = new Best<Entry>(count)
      for (const one of beam)
        ends.add({ ...one, score: one.score + (scorer ? scorer.end(one.prefix.state(scorer)) : 0) })
      return ends.take().map(({ prefix, blank: ended, label, score }) => ({
        labels: prefix.tokens(),
        logProbability: logAdd(ended, label),
        score
      }))
    }
  }
}

/** The `best` likeliest label sequences of `rows`; see `createCtcBeam`. */
export function ctcBeamSearch(rows: Rows, options: CtcBeamOptions & { best?: number } = {}): CtcHypothesis[] {
  const { best, ...more } = readSearchOptions(options, 'the options of ctcBeamSearch')
  const beam = startBeam(more)
  for (const row of readRows(rows, 'the rows')) beam.push(row)
  return beam.best(best)
}

/** The labels within `prune` nats of the likeliest symbol. */
function opening(nats: Float64Array, blank: number, prune: number): number[] {
  let most = -Infinity
  for (const value of nats) if (value > most) most = value
  const labels: number[] = []
  for (let k = 0; k < nats.length; k++) if (k !== blank && nats[k]! >= most - prune) labels.push(k)
  return labels
}

function logAdd(a: number, b: number): number {
  const most = Math.max(a, b)
  return most === -Infinity ? most : most + Math.log1p(Math.exp(Math.min(a, b) - most))
}
