// Samples and batches for a network that reads: features of the ink, and labels of the texts. The samples of a batch have about the same
// length. In training each sample is varied again in every epoch, by draws that depend only on (seed, epoch, sample).

import { createDataset } from '../../data/batching/dataset.js'
import { ctcNeeds } from '../../generate/decode/ctc-length.js'
import { INK_FEATURES, inkFeatures, layPoints, shapeOf, type InkVariation } from '../../data/ink/features.js'
import { countPoints, type Ink, type Stroke } from '../../data/ink/strokes.js'
import type { Vocabulary } from '../../data/text/vocabulary.js'
import { expected, type GatecellError } from '../../errors.js'
import { f32, i32 } from '../../model.js'
import { createRandom } from '../../random.js'
import type { EpochSource } from '../../data/batching/source.js'
import { inkDatasetOptions, type InkSourceOptions } from '../ink/training.js'
import { readNormalisation } from '../ink/config.js'
import { idsOf, makeSamples, textOf } from '../ink/samples.js'
import type { RecognitionConfig } from './config.js'
import { readerVocabularies } from './labels.js'

/** A sample of ink with a text, as a reader is trained and measured on it. */
export interface LabelledInk {
  readonly ink: Ink
  /** The ink with noise, skew, slant and size taken out. */
  readonly shape: readonly Stroke[]
  readonly text: string
  /** Ids of the text's symbols in the reader's vocabulary, in which id 0 is the blank. */
  readonly labels: Int32Array
  /** Number of points after resampling without variation. */
  readonly steps: number
}

type Preparation = Pick<RecognitionConfig, 'normalisation' | 'augmentation'>

/**
 * Prepares samples for the training or the measurement of a reader: normalises the ink and encodes the texts. `vocabulary` is that of the
 * reader or the run, which has the blank; `how` is the configuration. Throws ERR_INVALID_INK for ink without a text or that is not usable,
 * ERR_UNKNOWN_SYMBOL for a symbol that the vocabulary does not have, and ERR_TARGET_TOO_LONG if a text needs more steps than its ink has
 * points; if `onBad` is given, it takes these errors and the samples are left out. Throws ERR_INVALID_ARGUMENT for a vocabulary without the
 * blank.
 *
 * @example
 * const samples = labelInk(await readInk(['words.ndjson']), reader.vocabulary, reader.config)
 * const { cer } = await measureRecognition(reader.model, reader.config, samples)
 */
export function labelInk(
  samples: readonly Ink[],
  readerVocabulary: Vocabulary,
  how: Pick<RecognitionConfig, 'normalisation'>,
  onBad?: (error: GatecellError) => void
): LabelledInk[] {
  const vocabulary = readerVocabularies.checkVocabulary(readerVocabulary, 'vocabulary')
  const normalisation = readNormalisation(how, 'the configuration')
  const label = (ink: Ink): LabelledInk => {
    const text = textOf(ink)
    const labels = idsOf(text, vocabulary, ink.source)
    const shape = shapeOf(ink, normalisation)
    const steps = countPoints(layPoints(shape, normalisation, ink.source))
    const needs = ctcNeeds(labels)
    if (needs > steps) throw tooLong(ink, needs, steps)
    return { ink, shape, text, labels, steps }
  }
  return makeSamples(samples, label, onBad)
}

function tooLong(ink: Ink, needs: number, steps: number): GatecellError {
  return expected(
    'ERR_TARGET_TOO_LONG',
    `at least ${needs} points to read the text of ${ink.source} from`,
    `ink of ${steps}`,
    'take a smaller step of the resampling, or leave the sample out (onBad)'
  )
}

/** Returns the features of one sample: varied for the given epoch of a training, without variation if `epoch` is null. */
function featuresOf(sample: LabelledInk, index: number, epoch: number | null, seed: number, how: Preparation) {
  const { normalisation, augmentation } = how
  const features = (variation?: InkVariation) =>
    inkFeatures(layPoints(sample.shape, normalisation, sample.ink.source, variation), normalisation)
  if (epoch === null) return features()
  const random = createRandom(seed, `ink ${index} of epoch ${epoch}`)
  const varied = features({ augmentation, random })
  // If the variation leaves fewer points than the text needs under CTC, the sample is taken without variation.
  return varied.length / INK_FEATURES >= ctcNeeds(sample.labels) ? varied : features()
}

/** The tensors of the network in a batch, see model.ts. */
export const readerTensors = {
  inputs: { points: f32('length', 'batch', INK_FEATURES), lengths: i32('batch') },
  targets: { labels: i32('batch', 'labels'), labelLengths: i32('batch') }
}

/**
 * Returns batches of `samples`: points [T, B, F] (time-major, zeros after the end of a row), lengths [B], labels [B, maxTargetLength] and
 * labelLengths [B]; rows without a sample have the length 0. In training they are shuffled and varied in each epoch; otherwise there is one
 * pass in the order of the lengths.
 */
export function recognitionSource(
  samples: readonly LabelledInk[],
  how: Preparation,
  options: InkSourceOptions
): EpochSource {
  const common = inkDatasetOptions(samples, options)
  const { seed = 0, train } = options
  return createDataset({ definition: readerTensors }, samples, {
    ...common,
    dims: { ...common.dims, labels: options.maxTargetLength },
    lengths: { length: 'lengths', labels: 'labelLengths' },
    padding: { labels: 0 },
    prepare: (sample, { index, epoch }) => ({
      points: featuresOf(sample, index, train ? epoch : null, seed, how),
      labels: sample.labels
    })
  })
}
