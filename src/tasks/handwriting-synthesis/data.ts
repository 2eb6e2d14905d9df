// Samples and batches for a network that writes: ink as offsets [dx, dy, end of stroke] of the pen, in standard deviations of the offsets of
// the training data, and texts as symbols for the window.

import { createDataset } from '../../data/batching/dataset.js'
import { prepareStrokes } from '../../data/ink/features.js'
import { countPoints, type Ink, type Stroke } from '../../data/ink/strokes.js'
import type { Vocabulary } from '../../data/text/vocabulary.js'
import { nullable } from '../../check/index.js'
import { expected, type GatecellError } from '../../errors.js'
import { f32, i32, type Specs } from '../../model.js'
import { createRandom } from '../../random.js'
import type { Batch, EpochSource } from '../../data/batching/source.js'
import { inkDatasetOptions, type InkSourceOptions } from '../ink/training.js'
import { readNormalisation } from '../ink/config.js'
import { makeSamples, textOf } from '../ink/samples.js'
import type { SynthesisConfig } from './config.js'
import { writerVocabularies, windowSymbols } from './symbols.js'

/** A sample of ink, as a writer is trained and measured on it. */
export interface WrittenInk {
  readonly ink: Ink
  /** The text; '' for a network that draws without a text. */
  readonly text: string
  /** Ids of the text's symbols in the writer's vocabulary, then the id of its end; empty for a network that draws without a text. */
  readonly symbols: Int32Array
  /** Number of offsets after resampling without variation: one less than the points. */
  readonly steps: number
}

type Preparation = Pick<SynthesisConfig, 'normalisation' | 'augmentation' | 'deviation'>

/**
 * Prepares samples for the training or the measurement of a writer. `vocabulary` is that of the writer or the run, which has the end of a
 * text; null, for a network that draws, ignores the texts. `how` is the configuration. Throws ERR_INVALID_INK for ink that is not usable, has
 * fewer than two points after resampling, or lacks a text, and ERR_UNKNOWN_SYMBOL for a symbol that the vocabulary does not have; if `onBad`
 * is given, it takes these errors and the samples are left out. Throws ERR_INVALID_ARGUMENT for a vocabulary without the end.
 *
 * @example
 * const samples = writtenInk(await readInk(['words.ndjson']), writer.vocabulary, writer.config)
 * const { nats } = await measureSynthesis(writer.model, writer.config, samples)
 */
export function writtenInk(
  samples: readonly Ink[],
  writerVocabulary: Vocabulary | null,
  how: Pick<SynthesisConfig, 'normalisation'>,
  onBad?: (error: GatecellError) => void
): WrittenInk[] {
  const vocabulary = nullable(writerVocabularies.checkVocabulary)(writerVocabulary, 'vocabulary')
  const normalisation = readNormalisation(how, 'the configuration')
  const write = (ink: Ink): WrittenInk => {
    const text = vocabulary ? textOf(ink) : ''
    const symbols = vocabulary ? windowSymbols(text, vocabulary) : new Int32Array(0)
    const steps = countPoints(prepareStrokes(ink, normalisation)) - 1
    if (steps >= 1) return { ink, text, symbols, steps }
    throw expected(
      'ERR_INVALID_INK',
      `at least two points after resampling in ${ink.source}`,
      'fewer',
      'take a smaller step of the resampling, or leave the sample out'
    )
  }
  return makeSamples(samples, write, onBad)
}

/**
 * Returns the offsets [points, 3] of strokes: dx and dy, divided by `deviation`, and 1 at the last point of a stroke, 0 at the others. The
 * first offset is 0.
 */
export function inkOffsets(strokes: readonly Stroke[], deviation: number): Float32Array {
  const offsets = new Float32Array(3 * countPoints(strokes))
  let at = 0
  let [x0, y0] = [strokes[0]!.x[0]!, strokes[0]!.y[0]!]
  for (const { x, y } of strokes) {
    for (let i = 0; i < x.length; i++, at += 3) {
      offsets.set([(x[i]! - x0) / deviation, (y[i]! - y0) / deviation, i === x.length - 1 ? 1 : 0], at)
      ;[x0, y0] = [x[i]!, y[i]!]
    }
  }
  return offsets
}

