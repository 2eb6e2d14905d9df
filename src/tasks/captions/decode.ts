// The search for captions: images are encoded together, and the hypotheses of all of them are rows of one plan.

import type { Hypothesis } from '../../generate/decode/beam-types.js'
import { beginDecoder, sessionTemplates } from '../../generate/decoder-session.js'
import { partOfModel } from '../../generate/model-part.js'
import { stepTogether } from '../../generate/session.js'
import type { Model } from '../../model.js'
import { ATTENTION_WEIGHTS } from '../attention-weights.js'
import { searchRows, searchTogether, type SequenceSearch } from '../search.js'
import { imageNumbers } from './batches.js'
import type { CaptionsConfig } from './config.js'
import type { ImageValues } from './images.js'
import { captionDecoder, captionEncoder, imageSizeOf, placesOf } from './model.js'
import { captionWordsOf } from './words.js'

/** Most rows of a plan: the hypotheses of all images that are captioned at once. */
const ROWS = 128

/** Most numbers of the features of all rows, because each hypothesis has those of its image. */
const ROW_NUMBERS = 2 ** 24

/** A function that returns the best captions of each image, the best one first. Throws ERR_ABORTED if the signal aborts. */
export type CaptionDecoding = (images: readonly ImageValues[], options: SequenceSearch) => Promise<Hypothesis[][]>

/** Returns the function that finds captions with a model, from images to ids of the words. */
export function createCaptionDecoding(model: Model, config: CaptionsConfig): CaptionDecoding {
  const { words } = config
  const { vocabulary } = captionWordsOf(words)
  const { rows, columns, width } = placesOf(config)
  const places = rows * columns
  const size = imageSizeOf(config)
  const encoder = sessionTemplates(partOfModel(model, captionEncoder(config)))
  const decoder = sessionTemplates(partOfModel(model, captionDecoder(config)), {
    inputs: { tokens: [vocabulary.idOf('begin')], places: [places] },
    outputs: ['logits', ATTENTION_WEIGHTS]
  })
  const end = vocabulary.idOf('end')
  const search = async (images: readonly ImageValues[], first: number, options: SequenceSearch) => {
    const encoded = await stepTogether(
      images.map(() => encoder({})),
      images.map((values) => ({ images: imageNumbers(values, size) })),
      { signal: options.signal }
    )
    const searched = {
      sessions: encoded.map((outputs) => beginDecoder(decoder({}), outputs)),
      places: Array.from(images, (_, i) => first + i),
      end,
      maxLengths: images.map(() => 2 * words.longest),
      attention: { name: ATTENTION_WEIGHTS, lengths: images.map(() => places) }
    }
    return await searchTogether(searched, options)
  }
  return async (images, options) => {
    const room = Math.min(ROWS, Math.floor(ROW_NUMBERS / (places * width)))
    const together = Math.max(1, Math.floor(room / searchRows(options)))
    const found: Hypothesis[][] = []
    for (let at = 0; at < images.length; at += together)
      found.push(...(await search(images.slice(at, at + together), at, options)))
    return found
  }
}
