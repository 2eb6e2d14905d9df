// Batches for a reading network: ink to features, texts to labels, sequences of about one length side by side. In training
// each sample is varied again in every epoch, by draws that depend only on (seed, epoch, sample).

import { createBuckets, paddedLength } from '../../data/batching/buckets.js'
import { ctcNeeds } from '../../generate/decode/ctc-length.js'
import { INK_FEATURES, inkFeatures, layPoints, shapeOf, type InkVariation } from '../../data/ink/features.js'
import { countPoints, type Ink, type Stroke } from '../../data/ink/strokes.js'
import { checkVocabulary, type Vocabulary } from '../../data/text/vocabulary.js'
import { GatecellError } from '../../errors.js'
import { createRandom } from '../../random.js'
import { sampleSource, type EpochSource } from '../../data/batching/source.js'
import type { InkSourceOptions } from '../ink/application.js'
import { readNormalisation } from '../ink/config.js'
import { idsOf, makeSamples, textOf } from '../ink/samples.js'
import type { RecognitionConfig } from './config.js'

/** A sample as a network is trained and measured on it. */
export interface LabelledInk {
  readonly ink: Ink
  /** The ink with noise, skew, slant and size taken out. */
  readonly shape: readonly Stroke[]
  readonly text: string
  /** Ids of the symbols plus one: 0 is the blank. */
  readonly labels: Int32Array
  /** Points as they are resampled without variation. */
  readonly steps: number
}

type Preparation = Pick<RecognitionConfig, 'normalisation' | 'augmentation'>

/**
 * Judges samples. ERR_INVALID_INK without a text, ERR_UNKNOWN_SYMBOL, ERR_TARGET_TOO_LONG where the text needs more steps
 * than the ink has points; `onBad` takes them instead and the sample is left out.
 */
export function labelInk(
  samples: readonly Ink[],
  vocabulary: Vocabulary,
  how: Pick<RecognitionConfig, 'normalisation'>,
  onBad?: (error: GatecellError) => void
): LabelledInk[] {
  checkVocabulary(vocabulary, 'vocabulary')
  const normalisation = readNormalisation(how, 'the configuration')
  const label = (ink: Ink): LabelledInk => {
    const text = textOf(ink)
    const labels = encodeText(text, ink, vocabulary)
    const shape = shapeOf(ink, normalisation)
    const steps = countPoints(layPoints(shape, normalisation, ink.source))
    const needs = ctcNeeds(labels)
    if (needs > steps) throw tooLong(ink, needs, steps)
    return { ink, shape, text, labels, steps }
  }
  return makeSamples(samples, label, onBad)
}

function encodeText(text: string, ink: Ink, vocabulary: Vocabulary): Int32Array {
  try {
    return idsOf(text, vocabulary).map((id) => id + 1)
  } catch (error) {
    if (!(error instanceof GatecellError)) throw error
    throw new GatecellError(error.code, `${error.message.replace(/\.?$/, '')} (${ink.source}).`, { cause: error })
  }
}

function tooLong(ink: Ink, needs: number, steps: number): GatecellError {
  return new GatecellError(
    'ERR_TARGET_TOO_LONG',
    `Expected at least ${needs} points to read the text of ${ink.source} from but its ink has ${steps}: take a smaller step of the resampling, or leave the sample out (onBad).`
  )
}

/** Features of one sample: varied in training (epoch 0, 1 ...), plain where `epoch` is null. */
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

export interface LabelledSource extends EpochSource {
  /** Indices of the samples of one step of the first epoch, for those who look at outputs. */
  indices(step: number): readonly number[]
}

export function recognitionSource(
  samples: readonly LabelledInk[],
  how: Preparation,
  { batch, seed = 0, shortFirst = 0, train, columns }: InkSourceOptions
): LabelledSource {
  const lengths = samples.map(({ steps }) => steps)
  const buckets = createBuckets(lengths, { batch, seed, shuffle: train, shortFirst: train ? shortFirst : 0 })
  const dimsOf = (length: number) => ({ length, batch, labels: columns })
  const dims = dimsOf(paddedLength(lengths.reduce((most, length) => Math.max(most, length), 1)))
  const source = sampleSource(buckets, { dims, train }, (indices, epoch) => {
    const rows = indices.map((i) => featuresOf(samples[i]!, i, epoch, seed, how))
    const labels = indices.map((i) => samples[i]!.labels)
    const { inputs, length, count } = packRows(rows, labels, batch, columns)
    return { inputs, count, dims: dimsOf(length) }
  })
  return { ...source, indices: (step) => buckets.samples({ epoch: 0, step }) }
}

/** Rows side by side, time-major, zeros after their ends; rows that are missing have no steps. */
export function packRows(rows: readonly Float32Array[], labels: readonly Int32Array[], batch: number, columns: number) {
  const steps = rows.map((row) => row.length / INK_FEATURES)
  const length = paddedLength(steps.reduce((most, count) => Math.max(most, count), 1))
  const points = new Float32Array(length * batch * INK_FEATURES)
  rows.forEach((row, b) => {
    for (let t = 0; t < steps[b]!; t++) {
      const at = (t * batch + b) * INK_FEATURES
      points.set(row.subarray(t * INK_FEATURES, (t + 1) * INK_FEATURES), at)
    }
  })
  const lengths = new Int32Array(batch)
  lengths.set(steps)
  const targets = new Int32Array(batch * columns)
  const labelLengths = new Int32Array(batch)
  labels.forEach((row, b) => {
    targets.set(row, b * columns)
    labelLengths[b] = row.length
  })
  const count = steps.reduce((sum, value) => sum + value, 0)
  return { inputs: { points, lengths, labels: targets, labelLengths }, length, count }
}
