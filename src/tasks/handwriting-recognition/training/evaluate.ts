// The measure of a reader on samples of ink: character error rate of the best path, share of samples that were read without an error, and
// nats per sample.

import { callback, int32Array, integer, list, open, optional, string } from '../../../check/index.js'
import { options as optionsOf, signal as signalOf } from '../../../check/index.js'
import { readInkSample, readStrokes } from '../../../data/ink/strokes.js'
import { expected } from '../../../errors.js'
import { throwIfAborted } from '../../../graph/abort.js'
import { operationsOf } from '../../../graph/parameters.js'
import { checkModel, type Model } from '../../../model.js'
import { ctcGreedy, rowsOf } from '../../../generate/decode/ctc.js'
import { writeBatch } from '../../../data/batching/source.js'
import { editDistance } from '../../../metrics/edit-distance.js'
import { recognitionSource, type LabelledInk } from '../data.js'
import { readRecognitionConfig, type RecognitionConfig } from '../config.js'
import { readerVocabularies } from '../labels.js'

/** The measure of a reader on samples of ink. */
export interface RecognitionMeasure {
  /** Number of the samples. */
  samples: number
  /** Character error rate: edits (insertions, deletions, substitutions) from the readings to the texts, per symbol of the texts. */
  cer: number
  /** Share of the samples that were read without an error, from 0 to 1. */
  exact: number
  /** Number of symbols read, right or wrong, per symbol of the texts; near 0 for a reader that has not begun to read. */
  symbolsRead: number
  /** Mean loss of connectionist temporal classification, in nats per sample. */
  nats: number
  /** The readings, in the order of the samples. */
  read: string[]
  /** Duration of the measurement in seconds. */
  seconds: number
}

const BATCH = 16

/** Options of `measureRecognition`. */
export interface MeasureRecognitionOptions {
  /** Signal that aborts the measurement between two batches. */
  signal?: AbortSignal | undefined
  /** Called after each batch with the share that is done, from 0 to 1. */
  onProgress?: (done: number) => void
}

const readSamples = list(
  open<LabelledInk>({
    ink: readInkSample,
    shape: readStrokes,
    text: string,
    labels: int32Array(),
    steps: integer(0)
  })
)
const readMeasureOptions = optionsOf<MeasureRecognitionOptions>({
  signal: optional(signalOf),
  onProgress: optional(callback())
})

/**
 * Reads samples by the best path and compares the readings with the texts. `modelConfig` is the configuration of `model`; `labelInk` makes
 * the samples. The weights are those at the beginning; a fit of the model waits meanwhile. Throws ERR_CORPUS_EMPTY without samples,
 * ERR_ABORTED if the signal aborts, ERR_INVALID_ARGUMENT for arguments of other types.
 *
 * @example
 * const samples = labelInk(await readInk(['words.ndjson']), reader.vocabulary, reader.config)
 * const { cer, exact } = await measureRecognition(reader.model, reader.config, samples)
 */
export async function measureRecognition(
  model: Model,
  modelConfig: RecognitionConfig,
  inks: readonly LabelledInk[],
  measureOptions: MeasureRecognitionOptions = {}
): Promise<RecognitionMeasure> {
  checkModel(model, 'model')
  const config = readRecognitionConfig(modelConfig, 'config')
  const samples = readSamples(inks, 'the samples')
  const options = readMeasureOptions(measureOptions, 'the options')
  if (samples.length === 0)
    throw expected('ERR_CORPUS_EMPTY', 'at least one sample to read', 'none', 'add ink with texts')
  return operationsOf(model.parameters).reading(options.signal, () => measure(model, config, samples, options))
}

async function measure(
  model: Model,
  config: RecognitionConfig,
  samples: readonly LabelledInk[],
  options: MeasureRecognitionOptions
): Promise<RecognitionMeasure> {
  const begin = performance.now()
  const vocabulary = readerVocabularies.of(config)
  const blank = vocabulary.idOf('blank')
  const maxTargetLength = samples.reduce((most, { labels }) => Math.max(most, labels.length), 1)
  const source = recognitionSource(samples, config, { batch: BATCH, train: false, maxTargetLength })
  const read = new Array<string>(samples.length)
  let [edits, symbols, symbolsRead, exact, nats, step] = [0, 0, 0, 0, 0, 0]
  for await (const batch of source.batches()) {
    throwIfAborted(options.signal)
    using lease = model.lease(batch.dims!, { purpose: 'evaluate', outputs: ['logits'] })
    const { plan } = lease
    writeBatch(plan.inputs, batch)
    await plan.run('forward')
    const { logits, loss } = plan.outputs as { logits: Float32Array; loss: Float32Array }
    const shape = plan.shapes.outputs['logits'] as [number, number, number]
    const lengths = batch.inputs['lengths']!
    nats += loss[0]! * loss[1]!
    batch.samples!.forEach((index, b) => {
      const sample = samples[index]!
      const { labels } = ctcGreedy(rowsOf(logits, shape, b, lengths[b]), { blank })
      const errors = editDistance(labels, sample.labels)
      edits += errors
      symbols += sample.labels.length
      symbolsRead += labels.length
      if (errors === 0) exact++
      read[index] = vocabulary.decode(labels)
    })
    step++
    options.onProgress?.(step / source.stepsPerEpoch)
  }
  const seconds = (performance.now() - begin) / 1000
  const { length } = samples
  return {
    samples: length,
    cer: edits / symbols,
    exact: exact / length,
    symbolsRead: symbolsRead / symbols,
    nats: nats / length,
    read,
    seconds
  }
}
