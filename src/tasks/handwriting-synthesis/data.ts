// Ink as offsets of the pen, and batches of it: point [dx, dy, end of stroke], in deviations of the training data.

import { createBuckets, paddedLength } from '../../data/batching/buckets.js'
import { prepareStrokes } from '../../data/ink/features.js'
import { countPoints, type Ink, type Stroke } from '../../data/ink/strokes.js'
import { checkVocabulary, type Vocabulary } from '../../data/text/vocabulary.js'
import { nullable } from '../../check/index.js'
import { GatecellError } from '../../errors.js'
import { createRandom } from '../../random.js'
import { sampleSource, type EpochSource } from '../../data/batching/source.js'
import type { InkSourceOptions } from '../ink/application.js'
import { readNormalisation } from '../ink/config.js'
import { idsOf, makeSamples, textOf } from '../ink/samples.js'
import type { GenerationConfig } from './config.js'
import { END } from './model.js'

/** A sample as a writer is trained on it. */
export interface WrittenInk {
  readonly ink: Ink
  readonly text: string
  /** Ids plus one of the symbols, then END; empty where there is no text. */
  readonly symbols: Int32Array
  readonly steps: number
}

type Preparation = Pick<GenerationConfig, 'normalisation' | 'augmentation' | 'deviation'>

/** Judges samples; `vocabulary` null: texts are not looked at. ERR_INVALID_INK, ERR_UNKNOWN_SYMBOL; `onBad` takes them instead. */
export function writtenInk(
  samples: readonly Ink[],
  vocabulary: Vocabulary | null,
  how: Pick<GenerationConfig, 'normalisation'>,
  onBad?: (error: GatecellError) => void
): WrittenInk[] {
  nullable(checkVocabulary)(vocabulary, 'vocabulary')
  const normalisation = readNormalisation(how, 'the configuration')
  const write = (ink: Ink): WrittenInk => {
    const text = vocabulary ? textOf(ink) : ''
    const symbols = vocabulary ? symbolsOf(text, vocabulary) : new Int32Array(0)
    const steps = countPoints(prepareStrokes(ink, normalisation)) - 1
    if (steps >= 1) return { ink, text, symbols, steps }
    throw new GatecellError(
      'ERR_INVALID_INK',
      `Expected at least two points after resampling in ${ink.source} but found fewer: take a smaller step of the resampling, or leave the sample out.`
    )
  }
  return makeSamples(samples, write, onBad)
}

/** What the window looks at. ERR_UNKNOWN_SYMBOL names what the model cannot write. */
export function symbolsOf(text: string, vocabulary: Vocabulary): Int32Array {
  const ids = idsOf(text, vocabulary)
  const symbols = new Int32Array(ids.length + 1).fill(END)
  ids.forEach((id, i) => (symbols[i] = id + 1))
  return symbols
}

/** Offsets [points, 3] of strokes, the first one 0: dx, dy in deviations, 1 at the last point of a stroke. */
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

/** The standard deviation of the offsets of all samples, both ways together. */
export function offsetDeviation(samples: readonly WrittenInk[], how: Pick<GenerationConfig, 'normalisation'>): number {
  let [sum, count] = [0, 0]
  for (const { ink } of samples) {
    const offsets = inkOffsets(prepareStrokes(ink, how.normalisation), 1)
    for (let i = 3; i < offsets.length; i += 3) sum += offsets[i]! ** 2 + offsets[i + 1]! ** 2
    count += 2 * (offsets.length / 3 - 1)
  }
  return Math.sqrt(sum / Math.max(count, 1)) || 1
}

/** Points that a symbol takes on average; 1 where there are none. */
export function pointsPerSymbol(samples: readonly WrittenInk[]): number {
  const total = (count: (sample: WrittenInk) => number) => samples.reduce((sum, sample) => sum + count(sample), 0)
  const symbols = total((sample) => Math.max(0, sample.symbols.length - 1))
  return symbols > 0 ? total(({ steps }) => steps) / symbols : 1
}

/** Offsets of one sample; varied where a draw is given. */
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

/** Batches of whole samples: points and the ones that follow. */
export function generationSource(
  samples: readonly WrittenInk[],
  how: Preparation,
  { batch, seed = 0, shortFirst = 0, train, columns }: InkSourceOptions
): EpochSource {
  const lengths = samples.map(({ steps }) => steps)
  const buckets = createBuckets(lengths, { batch, seed, shuffle: train, shortFirst: train ? shortFirst : 0 })
  const dimsOf = (length: number) => ({ length, batch, ...(columns > 0 && { symbols: columns }) })
  const dims = dimsOf(paddedLength(lengths.reduce((most, length) => Math.max(most, length), 1)))
  return sampleSource(buckets, { dims, train }, (indices, epoch) => {
    const draw = (index: number) => (epoch === null ? null : { seed, epoch, index })
    const rows = indices.map((index) => offsetsOf(samples[index]!, how, draw(index)))
    const { inputs, length, count } = packOffsets(rows, batch)
    const texts = indices.map((i) => samples[i]!.symbols)
    const all = columns > 0 ? { ...inputs, ...packSymbols(texts, batch, columns) } : inputs
    return { inputs: all, count, dims: dimsOf(length) }
  })
}

/** Where no stroke ends, nobody asks whether it was the last one. */
const NO_END = -1

function packOffsets(rows: readonly Float32Array[], batch: number) {
  const steps = rows.map((row) => row.length / 3 - 1)
  const length = paddedLength(steps.reduce((most, count) => Math.max(most, count), 1))
  const points = new Float32Array(length * batch * 3)
  const next = new Float32Array(length * batch * 3)
  const weights = new Float32Array(length * batch)
  const last = new Int32Array(length * batch).fill(NO_END)
  let strokes = 0
  rows.forEach((row, b) => {
    for (let t = 0; t < steps[b]!; t++) {
      const at = t * batch + b
      points.set(row.subarray(3 * t, 3 * t + 3), 3 * at)
      next.set(row.subarray(3 * t + 3, 3 * t + 6), 3 * at)
      weights[at] = 1
      if (next[3 * at + 2] === 0) continue
      last[at] = t === steps[b]! - 1 ? 1 : 0
      strokes++
    }
  })
  const count = steps.reduce((sum, value) => sum + value, 0)
  // From a mean over ends of strokes to one over points; the number of points stays that of the points.
  const perPoint = new Float32Array([strokes / count, 0])
  return { inputs: { points, next, weights, last, perPoint }, length, count }
}

function packSymbols(texts: readonly Int32Array[], batch: number, columns: number) {
  const symbols = new Int32Array(batch * columns)
  // A row without a sample has one symbol: the window needs something to look at.
  const symbolCounts = new Int32Array(batch).fill(1)
  texts.forEach((text, b) => {
    symbols.set(text, b * columns)
    symbolCounts[b] = text.length
  })
  return { symbols, symbolCounts }
}
