// Reading while the pen moves: one step of the network for each point of the resampled path, its state carried on.

import { integer, optional, options as optionsOf } from '../../check/index.js'
import { createInkReader, INK_FEATURES } from '../../data/ink/features.js'
import { vocabularyFromConfig } from '../../data/text/vocabulary.js'
import { GatecellError } from '../../errors.js'
import { createSession } from '../../generate/session.js'
import { checkModel, type Model } from '../../model.js'
import { createCtcBeam, ctcGreedy } from '../../generate/decode/ctc.js'
import { readScorer, type Scorer } from '../../generate/scorers.js'
import { readRecognitionConfig, type RecognitionConfig } from './config.js'
import { BLANK } from './model.js'

export interface ReadOptions {
  /** Beam width; 0 (default) selects greedy (best path) decoding. */
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
  /**
   * Reads the pen's place [x, y] on the paper, in the units of the training data with y up, at the time `t` (default: the number
   * of points read so far). Throws ERR_INVALID_INK, and reads nothing, if a value is not a finite number within the limits of
   * ink, if the time falls within a stroke, or if the point lies so far from the last one that more than 1024 resampled points
   * would come. The pen stays usable after an error. If the model is busy (ERR_BUSY), an accepted point is read with the next call.
   */
  down(x: number, y: number, t?: number): void
  /** Ends the stroke. */
  up(): void
  /** What it has read so far. */
  readonly text: string
  /** The readings so far, best first. */
  best(count?: number): Reading[]
}

/** Checks of how a reader searches. */
export const readFields = { beam: optional(integer(0, 2 ** 20)), scorer: optional(readScorer) }
const readPenOptions = optionsOf<Omit<ReadOptions, 'best'>>(readFields)
export const bestOf = optional(integer(0, 2 ** 20))

/** Begins to read while the pen moves. ERR_UNSUPPORTED for a network of both directions. */
export function createPenReader(
  model: Model,
  readerConfig: RecognitionConfig,
  penOptions: Omit<ReadOptions, 'best'> = {}
): PenReader {
  checkModel(model, 'model')
  const config = readRecognitionConfig(readerConfig, 'config')
  const { beam = 0, scorer } = readPenOptions(penOptions, 'the options of the pen')
  if (config.network.bidirectional) {
    throw new GatecellError(
      'ERR_UNSUPPORTED',
      'Expected a network that reads forwards alone to read while the pen moves but this one reads both ways: train it with --forward.'
    )
  }
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  const decode = (labels: Int32Array) => vocabulary.decode(labels.map((label) => label - 1))
  const points = createInkReader(config.normalisation)
  const session = createSession(model, { inputs: { lengths: [1] }, outputs: ['logits'] })
  const search =
    beam > 0 || scorer
      ? createCtcBeam({ blank: BLANK, ...(beam > 0 && { width: beam }), ...(scorer && { scorer }) })
      : null
  const labels: number[] = []
  let [before, nats] = [BLANK, 0]
  const step = (row: Float32Array) => {
    const logits = session.stepSync({ points: row })['logits'] as Float32Array
    if (search) return search.push(logits)
    const { labels: found } = ctcGreedy([logits], { blank: BLANK })
    const symbol = found[0] ?? BLANK
    if (symbol !== BLANK && symbol !== before) labels.push(symbol)
    before = symbol
    nats += pathNats([logits])
  }
  // Rows that the network has not read yet: none between two calls, unless a step was refused because the model was busy.
  let pending = new Float32Array(0)
  const readRows = () => {
    while (pending.length > 0) {
      step(pending.subarray(0, INK_FEATURES))
      pending = pending.subarray(INK_FEATURES)
    }
  }
  const take = (rows: () => Float32Array) => {
    readRows()
    pending = new Float32Array(rows())
    readRows()
  }
  return {
    down: (x, y, t) => take(() => points.down(x, y, t)),
    up: () => take(() => points.up()),
    get text() {
      return decode(search ? search.prefix : Int32Array.from(labels))
    },
    best(wanted) {
      const count = bestOf(wanted, 'count') ?? 1
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
