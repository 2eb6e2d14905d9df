// A captioner from its file: images in, captions out, and the probability of given captions.

import { list, optional, options as optionsOf, signal as signalOf, string } from '../../check/index.js'
import { expected } from '../../errors.js'
import type { CheckpointFile } from '../../io/checkpoint.js'
import type { Model } from '../../model.js'
import { givenFields, withDefaults } from '../../settings/index.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../runs/load.js'
import { checkDraws, numberedDraws, type TextDraws } from '../search.js'
import { captionWeights, type CaptionAttention } from './attention.js'
import type { CaptionsConfig } from './config.js'
import { createCaptionDecoding, type CaptionDecoding } from './decode.js'
import type { ImageValues } from './images.js'
import { valuesOfInput, valuesOfInputs, type CaptionInput } from './inputs.js'
import { captionsTask, placesOf } from './model.js'
import { sampleNats } from './score.js'
import { captionSearchSettings } from './use-settings.js'
import { captionEnds, captionWordsOf, type CaptionWords } from './words.js'

/** A caption of an image. */
export interface Caption {
  readonly text: string
  /** Negative logarithm of its probability, in nats. */
  readonly nats: number
  /** The number by which captions are ordered: the logarithm of the probability, divided by the length penalty. */
  readonly score: number
  /** Whether it ends with the end token; false if it was cut off at twice the words of the longest caption of the training. */
  readonly ended: boolean
}

/** Options of `Captioner.caption`. */
export interface CaptionOptions {
  /** Width of the beam search, from 1 to 128; default 1, which is greedy. */
  readonly beam?: number
  /** Most captions of an image, from 1 to 128, at most `beam`; default 1. */
  readonly best?: number
  /** Exponent of the length penalty (Wu et al. 2016), from 0 to 10; default 0, which has no effect. A larger one prefers longer captions. */
  readonly lengthPenalty?: number
  /** Factor of the coverage penalty (Wu et al. 2016), from 0 to 100; default 0, which has no effect. */
  readonly coveragePenalty?: number
  /** Most nats by which a followed hypothesis is below the best one of its length, from 0 to 1e6; default 3 (see `BeamOptions`). */
  readonly prune?: number
  /** Draws `best` captions instead of searching for them. Default: a search. */
  readonly draws?: TextDraws
  readonly signal?: AbortSignal | undefined
}

/** Options of `Captioner.attention`. */
export interface AttentionOfCaptionOptions extends Omit<CaptionOptions, 'best' | 'draws'> {
  /** A caption of the image; default: the one that `caption` finds. */
  readonly caption?: string
}

/** A captioner of images. */
export interface Captioner {
  readonly words: CaptionWords
  /**
   * Returns the best captions of each image, the best one first. Throws the errors of `decodeImage` for bytes of images and ERR_FILE_FORMAT for bytes
   * that are not features, ERR_INVALID_SHAPE for a picture or features of another size than that of the network, and ERR_ABORTED.
   */
  caption(images: readonly CaptionInput[], options?: CaptionOptions): Promise<Caption[][]>
  /**
   * Returns the nats of each caption, given the image at the same place: minus the logarithm of the probability of the whole caption, its end
   * included. Words that the model does not have are its unknown word. Throws the errors of `caption`, and ERR_INVALID_ARGUMENT for another number
   * of captions.
   */
  score(
    images: readonly CaptionInput[],
    captions: readonly string[],
    options?: { readonly signal?: AbortSignal | undefined }
  ): Promise<number[]>
  /**
   * Returns the weights of the attention over the places of an image while a caption of it is read. `attentionPlacesSvg` of gatecell/plot draws them.
   * Throws the errors of `caption`.
   */
  attention(image: CaptionInput, options?: AttentionOfCaptionOptions): Promise<CaptionAttention>
}

/** A captioner that was loaded from a file. */
export interface LoadedCaptioner extends LoadedModel<CaptionsConfig>, Captioner {}

/**
 * Loads a captioner. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a model of
 * another task.
 *
 * @example
 * using captioner = await loadCaptioner('photos.safetensors')
 * const [[best]] = await captioner.caption([await readFile('cat.jpg')], { beam: 3 })
 * console.log(best.text, best.nats)
 */
export async function loadCaptioner(
  source: string | CheckpointFile,
  options: LoadOptions = {}
): Promise<LoadedCaptioner> {
  const loaded = await loadModel(captionsTask, source, options, () => 1)
  return { ...loaded, ...captionerOf(loaded.model, loaded.config) }
}

const { best: bestOf, ...oneSearch } = givenFields(captionSearchSettings)
const searchFields = { ...oneSearch, signal: optional(signalOf) }
const readCaptionOptions = optionsOf<CaptionOptions>({ ...searchFields, best: bestOf, draws: optional(checkDraws) })
const readAttention = optionsOf<AttentionOfCaptionOptions>({ ...searchFields, caption: optional(string) })
const readScoreOptions = optionsOf<Pick<CaptionOptions, 'signal'>>({ signal: optional(signalOf) })

/** Returns a captioner that runs a model. */
export function captionerOf(model: Model, config: CaptionsConfig): Captioner {
  const words = captionWordsOf(config.words)
  const decoding = createCaptionDecoding(model, config)
  const search = async (images: readonly ImageValues[], { draws, signal, ...given }: CaptionOptions) => {
    const numbered = draws && numberedDraws(draws, Array.from(images.keys()))
    return await decoding(images, {
      ...withDefaults(captionSearchSettings, given),
      ...(numbered && { draws: numbered }),
      signal
    })
  }
  return {
    words,
    async caption(images, given = {}) {
      const options = readCaptionOptions(given, 'the options of caption')
      const found = await search(await valuesOfInputs(images, config), options)
      return found.map((own) => own.map((one) => captionOf(one, words)))
    },
    async score(images, captions, given = {}) {
      const { signal } = readScoreOptions(given, 'the options of score')
      const texts = list(string)(captions, 'the captions')
      const all = await valuesOfInputs(images, config)
      if (texts.length !== all.length)
        throw expected('ERR_INVALID_ARGUMENT', `${all.length} captions, one for each image,`, `${texts.length}`, 'repeat the images') // prettier-ignore
      const samples = all.map((values, i) => ({ values, mark: null, ids: words.encode(texts[i]!) }))
      return await sampleNats(model, config, samples, signal)
    },
    async attention(image, given = {}) {
      const { caption, ...options } = readAttention(given, 'the options of attention')
      const values = await valuesOfInput(image, config, 'the image')
      const ids = caption === undefined ? (await search([values], options))[0]![0]!.tokens : words.encode(caption)
      const weights = await captionWeights(
        model,
        config,
        { values, mark: null, ids: Int32Array.from(ids) },
        options.signal
      )
      const { rows, columns } = placesOf(config)
      const named = Array.from([...ids, captionEnds(config.words).end], (id) => words.vocabulary.symbol(id))
      return { words: named, rows, columns, weights }
    }
  }
}

type Found = Awaited<ReturnType<CaptionDecoding>>[number][number]

function captionOf({ tokens, logProbability, score, ended }: Found, words: CaptionWords): Caption {
  return { text: words.textOf(tokens), nats: 0 - logProbability, score, ended }
}
