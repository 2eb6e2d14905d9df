// The search for captions: images are encoded together, and the hypotheses of all of them are rows of one plan.

import { beamSearchTogether } from '../../generate/decode/beam-together.js'
import type { Hypothesis } from '../../generate/decode/beam-types.js'
import { beginDecoder, sessionTemplates } from '../../generate/decoder-session.js'
import { partOfModel } from '../../generate/model-part.js'
import { stepTogether } from '../../generate/session.js'
import type { Model } from '../../model.js'
import { imageNumbers } from './batches.js'
import type { CaptionsConfig } from './config.js'
import { captionDecoder, captionEncoder, placesOf } from './model.js'
import { captionWordsOf } from './words.js'

/** Options of captions. */
export interface CaptionOptions {
  /** Width of the beam search, 1 to 65,536; 1 (default) is greedy. */
  readonly beam?: number
  /** Most captions of an image that are returned, at most `beam`; default 1. */
  readonly best?: number
  /** Exponent of the length penalty, 0 to 100, see `BeamOptions`; default 0, which has no effect. */
  readonly lengthPenalty?: number
  readonly signal?: AbortSignal | undefined
}

/** Most rows of a plan: the hypotheses of all images that are captioned at once. */
const ROWS = 128

/** Most numbers of the features of all rows, because each hypothesis has those of its image. */
const ROW_NUMBERS = 2 ** 24

/** A function that returns the best captions of each image, the best one first. Throws ERR_ABORTED if the signal aborts. */
export type CaptionDecoding = (images: readonly Uint8Array[], options: CaptionOptions) => Promise<Hypothesis[][]>

/** Returns the function that finds captions with a model, from images [height, width, 3] to ids of the words. */
export function createCaptionDecoding(model: Model, config: CaptionsConfig): CaptionDecoding {
  const { image, words } = config
  const { vocabulary } = captionWordsOf(words)
  const { rows, columns, width } = placesOf(config)
  const encoder = sessionTemplates(partOfModel(model, captionEncoder(config)))
  const decoder = sessionTemplates(partOfModel(model, captionDecoder(config)), {
    inputs: { tokens: [vocabulary.idOf('begin')], places: [rows * columns] },
    outputs: ['logits']
  })
  const search = async (images: readonly Uint8Array[], options: CaptionOptions) => {
    const { beam = 1, best = 1, lengthPenalty = 0, signal } = options
    const encoded = await stepTogether(
      images.map(() => encoder({})),
      images.map((rgb) => ({ images: imageNumbers(rgb, image) })),
      { signal }
    )
    return await beamSearchTogether(
      encoded.map((outputs) => beginDecoder(decoder({}), outputs)),
      {
        end: vocabulary.idOf('end'),
        ends: 'leading',
        width: beam,
        best: Math.min(best, beam),
        lengthPenalty,
        maxLengths: images.map(() => 2 * words.longest),
        signal
      }
    )
  }
  return async (images, options) => {
    const room = Math.min(ROWS, Math.floor(ROW_NUMBERS / (rows * columns * width)))
    const together = Math.max(1, Math.floor(room / (options.beam ?? 1)))
    const found: Hypothesis[][] = []
    for (let at = 0; at < images.length; at += together)
      found.push(...(await search(images.slice(at, at + together), options)))
    return found
  }
}
