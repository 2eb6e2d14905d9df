// Reading while the pen moves: one step of the network for each point of the resampled path, whose state is carried from step to step.

import { options as optionsOf } from '../../../check/index.js'
import { createInkReader, INK_FEATURES } from '../../../data/ink/features.js'
import { expected } from '../../../errors.js'
import { createSession } from '../../../generate/session.js'
import { checkModel, type Model } from '../../../model.js'
import { readRecognitionConfig, type RecognitionConfig } from '../config.js'
import { readerVocabularies } from '../labels.js'
import { bestOf, createTextSearch, readFields, type Reading, type ReadOptions } from './search.js'

/** A reading that follows the pen. */
export interface PenReader {
  /**
   * Reads the pen's place [x, y] on the paper, in the units of the training data with y up, at the time `t` (default: the number
   * of points read so far). Throws ERR_INVALID_INK, and reads nothing, if a value is not a finite number within the limits of
   * ink, if the time is less than that of the last point of the stroke, or if the point lies so far from the last one that more than 1024
   * resampled points would come. The pen stays usable after an error. If the model is busy (ERR_BUSY), an accepted point is read with the
   * next call.
   */
  down(x: number, y: number, t?: number): void
  /** Ends the stroke. Throws ERR_BUSY as `down` does. */
  up(): void
  /** The text of the best reading so far. */
  readonly text: string
  /** Returns at most `count` readings of the ink so far, best first; default 1, from 0 to 2^20. */
  best(count?: number): Reading[]
}

const readPenOptions = optionsOf<Omit<ReadOptions, 'best'>>(readFields)

/**
 * Begins to read while the pen moves, with a network of one direction. `readerConfig` is the configuration of `model`. Each point is read on
 * the caller's thread, in microseconds to milliseconds. Throws ERR_UNSUPPORTED if the network reads in both directions,
 * ERR_INVALID_ARGUMENT for invalid options.
 *
 * @example
 * const pen = createPenReader(reader.model, reader.config, { beam: 16 })
 * for (const [x, y] of [[0, 0], [4, 10], [8, 0]]) pen.down(x, y)
 * pen.up()
 * console.log(pen.text)
 */
export function createPenReader(
  model: Model,
  readerConfig: RecognitionConfig,
  penOptions: Omit<ReadOptions, 'best'> = {}
): PenReader {
  checkModel(model, 'model')
  const config = readRecognitionConfig(readerConfig, 'config')
  const options = readPenOptions(penOptions, 'the options of the pen')
  expectOneDirection(config)
  const points = createInkReader(config.normalisation)
  const session = createSession(model, { inputs: { lengths: [1] }, outputs: ['logits'] })
  const search = createTextSearch(readerVocabularies.of(config), options)
  // Rows that the network has not read yet: none between two calls, unless a step was refused because the model was busy.
  let pending = new Float32Array(0)
  const readRows = () => {
    while (pending.length > 0) {
      search.push(session.stepSync({ points: pending.subarray(0, INK_FEATURES) })['logits'] as Float32Array)
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
      return search.text
    },
    best: (count) => search.best(bestOf(count, 'count') ?? 1)
  }
}

/** Throws ERR_UNSUPPORTED for a network that needs the whole sample. */
function expectOneDirection({ network }: RecognitionConfig): void {
  if (!network.bidirectional) return
  throw expected(
    'ERR_UNSUPPORTED',
    'a network of one direction to read while the pen moves',
    'one of both directions',
    'train a network of one direction (network.bidirectional: false)'
  )
}
