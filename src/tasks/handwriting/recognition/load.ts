// A reader from its file: reads ink at once, or point by point while the pen moves.

import { createInkReader, INK_FEATURES, inkFeatures, prepareStrokes } from '../../../data/ink/features.js'
import type { Ink } from '../../../data/ink/strokes.js'
import { vocabularyFromConfig, type Vocabulary } from '../../../data/vocabulary.js'
import { GatecellError } from '../../../errors.js'
import type { Device } from '../../../graph/opcodes.js'
import type { Precision } from '../../../graph/plan.js'
import { readCheckpointInfo, type CheckpointInfo } from '../../../io/checkpoint.js'
import type { Model } from '../../../model.js'
import { createCtcBeam, ctcBeamSearch, ctcGreedy, rowsOf } from '../../../sample/ctc.js'
import type { Scorer } from '../../../sample/scorers.js'
import { loadWeights } from '../../run-files.js'
import { recognitionConfigFromJson, type RecognitionConfig } from './config.js'
import { packRows } from './data.js'
import { BLANK, recognitionModel, RECOGNITION_TASK } from './model.js'

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

export interface LoadedReader extends Disposable {
  readonly model: Model
  readonly vocabulary: Vocabulary
  readonly config: RecognitionConfig
  readonly info: CheckpointInfo
  /** Reads ink; the readings, best first. */
  read(ink: Ink, options?: ReadOptions): Reading[]
  /** Scores of every point: logits [points, V + 1], and the points as the network saw them. */
  scores(ink: Ink): { logits: Float32Array; shape: [number, number, number]; steps: number; features: Float32Array }
  /** Begins to read while the pen moves. ERR_UNSUPPORTED for a network of both directions. */
  pen(options?: Omit<ReadOptions, 'best'>): PenReader
  dispose(): void
}

export interface LoadReaderOptions {
  threads?: number
  precision?: Precision
  /** Default 'cpu'. */
  device?: Device
}

/** Loads a reader. ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_WRONG_TASK. */
export async function loadReader(path: string, options: LoadReaderOptions = {}): Promise<LoadedReader> {
  const header = await readCheckpointInfo(path, { task: RECOGNITION_TASK })
  const config = recognitionConfigFromJson(header.config, path)
  // One sample at a time has a barrier in every step: one thread is the fastest there.
  const { threads = 1, precision = 'f32', device = 'cpu' } = options
  const model = recognitionModel(config, { training: false, initialize: false, threads, precision, device })
  let info: CheckpointInfo
  try {
    info = await loadWeights(model, path, RECOGNITION_TASK)
  } catch (error) {
    model.dispose()
    throw error
  }
  return readerOf(model, config, info)
}

function readerOf(model: Model, config: RecognitionConfig, info: CheckpointInfo): LoadedReader {
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  const decode = (labels: Int32Array) => vocabulary.decode(labels.map((label) => label - 1))

  function scores(ink: Ink) {
    const features = inkFeatures(prepareStrokes(ink, config.normalisation), config.normalisation)
    const { inputs, length } = packRows([features], [], 1, 1)
    const plan = model.plan({ length, batch: 1, labels: 1 }, { purpose: 'predict' })
    ;(plan.inputs['points'] as Float32Array).set(inputs.points)
    ;(plan.inputs['lengths'] as Int32Array).set(inputs.lengths)
    plan.resetStates()
    plan.runSync()
    const shape = plan.shapes.outputs['logits'] as [number, number, number]
    return { logits: plan.outputs['logits'] as Float32Array, shape, steps: inputs.lengths[0]!, features }
  }

  function read(ink: Ink, { beam = 0, scorer, best = 1 }: ReadOptions = {}): Reading[] {
    const { logits, shape, steps } = scores(ink)
    const rows = () => rowsOf(logits, shape, 0, steps)
    if (beam === 0 && !scorer) {
      const path = ctcGreedy(rows(), { blank: BLANK })
      const nats = pathNats(rows())
      return [{ text: decode(path.labels), nats, score: nats }]
    }
    const found = ctcBeamSearch(rows(), {
      blank: BLANK,
      ...(beam > 0 && { width: beam }),
      ...(scorer && { scorer }),
      best
    })
    return found.map(({ labels, logProbability, score }) => ({ text: decode(labels), nats: logProbability, score }))
  }

  function pen({ beam = 0, scorer }: Omit<ReadOptions, 'best'> = {}): PenReader {
    if (config.network.bidirectional) {
      throw new GatecellError(
        'ERR_UNSUPPORTED',
        'Expected a network that reads forwards alone to read while the pen moves but this one reads both ways: train it with --forward.'
      )
    }
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
        return search
          .best(count)
          .map((one) => ({ text: decode(one.labels), nats: one.logProbability, score: one.score }))
      }
    }
  }

  return {
    model,
    vocabulary,
    config,
    info,
    read,
    scores,
    pen,
    dispose: () => model.dispose(),
    [Symbol.dispose]: () => model.dispose()
  }
}

/** Nats of the best path. */
function pathNats(rows: Iterable<ArrayLike<number>>): number {
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
