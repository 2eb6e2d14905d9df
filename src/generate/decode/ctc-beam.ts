// Beam search over the prefixes of a network that was trained with connectionist temporal classification (Hannun, Maas, Jurafsky, Ng,
// "First-pass large vocabulary continuous speech recognition using bi-directional recurrent DNNs", 2014, algorithm 1). It sums the
// probabilities of the alignments of a label sequence, and a scorer may rate the sequences.

import { integer, number, numbers, options as optionsOf, optional } from '../../check/index.js'
import { expected } from '../../errors.js'
import { logSoftmax, readScorer, type Scorer } from '../scorers.js'
import { checkBlank, readLogitRows, type LogitRows } from './ctc.js'
import { Best, Prefix, grown, type Candidate } from './prefixes.js'

/** Options of a beam search over the outputs of CTC. */
export interface CtcBeamOptions {
  /** Index of the blank among the K symbols, from 0 to K - 1; default 0. */
  blank?: number
  /** Number of prefixes that are followed, from 1 to 2^20; default 16. */
  width?: number
  /**
   * A symbol this many nats below the likeliest of its step extends no prefix, from 0 to Infinity; default 12. Infinity tries all
   * symbols.
   */
  prune?: number
  /** Scorer whose nats are added to those of the network; default: none. Its tokens are the labels. */
  scorer?: Scorer
}

/** A label sequence that a beam search found. */
export interface CtcHypothesis {
  /** The labels, without blanks. */
  labels: Int32Array
  /** Nats of the labels under the network, summed over the alignments that were followed. */
  logProbability: number
  /** Nats with those of the scorer, by which the hypotheses are ordered. */
  score: number
}

/** A beam search that reads the outputs of a network step by step. */
export interface CtcBeam {
  /**
   * Reads the logits [K] of the next step. Throws ERR_INVALID_ARGUMENT if they are not numbers, ERR_INVALID_SHAPE if the blank is not one
   * of them, ERR_OUT_OF_RANGE for a NaN.
   */
  push(row: ArrayLike<number>): void
  /** The prefix with the highest score so far, whether or not the scorer lets it end. */
  readonly prefix: Int32Array
  /**
   * Returns at most `count` label sequences, best first; default 1, from 0 to 2^20. There are none if the scorer lets no prefix of the
   * beam end.
   */
  best(count?: number): CtcHypothesis[]
}

interface Entry extends Candidate {
  /** Nats of the alignments that end in a blank. */
  blank: number
  /** Nats of the alignments that end in the last label. */
  label: number
  /** Nats of the scorer for the labels. */
  bonus: number
  score: number
}

const beamFields = {
  blank: checkBlank,
  width: optional(integer(1, 2 ** 20)),
  prune: optional(number(0, Infinity)),
  scorer: optional(readScorer)
}
const readBeamOptions = optionsOf<CtcBeamOptions>(beamFields)
const bestOf = optional(integer(0, 2 ** 20))
const readSearchOptions = optionsOf<CtcBeamOptions & { best?: number }>({ ...beamFields, best: bestOf })

/**
 * Starts a beam search that reads its steps one by one. Throws ERR_INVALID_ARGUMENT for options of wrong types or out of range.
 *
 * @example
 * const beam = createCtcBeam({ width: 8 })
 * beam.push([0, 2, 1])
 * beam.push([0, 1, 2])
 * beam.best(1)[0].labels // Int32Array [1, 2]
 */
export function createCtcBeam(options: CtcBeamOptions = {}): CtcBeam {
  return startBeam(readBeamOptions(options, 'the options of createCtcBeam'))
}

/**
 * Returns the `best` (default 1, from 0 to 2^20) label sequences of `rows` with the highest scores, best first; see `createCtcBeam`. Throws
 * ERR_INVALID_ARGUMENT for invalid options or rows, ERR_INVALID_SHAPE if the blank is not one of the symbols, ERR_OUT_OF_RANGE for a NaN.
 *
 * @example
 * const [best] = ctcBeamSearch([[0, 2, 1], [0, 1, 2]], { width: 8 })
 * best.labels // Int32Array [1, 2]
 */
