// Where a captioner looks: the weights of the attention over the places of an image while it reads a caption of it.

import type { Model } from '../../model.js'
import { weightsOfBatch } from '../attention-weights.js'
import { packCaptions } from './batches.js'
import type { CaptionsConfig } from './config.js'
import type { CaptionSample } from './data.js'
import { imageSizeOf, placesOf } from './model.js'
import { captionEnds } from './words.js'

/** Where a captioner looks while it writes a caption. */
export interface CaptionAttention {
  /** The words of the caption and the name of the end token, [T]. */
  readonly words: readonly string[]
  /** Rows of the places of the image, from the top. */
  readonly rows: number
  /** Columns of the places, from the left. */
  readonly columns: number
  /** For each word the weights of the places, [T] rows of [rows * columns], each with the sum 1, row by row from the top. */
  readonly weights: readonly Float32Array[]
}

/** Returns for each word of a sample and for its end the weights of the places of its image. Throws ERR_ABORTED if the signal aborts. */
export async function captionWeights(
  model: Model,
  config: CaptionsConfig,
  sample: CaptionSample,
  signal?: AbortSignal
): Promise<Float32Array[]> {
  const { rows, columns } = placesOf(config)
  const places = rows * columns
  const options = { batch: 1, size: imageSizeOf(config), places, ends: captionEnds(config.words) }
  const weights = await weightsOfBatch(model, packCaptions([sample], options), signal)
  return Array.from({ length: sample.ids.length + 1 }, (_, t) => weights.slice(t * places, (t + 1) * places))
}
