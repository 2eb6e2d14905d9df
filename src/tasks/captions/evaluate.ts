// Evaluation of a captioner's file on images with captions.

import { expected } from '../../errors.js'
import { duration, grouped, nats, percent } from '../../format.js'
import { counted } from '../../errors.js'
import type { Values } from '../../settings/index.js'
import { leavingOut } from '../left-out.js'
import type { ModelInput, TaskContext, TaskMeasurement } from '../task.js'
import { haveParts, partOfImage, readCaptionImages, captionReadingOf } from './data.js'
import { loadCaptioner } from './load.js'
import { measureCaptioner, type CaptionMeasure } from './measure.js'
import type { captionsEvaluationSettings } from './use-settings.js'
import { visionOfReading } from './vision.js'

/** Returns the values, facts and lines of a measure. */
export function describeCaptions(measure: CaptionMeasure): TaskMeasurement {
  const { bleu, bleus, cider, exact, natsPerWord, natsPerCaption, images, captions, unfinished, seconds } = measure
  const [one, two, three, four] = bleus as [number, number, number, number]
  return {
    values: {
      bleu_4: four,
      bleu_1: one,
      bleu_2: two,
      bleu_3: three,
      cider_d: cider,
      exact,
      nats_per_word: natsPerWord,
      nats_per_caption: natsPerCaption
    },
    facts: { images, captions, unfinished, signature: bleu.signature, seconds },
    lines: [
      `BLEU-1 to 4 ${bleus.map((value) => value.toFixed(1)).join(', ')}; CIDEr-D ${cider.toFixed(3)}; ${percent(exact)} equal to a caption of the image`,
      `${nats(natsPerWord)} nats per word, ${nats(natsPerCaption)} per caption`,
      `${counted(images, 'image')} with ${counted(captions, 'caption')}, ${grouped(unfinished)} cut off, in ${duration(seconds)}`
    ]
  }
}

/**
 * Measures a captioner on files of captions. Throws the errors of `loadCaptioner` and `readCaptionImages`, ERR_CORPUS_EMPTY if the settings leave no
 * image, and ERR_ABORTED.
 */
export async function evaluateCaptions(
  { model: file, words: names, options }: ModelInput<Values<typeof captionsEvaluationSettings>>,
  { output, progress, signal }: TaskContext
): Promise<TaskMeasurement> {
  const { part, beam, lengthPenalty, coveragePenalty, prune, tokenizer, skipBad, device = 'auto' } = options
  using captioner = await loadCaptioner(file, { device })
  const { model, config } = captioner
  const left = leavingOut(skipBad)
  const reading = {
    ...captionReadingOf(options),
    signal,
    ...(left.onBad && { onBad: left.onBad }),
    onProgress: (done: number) => progress.show('reading images', done)
  }
  const vision = await visionOfReading(reading, config.vision ?? null)
  const form = { image: config.image, features: config.features ?? null, vision }
  const { images: found } = await readCaptionImages(names, form, reading).finally(() => vision?.close())
  const hasParts = haveParts(found)
  const wanted = part ?? (hasParts ? 'test' : 'all')
  const images = found.filter((one) => wanted === 'all' || partOfImage(one, hasParts, config.sets.valid) === wanted)
  left.tell(output, images.length)
  if (images.length === 0)
    throw expected('ERR_CORPUS_EMPTY', `images of the part "${wanted}" in ${names.join(', ').slice(0, 200)}`, 'none', 'choose another part') // prettier-ignore
  const measure = await measureCaptioner(model, config, images, {
    beam,
    lengthPenalty,
    coveragePenalty,
    prune,
    tokenizer,
    signal,
    onProgress: (done) => progress.show('captioning', done)
  })
  progress.clear()
  const { values, facts, lines = [] } = describeCaptions(measure)
  return {
    values,
    facts: { ...facts, part: wanted, beam, left_out: left.leftOut(images.length) },
    lines: [...lines, `${measure.bleu.signature} for BLEU`]
  }
}
