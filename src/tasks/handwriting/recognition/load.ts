// A reader from its file: reads ink at once, or point by point while the pen moves.

import { inkFeatures, prepareStrokes } from '../../../data/ink/features.js'
import type { Ink } from '../../../data/ink/strokes.js'
import { vocabularyFromConfig, type Vocabulary } from '../../../data/vocabulary.js'
import { ctcBeamSearch, ctcGreedy, rowsOf } from '../../../sample/ctc.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../../load.js'
import type { RecognitionConfig } from './config.js'
import { packRows } from './data.js'
import { BLANK, recognitionTask } from './model.js'
import { createPenReader, pathNats, type PenReader, type Reading, type ReadOptions } from './pen.js'

export interface LoadedReader extends LoadedModel<RecognitionConfig> {
  readonly vocabulary: Vocabulary
  /** Reads ink; the readings, best first. */
  read(ink: Ink, options?: ReadOptions): Reading[]
  /** Scores of every point: logits [points, V + 1], and the points as the network saw them. */
  scores(ink: Ink): { logits: Float32Array; shape: [number, number, number]; steps: number; features: Float32Array }
  /** Begins to read while the pen moves. ERR_UNSUPPORTED for a network of both directions. */
  pen(options?: Omit<ReadOptions, 'best'>): PenReader
}

export type LoadReaderOptions = LoadOptions

/** Loads a reader. ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_WRONG_TASK. */
export async function loadReader(path: string, options: LoadReaderOptions = {}): Promise<LoadedReader> {
  // One sample at a time has a barrier in every step: one thread is the fastest there.
  return readerOf(await loadModel(recognitionTask, path, options, () => 1))
}

function readerOf(loaded: LoadedModel<RecognitionConfig>): LoadedReader {
  const { model, config } = loaded
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  const decode = (labels: Int32Array) => vocabulary.decode(labels.map((label) => label - 1))

  function scores(ink: Ink) {
    const features = inkFeatures(prepareStrokes(ink, config.normalisation), config.normalisation)
    const { inputs, length } = packRows([features], [], 1, 1)
    using lease = model.lease({ length, batch: 1, labels: 1 }, { purpose: 'predict' })
    const { plan } = lease
    ;(plan.inputs['points'] as Float32Array).set(inputs.points)
    ;(plan.inputs['lengths'] as Int32Array).set(inputs.lengths)
    plan.runSync()
    const shape = plan.shapes.outputs['logits'] as [number, number, number]
    return { logits: (plan.outputs['logits'] as Float32Array).slice(), shape, steps: inputs.lengths[0]!, features }
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

  return { ...loaded, vocabulary, read, scores, pen: (options) => createPenReader(model, config, options) }
}
