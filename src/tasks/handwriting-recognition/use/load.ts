// A reader from its file, which reads whole samples of ink, or point by point while the pen moves.

import { made, optional, options as optionsOf, signal as signalOf } from '../../../check/index.js'
import { createPace } from '../../../data/files/pace.js'
import type { Ink } from '../../../data/ink/strokes.js'
import type { Vocabulary } from '../../../data/text/vocabulary.js'
import { rowsOf } from '../../../generate/decode/ctc.js'
import type { CheckpointFile } from '../../../io/checkpoint.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../../runs/load.js'
import type { RecognitionConfig } from '../config.js'
import { readerVocabularies } from '../labels.js'
import { createPenReader, type PenReader } from './live-reader.js'
import { recognitionTask } from '../model.js'
import { scoresOf, scoresOfAsync, type ReaderScores } from './scores.js'
import { bestOf, createTextSearch, readFields, type Reading, type ReadOptions } from './search.js'

/** A reader that was loaded from a file. */
export interface LoadedReader extends LoadedModel<RecognitionConfig> {
  /** The vocabulary of its labels: the blank of CTC as id 0, then the symbols that it can read. */
  readonly vocabulary: Vocabulary
  /**
   * Reads ink and returns the readings, best first. The network runs on the engine's thread; the search takes turns of some milliseconds of
   * the event loop. Throws ERR_INVALID_INK for ink that is not usable, ERR_INVALID_ARGUMENT for invalid options, and ERR_ABORTED soon after
   * `signal` aborts.
   */
  read(ink: Ink, options?: ReadOptions & { signal?: AbortSignal | undefined }): Promise<Reading[]>
  /**
   * Returns the outputs of the network for every point of the resampled ink, in one run on the caller's thread. Throws ERR_INVALID_INK, and
   * ERR_BUSY while a step of a fit of the model is under way.
   */
  scores(ink: Ink): ReaderScores
  /** Begins to read while the pen moves; see `createPenReader`. Throws ERR_UNSUPPORTED if the network reads in both directions. */
  pen(options?: Omit<ReadOptions, 'best'>): PenReader
}

/** Options of `loadReader`. The default of `threads` is 1. */
export type LoadReaderOptions = LoadOptions

/**
 * Loads a reader from the model file of a training. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged,
 * and ERR_WRONG_TASK if it is a model of another task.
 *
 * @example
 * using reader = await loadReader('reader.safetensors')
 * const ink = createInk([[[0, 0], [4, 10], [8, 0]], [[2, 4], [6, 4]]])
 * const [reading] = await reader.read(ink)
 * console.log(reading.text)
 */
export async function loadReader(
  source: string | CheckpointFile,
  options: LoadReaderOptions = {}
): Promise<LoadedReader> {
  // One sample at a time has a barrier in every step: one thread is the fastest there.
  return readerOf(await loadModel(recognitionTask, source, options, () => 1))
}

type ReadingOptions = ReadOptions & { signal?: AbortSignal | undefined }
const checkReading = optionsOf<ReadingOptions>({ ...readFields, best: bestOf, signal: optional(signalOf) })

function readerOf(loaded: LoadedModel<RecognitionConfig>): LoadedReader {
  const { model, config } = loaded
  const vocabulary = readerVocabularies.of(config)
  const reader: LoadedReader = {
    ...loaded,
    vocabulary,
    async read(ink, options) {
      const { best = 1, signal, ...how } = checkReading(options, 'the options of read')
      const { logits, shape, steps } = await scoresOfAsync(loaded, ink, signal)
      const pace = createPace(signal)
      const search = createTextSearch(vocabulary, how)
      for (const row of rowsOf(logits, shape, 0, steps)) {
        search.push(row)
        if (pace.due()) await pace.turn()
      }
      return search.best(best)
    },
    scores: (ink) => scoresOf(loaded, ink),
    pen: (options) => createPenReader(model, config, options)
  }
  readers.add(reader)
  return reader
}

const readers = new WeakSet<LoadedReader>()

/** Checks that a value is a reader that `loadReader` returned. */
export const checkReader = made<LoadedReader>('a reader that loadReader returned', readers)
