// Batches of captions with their images. A training varies pixels: shifted, lighter or darker, and mirrored on request. Features stay as they are.

import { createBuckets, paddedLength } from '../../data/batching/buckets.js'
import type { EpochSource } from '../../data/batching/source.js'
import { sampleSource } from '../../data/batching/sources.js'
import { createRandom } from '../../random.js'
import type { CaptionSample } from './data.js'
import type { ImageSize } from '../../layers/image-encoder.js'
import type { ImageValues } from './images.js'
import type { CaptionsTraining } from './settings.js'
import type { CaptionEnds } from './words.js'

/** The variation of one image. */
interface Variation {
  /** Pixels by which it is shifted to the right and down. */
  readonly right: number
  readonly down: number
  /** Factor of all pixels. */
  readonly light: number
  readonly mirrored: boolean
}

const AS_IS: Variation = { right: 0, down: 0, light: 1, mirrored: false }

/** Options of `captionBatches`. */
export interface CaptionBatchOptions {
  /** Most captions of a batch. */
  readonly batch: number
  /** Size of the images, as the network reads them. */
  readonly size: ImageSize
  /** Number of places of an image. */
  readonly places: number
  readonly ends: CaptionEnds
  /** Seed and variations of a training; null: one pass in the order of lengths, with images as they are. */
  readonly training: Pick<CaptionsTraining, 'seed' | 'shift' | 'brightness' | 'mirror'> | null
}

/** Writes an image [height, width, 3] as numbers from about -1 to 1 at `from` of `into`. */
function writeImage(
  rgb: Uint8Array,
  { width, height }: { width: number; height: number },
  { right, down, light, mirrored }: Variation,
  into: Float32Array,
  from: number
): void {
  const scale = light / 127.5
  let to = from
  for (let y = 0; y < height; y++) {
    const row = Math.min(height - 1, Math.max(0, y - down)) * width
    for (let x = 0; x < width; x++) {
      const moved = Math.min(width - 1, Math.max(0, x - right))
      const at = 3 * (row + (mirrored ? width - 1 - moved : moved))
      into[to++] = rgb[at]! * scale - 1
      into[to++] = rgb[at + 1]! * scale - 1
      into[to++] = rgb[at + 2]! * scale - 1
    }
  }
}

/** Writes an image as the numbers that the network reads at `from` of `into`: pixels from about -1 to 1, features as they are. */
function writeValues(values: ImageValues, size: ImageSize, variation: Variation, into: Float32Array, from: number) {
  if (values instanceof Float32Array) into.set(values, from)
  else writeImage(values, size, variation, into, from)
}

/** Returns the number of values of an image. */
const valuesOf = ({ width, height, depth }: ImageSize) => width * height * depth

/** Returns an image as the numbers that the network reads. */
export function imageNumbers(values: ImageValues, size: ImageSize): Float32Array {
  const numbers = new Float32Array(valuesOf(size))
  writeValues(values, size, AS_IS, numbers, 0)
  return numbers
}

/** Returns the variation of a sample in an epoch, a function of the seed. */
function variationOf(training: NonNullable<CaptionBatchOptions['training']>, epoch: number, index: number): Variation {
  const { seed, shift, brightness, mirror } = training
  const random = createRandom(seed, `image ${epoch} ${index}`)
  return {
    right: random.below(2 * shift + 1) - shift,
    down: random.below(2 * shift + 1) - shift,
    light: 1 + brightness * (2 * random.uniform() - 1),
    mirrored: mirror && random.below(2) === 1
  }
}

/**
 * Returns the tensors of a batch: the images [B, H, W, D] and their numbers of places [B], `given` [T, B], the captions after the begin token, which
 * the decoder reads, and `next` [T, B], the captions followed by the end token, -1 after it. Images are varied by `variation`, by default not at all.
 */
export function packCaptions(
  samples: readonly CaptionSample[],
  { ends, size, places, batch }: Omit<CaptionBatchOptions, 'training'>,
  variation: (row: number) => Variation = () => AS_IS
) {
  const length = paddedLength(samples.reduce((most, { ids }) => Math.max(most, ids.length), 0) + 1)
  const each = valuesOf(size)
  const images = new Float32Array(each * batch)
  const [given, next] = [new Int32Array(length * batch), new Int32Array(length * batch).fill(-1)]
  const lengths = new Int32Array(batch)
  for (const [row, { values, ids }] of samples.entries()) {
    writeValues(values, size, variation(row), images, row * each)
    lengths[row] = ids.length + 1
    for (let t = 0; t <= ids.length; t++) {
      given[t * batch + row] = t === 0 ? ends.begin : ids[t - 1]!
      next[t * batch + row] = t === ids.length ? ends.end : ids[t]!
    }
  }
  const count = lengths.reduce((sum, own) => sum + own, 0)
  const inputs = { images, places: new Int32Array(batch).fill(places), given, lengths, next }
  return { inputs, dims: { length, batch }, count }
}

/** Returns batches of samples of about equal lengths. A batch is a function of the seed and its position. */
export function captionBatches(samples: readonly CaptionSample[], options: CaptionBatchOptions): EpochSource {
  const { training } = options
  const batch = Math.min(options.batch, Math.max(1, samples.length))
  const lengths = samples.map(({ ids }) => ids.length + 1)
  const buckets = createBuckets(lengths, { batch, shuffle: training !== null, seed: training?.seed ?? 0 })
  const dims = { length: paddedLength(lengths.reduce((most, own) => Math.max(most, own), 0)), batch }
  return sampleSource(buckets, { dims, train: training !== null }, (indices, epoch) =>
    packCaptions(
      indices.map((i) => samples[i]!),
      { ...options, batch },
      (row) =>
        // prettier-ignore
        training && epoch !== null ? variationOf(training, epoch, indices[row]!) : AS_IS
    )
  )
}
