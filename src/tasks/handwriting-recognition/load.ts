// A reader from its file: reads ink at once, or point by point while the pen moves.

import { optional, options as optionsOf, signal as signalOf } from '../../check/index.js'
import { inkFeatures, prepareStrokes } from '../../data/ink/features.js'
import { readInkSample, type Ink } from '../../data/ink/strokes.js'
import { createPace } from '../../data/files/pace.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/text/vocabulary.js'
import { createCtcBeam, ctcGreedy, rowsOf } from '../../generate/decode/ctc.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../runs/load.js'
import type { RecognitionConfig } from './config.js'
import { packRows } from './data.js'
import { BLANK, recognitionTask } from './model.js'
import {
  bestOf,
  createPenReader,
  pathNats,
  readFields,
  type PenReader,
  type Reading,
  type ReadOptions
} from './live-reader.js'

export interface LoadedReader extends LoadedModel<RecognitionConfig> {
  readonly vocabulary: Vocabulary
  /**
   * Reads ink, off the event loop or in slices of it, and returns the readings, best first. Throws ERR_INVALID_INK, and
   * ERR_ABORTED soon after `signal` aborts.
   */
  read(ink: Ink, options?: ReadOptions & { signal?: AbortSignal | undefined }): Promise<Reading[]>
  /** Returns the scores of every point, in one synchronous run: logits [points, V + 1], and the points as the network saw them. */
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

type ReadingOptions = ReadOptions & { signal?: AbortSignal | undefined }
const checkReading = optionsOf<ReadingOptions>({ ...readFields, best: bestOf, signal: optional(signalOf) })

function readerOf(loaded: LoadedModel<RecognitionConfig>): LoadedReader {
  const { model, config } = loaded
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  const decode = (labels: Int32Array) => vocabulary.decode(labels.map((label) => label - 1))

  /** Leases a plan with the features of `ink` as its inputs; `finish` takes the outputs after a run. */
  function prepare(sample: Ink) {
    const ink = readInkSample(sample, 'ink')
    const features = inkFeatures(prepareStrokes(ink, config.normalisation), config.normalisation)
    const { inputs, length } = packRows([features], [], 1, 1)
    const lease = model.lease({ length, batch: 1 }, { purpose: 'predict' })
    const { plan } = lease
    ;(plan.inputs['points'] as Float32Array).set(inputs.points)
    ;(plan.inputs['lengths'] as Int32Array).set(inputs.lengths)
    const finish = () => {
      const shape = plan.shapes.outputs['logits'] as [number, number, number]
      return { logits: (plan.outputs['logits'] as Float32Array).slice(), shape, steps: inputs.lengths[0]!, features }
    }
    return { lease, finish }
  }

  function scores(ink: Ink) {
    const { lease, finish } = prepare(ink)
    using _ = lease
    lease.plan.runSync()
    return finish()
  }

  async function scoresAsync(ink: Ink, signal: AbortSignal | undefined) {
    const { lease, finish } = prepare(ink)
    using _ = lease
    await lease.plan.run('forward', signal ? { signal } : {})
    return finish()
  }

  async function read(ink: Ink, options?: ReadingOptions): Promise<Reading[]> {
    const { beam = 0, scorer, best = 1, signal } = checkReading(options, 'the options of read')
    const { logits, shape, steps } = await scoresAsync(ink, signal)
    const pace = createPace(signal)
    const search =
      beam > 0 || scorer
        ? createCtcBeam({ blank: BLANK, ...(beam > 0 && { width: beam }), ...(scorer && { scorer }) })
        : null
    const labels: number[] = []
    let [before, nats] = [BLANK, 0]
    for (const row of rowsOf(logits, shape, 0, steps)) {
      if (search) search.push(row)
      else {
        const symbol = ctcGreedy([row], { blank: BLANK }).labels[0] ?? BLANK
        if (symbol !== BLANK && symbol !== before) labels.push(symbol)
        before = symbol
        nats += pathNats([row])
      }
      if (pace.due()) await pace.turn()
    }
    if (!search) return [{ text: decode(Int32Array.from(labels)), nats, score: nats }]
    const found = search.best(best)
    return found.map((one) => ({ text: decode(one.labels), nats: one.logProbability, score: one.score }))
  }

  return { ...loaded, vocabulary, read, scores, pen: (options) => createPenReader(model, config, options) }
}