export function ctcBeamSearch(rows: LogitRows, options: CtcBeamOptions & { best?: number } = {}): CtcHypothesis[] {
  const { best, ...more } = readSearchOptions(options, 'the options of ctcBeamSearch')
  const beam = startBeam(more)
  for (const row of readLogitRows(rows, 'the rows')) beam.push(row)
  return beam.best(best)
}

function startBeam(options: CtcBeamOptions): CtcBeam {
  const search = new CtcSearch(options)
  return {
    push: (row) => search.push(numbers(row, 'the row')),
    get prefix() {
      return search.prefix
    },
    best: (count) => search.best(bestOf(count, 'count') ?? 1)
  }
}

/** The search with arguments that were checked. */
class CtcSearch {
  readonly #blank: number
  readonly #width: number
  readonly #prune: number
  readonly #scorer: Scorer | undefined
  #beam: Entry[]

  constructor({ blank = 0, width = 16, prune = 12, scorer }: CtcBeamOptions) {
    this.#blank = blank
    this.#width = width
    this.#prune = prune
    this.#scorer = scorer
    const root = new Prefix(null, -1)
    this.#beam = [{ prefix: root, token: null, blank: 0, label: -Infinity, bonus: 0, score: 0 }]
  }

  /** The labels of the first prefix of the beam. */
  get prefix(): Int32Array {
    return this.#beam[0]?.prefix.tokens() ?? new Int32Array(0)
  }

  /** Replaces the beam by the best prefixes after one step more. */
  push(logits: ArrayLike<number>): void {
    this.#expectBlank(logits.length)
    const nats = logSoftmax(logits)
    const stays = this.#stay(nats)
    const next = new Best<Entry>(this.#width)
    this.#grow(nats, stays, next)
    for (const stay of stays.values()) next.add({ ...stay, score: logAdd(stay.blank, stay.label) + stay.bonus })
    this.#beam = next.take().map((one) => ({ ...one, prefix: grown(one), token: null }))
    const kept = new Set(this.#beam.map(({ prefix }) => prefix))
    for (const prefix of stays.keys()) if (!kept.has(prefix)) prefix.release((other) => kept.has(other))
  }

  /** Returns the `count` sequences with the highest scores after the scorer has rated their ends. */
  best(count: number): CtcHypothesis[] {
    if (count === 0) return []
    const scorer = this.#scorer
    const ends = new Best<Entry>(count)
    for (const one of this.#beam)
      ends.add({ ...one, score: one.score + (scorer ? scorer.end(one.prefix.state(scorer)) : 0) })
    return ends.take().map(({ prefix, blank, label, score }) => ({
      labels: prefix.tokens(),
      logProbability: logAdd(blank, label),
      score
    }))
  }

  /** Returns each prefix of the beam with the nats of staying as it is: by a blank, or by a repetition of its last label. */
  #stay(nats: Float64Array): Map<Prefix, Entry> {
    const stays = new Map<Prefix, Entry>()
    for (const { prefix, blank, label, bonus } of this.#beam) {
      stays.set(prefix, {
        prefix,
        token: null,
        blank: logAdd(blank, label) + nats[this.#blank]!,
        label: prefix.parent ? label + nats[prefix.token]! : -Infinity,
        bonus,
        score: 0
      })
    }
    return stays
  }

  /**
   * Adds the prefixes that are one label longer to `next`. If such a prefix is in the beam already, its nats are added to its entry in
   * `stays` instead. A prefix that is not in the beam grows from only one prefix, so it is added once.
   */
  #grow(nats: Float64Array, stays: Map<Prefix, Entry>, next: Best<Entry>): void {
    const scorer = this.#scorer
    const open = opening(nats, this.#blank, this.#prune)
    for (const from of this.#beam) {
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
  }

  #expectBlank(symbols: number): void {
    const blank = this.#blank
    if (blank < symbols) return
    throw expected(
      'ERR_INVALID_SHAPE',
      `at least ${blank + 1} symbols a step, the blank ${blank} among them,`,
      String(symbols),
      'pass all logits of a step, or another blank'
    )
  }
}

/** Returns the labels within `prune` nats of the likeliest symbol. */
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
