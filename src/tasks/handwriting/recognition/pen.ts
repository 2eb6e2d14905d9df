// Reading while the pen moves: one step of the network for each point of the resampled path, its state carried on.

import { createInkReader, INK_FEATURES } from '../../../data/ink/features.js'
import { vocabularyFromConfig } from '../../../data/vocabulary.js'
import { GatecellError } from '../../../errors.js'
import type { Model } from '../../../model.js'
import { createCtcBeam, ctcGreedy } from '../../../sample/ctc.js'
import type { Scorer } from '../../../sample/scorers.js'
import type { RecognitionConfig } from './config.js'
import { BLANK } from './model.js'

export interface ReadOptions {
  /** Prefixes that the beam search follows; 0 (default): the best path alone. */
  beam?: number
  /** What the beam search knows besides; see `lexicon` and `textScorer` of scorers.ts. Tokens are ids plus one. */
  scorer?: Scorer
  /** Readings returned at most; default 1. */
  best?: number
}

export interface Reading {
  text: string
  /** Nats of the reading under the network; of the best path where there is no beam. */
  nats: number
  /** With the scorer, where there is one. */
  score: number
}

/** Reading while the pen moves. */
export interface PenReader {
  /** The pen is on the paper at [x, y]. */
  down(x: number, y: number, t?: number): void
  /** The pen leaves the paper. */
  up(): void
  /** What it has read so far. */
  readonly text: string
  /** The readings so far, best first. */
  best(count?: number): Reading[]
}

/** Begins to read while the pen moves. ERR_UNSUPPORTED for a network of both directions. */
export function createPenReader(
  model: Model,
  config: RecognitionConfig,
  { beam = 0, scorer }: Omit<ReadOptions, 'best'> = {}
): PenReader {
  if (config.network.bidirectional) {
    throw new GatecellError(
      'ERR_UNSUPPORTED',
      'Expected a network that reads forwards alone to read while the pen moves but this one reads both ways: train it with --forward.'
    )
  }
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  const decode = (labels: Int32Array) => vocabulary.decode(labels.map((label) => label - 1))
  const points = createInkReader(config.normalisation)
  const plan = model.plan({ length: 1, batch: 1, labels: 1 }, { purpose: 'predict' })
  const states = Object.fromEntries(
    Object.entries(plan.states).map(([name, { length }]) => [name, new Float32Array(length)])
  )
  const search =
    beam > 0 || scorer
      ? createCtcBeam({ blank: BLANK, ...(beam > 0 && { width: beam }), ...(scorer && { scorer }) })
      : null
  const labels: number[] = []
  let [before, nats] = [BLANK, 0]
  ;(plan.inputs['lengths'] as Int32Array)[0] = 1
  const step = (row: Float32Array) => {
    for (const name in states) plan.states[name]!.set(states[name]!)
    ;(plan.inputs['points'] as Float32Array).set(row)
    plan.runSync()
    for (const name in states) states[name]!.set(plan.states[name]!)
    const logits = plan.outputs['logits'] as Float32Array
    if (search) return search.push(logits)
    const { labels: found } = ctcGreedy([logits], { blank: BLANK })
    const symbol = found[0] ?? BLANK
    if (symbol !== BLANK && symbol !== before) labels.push(symbol)
    before = symbol
    nats += pathNats([logits])
  }
  const readRows = (rows: Float32Array) => {
    for (let at = 0; at < rows.length; at += INK_FEATURES) step(rows.subarray(at, at + INK_FEATURES))
  }
  return {
    down: (x, y, t) => readRows(points.down(x, y, t)),
    up: () => readRows(points.up()),
    get text() {
      return decode(search ? search.prefix : Int32Array.from(labels))
    },
    best(count = 1) {
      if (!search) return [{ text: decode(Int32Array.from(labels)), nats, score: nats }]
      return search.best(count).map((one) => ({ text: decode(one.labels), nats: one.logProbability, score: one.score }))
    }
  }
}

/** Nats of the best path. */
export function pathNats(rows: Iterable<ArrayLike<number>>): number {
  let nats = 0
  for (const row of rows) {
    let most = -Infinity
    for (let k = 0; k < row.length; k++) most = Math.max(most, row[k]!)
    let sum = 0
    for (let k = 0; k < row.length; k++) sum += Math.exp(row[k]! - most)
    nats -= Math.log(sum)
  }
  return nats
}