/** Returns the standard deviation of the offsets of all samples, of dx and dy together, around 0; 1 if all offsets are 0. */
export function offsetDeviation(samples: readonly WrittenInk[], how: Pick<SynthesisConfig, 'normalisation'>): number {
  let [sum, count] = [0, 0]
  for (const { ink } of samples) {
    const offsets = inkOffsets(prepareStrokes(ink, how.normalisation), 1)
    for (let i = 3; i < offsets.length; i += 3) sum += offsets[i]! ** 2 + offsets[i + 1]! ** 2
    count += 2 * (offsets.length / 3 - 1)
  }
  return Math.sqrt(sum / Math.max(count, 1)) || 1
}

/** Returns the mean number of points of a symbol, without the ends of the texts; 1 without texts. */
export function pointsPerSymbol(samples: readonly WrittenInk[]): number {
  const total = (count: (sample: WrittenInk) => number) => samples.reduce((sum, sample) => sum + count(sample), 0)
  const symbols = total((sample) => Math.max(0, sample.symbols.length - 1))
  return symbols > 0 ? total(({ steps }) => steps) / symbols : 1
}

/** Returns the offsets of one sample, varied if `draw` is given: a function of its seed, epoch and index. */
export function offsetsOf(
  sample: WrittenInk,
  how: Preparation,
  draw?: { seed: number; epoch: number; index: number } | null
) {
  const plain = () => inkOffsets(prepareStrokes(sample.ink, how.normalisation), how.deviation)
  if (!draw) return plain()
  const random = createRandom(draw.seed, `ink ${draw.index} of epoch ${draw.epoch}`)
  const strokes = prepareStrokes(sample.ink, how.normalisation, { augmentation: how.augmentation, random })
  return countPoints(strokes) > 1 ? inkOffsets(strokes, how.deviation) : plain()
}

/** Returns the tensors of the network in a batch, see model.ts. `text`: whether it writes texts. */
export function writerTensors(text: boolean): { inputs: Specs; targets: Specs } {
  const window: Specs = text ? { symbols: i32('batch', 'symbols'), textLengths: i32('batch') } : {}
  return {
    inputs: { points: f32('length', 'batch', 3), ...window },
    targets: {
      next: f32('length', 'batch', 3),
      weights: f32('length', 'batch'),
      last: i32('length', 'batch'),
      perPoint: f32(2)
    }
  }
}

/** Label of the points at which no stroke ends: cross entropy ignores them. */
const NO_END = -1

/**
 * Returns batches of whole samples: points [T, B, 3] and the points that follow, next [T, B, 3], with weights [T, B] that are 0 after the end
 * of a sample; last [T, B], which is 1 at the end of the last stroke, 0 at the ends of other strokes and NO_END elsewhere; perPoint [2]; and,
 * with texts, symbols [B, maxTargetLength] and textLengths [B]. In training they are shuffled and varied in each epoch; otherwise there is one pass
 * in the order of the lengths.
 */
export function synthesisSource(
  samples: readonly WrittenInk[],
  how: Preparation,
  options: InkSourceOptions
): EpochSource {
  const common = inkDatasetOptions(samples, options)
  const { seed = 0, train, maxTargetLength } = options
  const text = maxTargetLength > 0
  return createDataset({ definition: writerTensors(text) }, samples, {
    ...common,
    dims: { ...common.dims, ...(text && { symbols: maxTargetLength }) },
    weights: 'weights',
    // A row without a sample has one symbol, because the window needs at least one.
    ...(text && { lengths: { symbols: 'textLengths' }, padding: { textLengths: 1 } }),
    whole: { perPoint },
    prepare(sample, { index, epoch }) {
      const row = offsetsOf(sample, how, train ? { seed, epoch, index } : null)
      return { ...targetsOf(row), ...(text && { symbols: sample.symbols }) }
    }
  })
}

/** Returns the points of a sample that the network reads, and its targets. */
function targetsOf(row: Float32Array) {
  const [points, next] = [row.subarray(0, row.length - 3), row.subarray(3)]
  const steps = points.length / 3
  const last = Int32Array.from({ length: steps }, (_, t) => (next[3 * t + 2] === 0 ? NO_END : Number(t === steps - 1)))
  return { points, next, last }
}

/**
 * Returns the factor that converts the mean of the loss over ends of strokes to one over points, and 0, because the count of the loss is that
 * of the points already.
 */
function perPoint({ inputs, count }: Pick<Batch, 'inputs'> & { count: number }): Float32Array {
  const strokes = (inputs['last'] as Int32Array).reduce((sum, label) => sum + Number(label !== NO_END), 0)
  return Float32Array.of(strokes / count, 0)
}
