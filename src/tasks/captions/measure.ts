// The measure of a captioner: BLEU and CIDEr-D of its captions against all captions of each image, and the probability of these captions.

import { ciderD, tokenizeCaption } from '../../metrics/captions/cider.js'
import { bleu, type Bleu } from '../../metrics/translation/bleu.js'
import type { BleuTokenizer } from '../../metrics/translation/tokenizers.js'
import type { Model } from '../../model.js'
import type { CaptionsConfig } from './config.js'
import type { CaptionImage } from './data.js'
import { captionInput } from './inputs.js'
import { captionerOf } from './load.js'
import { sampleNats } from './score.js'

/** Options of `measureCaptioner`. */
export interface CaptionMeasureOptions {
  /** Width of the beam search, from 1 on. */
  readonly beam: number
  /** Exponent of the length penalty; default 0. */
  readonly lengthPenalty?: number
  /** Factor of the coverage penalty; default 0. */
  readonly coveragePenalty?: number
  /** Most nats by which a followed hypothesis is below the best one of its length, from 0 to 1e6; default 3 (see `BeamOptions`). */
  readonly prune?: number
  /** Tokeniser of BLEU; default '13a'. */
  readonly tokenizer?: BleuTokenizer
  readonly signal?: AbortSignal | undefined
  /** Called with the finished share, 0 to 1. */
  readonly onProgress?: (done: number) => void
}

/** The measure of a captioner. */
export interface CaptionMeasure {
  readonly images: number
  /** Number of captions of all images. */
  readonly captions: number
  /** BLEU with the orders 1 to 4; `bleus[n - 1]` has the orders up to n. */
  readonly bleu: Bleu
  readonly bleus: readonly number[]
  /** CIDEr-D, 0 to 10. */
  readonly cider: number
  /** Share of the captions that have the words of a caption of their image, 0 to 1. */
  readonly exact: number
  /** Nats of all captions of the images by the number of their words and ends, and by the number of captions. */
  readonly natsPerWord: number
  readonly natsPerCaption: number
  /** Number of captions that were cut off before their end. */
  readonly unfinished: number
  readonly seconds: number
  /** The best caption of each image. */
  readonly texts: readonly string[]
}

/** Images that are captioned between two reports of progress. */
const PIECE = 128

/** Returns BLEU with the orders up to 1, 2, 3 and 4: the brevity penalty times the geometric mean of the precisions. */
function bleusOf({ precisions, brevityPenalty }: Bleu): number[] {
  return precisions.map((_, i) => {
    const own = precisions.slice(0, i + 1)
    return own.includes(0)
      ? 0
      : brevityPenalty * Math.exp(own.reduce((sum, one) => sum + Math.log(one), 0) / own.length)
  })
}

/** Measures a captioner: captions each image and compares the caption with those of the image. Throws ERR_ABORTED. */
export async function measureCaptioner(
  model: Model,
  config: CaptionsConfig,
  images: readonly CaptionImage[],
  options: CaptionMeasureOptions
): Promise<CaptionMeasure> {
  const { tokenizer = '13a', onProgress, ...search } = options
  const begin = performance.now()
  const { caption, words } = captionerOf(model, config)
  const best: { text: string; ended: boolean }[] = []
  for (let at = 0; at < images.length; at += PIECE) {
    const own = images.slice(at, at + PIECE).map(({ values }) => captionInput(values, config))
    for (const [first] of await caption(own, search)) best.push(first!)
    onProgress?.(best.length / images.length)
  }
  const texts = best.map(({ text }) => text)
  const plain = (text: string) => words.wordsOf(text).join(' ')
  const lower = config.words.vocabulary.kind === 'word' && config.words.vocabulary.lowerCase
  const references = images.map(({ captions }) => captions.map((one) => (lower ? one.toLowerCase() : one)))
  const samples = images.flatMap(({ captions, values, mark }) =>
    captions.map((text) => ({ values, mark, ids: words.encode(text) }))
  )
  const nats = (await sampleNats(model, config, samples, search.signal)).reduce((sum, one) => sum + one, 0)
  const count = samples.reduce((sum, { ids }) => sum + ids.length + 1, 0)
  const found = bleu(texts, references, { tokenizer })
  const pairs = texts.map((text, i) => ({ caption: tokenizeCaption(text), references: references[i]!.map(tokenizeCaption) })) // prettier-ignore
  return {
    images: images.length,
    captions: samples.length,
    bleu: { ...found, signature: lower ? found.signature.replace('case:mixed', 'case:lc') : found.signature },
    bleus: bleusOf(found),
    cider: ciderD(pairs),
    exact: texts.filter((text, i) => references[i]!.some((one) => plain(one) === plain(text))).length / texts.length,
    natsPerWord: nats / count,
    natsPerCaption: nats / samples.length,
    unfinished: best.filter(({ ended }) => !ended).length,
    seconds: (performance.now() - begin) / 1000,
    texts
  }
}
