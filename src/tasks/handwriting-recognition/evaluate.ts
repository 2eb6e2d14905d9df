// The measure of a reader: character error rate by greedy decoding, the share of samples read without an error, and nats per
// sample.

import { vocabularyFromConfig } from '../../data/text/vocabulary.js'
import { callback, int32Array, integer, list, open, optional, string } from '../../check/index.js'
import { options as optionsOf, signal as signalOf } from '../../check/index.js'
import { readInkSample, readStrokes } from '../../data/ink/strokes.js'
import { GatecellError } from '../../errors.js'
import { throwIfAborted } from '../../graph/abort.js'
import { checkModel, type Model } from '../../model.js'
import { ctcGreedy, rowsOf } from '../../generate/decode/ctc.js'
import { writeBatch } from '../../data/batching/source.js'
import { editDistance } from '../../metrics/edit-distance.js'
import { recognitionSource, type LabelledInk } from './data.js'
import { readRecognitionConfig, type RecognitionConfig } from './config.js'
import { BLANK } from './model.js'

export interface RecognitionMeasure {
  samples: number
  /** Edits from what was read to what was written, per symbol written. */
  cer: number
  /** Share of the samples that were read without an error. */
  exact: number
  /** Symbols read, right or wrong, per symbol written; near 0 for a reader that has not begun to read. */
  symbolsRead: number
  /** Mean nats per sample. */
  nats: number
  /** What was read, in the order of the samples. */
  read: string[]
  seconds: number
}

const BATCH = 16

export interface MeasureRecognitionOptions {
  signal?: AbortSignal | undefined
  /** Called after each batch with the share that is done. */
  onProgress?: (done: number) => void
}

/**
 * Reads `samples` with the weights as they are at the beginning; a fit of the model waits meanwhile. Throws ERR_CORPUS_EMPTY for
 * no samples, ERR_ABORTED.
 */
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
    throw new GatecellError(
      'ERR_CORPUS_EMPTY',
      'Expected at least one sample to read but there is none: add ink with texts.'
    )
  return model.parameters.operations.reading(options.signal, () => measure(model, config, samples, options))
}

async function measure(
  model: Model,
  config: RecognitionConfig,
  samples: readonly LabelledInk[],
  options: MeasureRecognitionOptions
): Promise<RecognitionMeasure> {
  const begin = performance.now()
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  const columns = samples.reduce((most, { labels }) => Math.max(most, labels.length), 1)
  const source = recognitionSource(samples, config, { batch: BATCH, train: false, columns })
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
    source.indices(step).forEach((index, b) => {
      const sample = samples[index]!
      const { labels } = ctcGreedy(rowsOf(logits, shape, b, lengths[b]), { blank: BLANK })
      const errors = editDistance(labels, sample.labels)
      edits += errors
      symbols += sample.labels.length
      symbolsRead += labels.length
      if (errors === 0) exact++
      read[index] = vocabulary.decode(labels.map((label) => label - 1))
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
