// `gatecell caption`: captions of images.

import { openArrays } from '../../data/features/arrays.js'
import { MAX_VISION_BYTES, withoutVision, type VisionModel } from '../../data/features/vision.js'
import { allFeatures, checkFeatures, type FeatureShape } from '../../data/features/features.js'
import { decodeImage, MAX_IMAGE_BYTES, type Picture } from '../../data/images/decode.js'
import { expected } from '../../errors.js'
import { attentionPlacesSvg } from '../../plot/attention-places.js'
import type { Content, Values } from '../../settings/index.js'
import { contentName, openContent, readBytes } from '../contents.js'
import { drawsOf, foundLines } from '../search-settings.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { isFeatureFile } from './images.js'
import type { CaptionInput } from './inputs.js'
import { loadCaptioner, type LoadedCaptioner } from './load.js'
import type { ImageChoice } from './settings.js'
import type { captionRecords, captionSettings } from './use-settings.js'
import { notOfVision, openVisionOf } from './vision.js'

type CaptionVerbInput = Values<typeof captionSettings>
type CaptionRecord = RecordOf<typeof captionRecords>

/** Images that are captioned at once; an image that cannot be used ends the command after the captions of those before it. */
const PIECE = 32

/** Longer side in pixels of an image in a picture of the attention, about. */
const SHOWN_SIDE = 256

/** Most bytes of a file of features that a request holds. */
const MAX_FEATURE_BYTES = 2 ** 28

/** The code of `caption`. */
export const captionCode: VerbCode<LoadedCaptioner, CaptionVerbInput, CaptionRecord> = {
  load: loadCaptioner,
  async *run(captioner, input, { signal }) {
    if (input.attention) checkOne(input.images.length)
    const vision = await visionOf(input, captioner, signal)
    try {
      yield* recordsOf(captioner, input, { shown: input.attention === true, vision, signal })
    } finally {
      await vision?.close()
    }
  },
  show(record, { best, images }) {
    if (record.event === 'file') return {}
    const lines = foundLines(record.captions, best)
    const isOnly = images.length === 1 && record.image === contentName(images[0]!)
    return { lines: isOnly ? lines : lines.map((line) => `${record.image}: ${line}`) }
  }
}

async function* recordsOf(
  captioner: LoadedCaptioner,
  input: CaptionVerbInput,
  how: ReadHow
): AsyncGenerator<CaptionRecord> {
  const { beam, best, lengthPenalty, coveragePenalty, prune } = input
  const draws = drawsOf(input)
  const source = imagesOf(input.images, captioner, how)
  for (let first = 0, ended = false; !ended; first += PIECE) {
    const { taken, failure } = await take(source, PIECE)
    ended = taken.length < PIECE
    if (how.shown && taken.length > 0) checkOne(first + taken.length)
    const drawing = draws && { draws: { ...draws, first } }
    const options = { beam, best, lengthPenalty, coveragePenalty, prune, signal: how.signal, ...drawing }
    const found = await captioner.caption(taken.map((one) => one.input), options) // prettier-ignore
    for (const [i, captions] of found.entries()) {
      const { text, nats } = captions[0]!
      yield { event: 'caption', image: taken[i]!.name, text, nats, captions: captions.map((one) => ({ ...one })) }
    }
    failure?.()
    if (!how.shown || taken.length === 0) continue
    const content = await pictureOf(captioner, taken[0]!, { caption: found[0]![0]!.text, signal: how.signal })
    yield { event: 'file', name: 'attention', type: 'image/svg+xml', content }
  }
}

/** Throws ERR_INVALID_OPTION unless there is one image, of which a picture is drawn. */
function checkOne(images: number): void {
  if (images === 1) return
  throw expected('ERR_INVALID_OPTION', 'one image for a picture of the attention', `${images}`, 'give one')
}

/** An image that was read. */
interface ReadImage {
  readonly input: CaptionInput
  readonly name: string
  /** Decodes the image with about as many pixels as a picture shows; null for features, and if no picture is wanted. */
  readonly picture: (() => Promise<Picture>) | null
}

/** Options of reading images. */
interface ReadHow {
  /** Whether a picture of an image is wanted, for which its bytes are kept. */
  readonly shown: boolean
  /** The vision model that makes features of images; null: none. */
  readonly vision: VisionModel | null
  readonly signal: AbortSignal
}

/** Yields the images of contents, decoded, or their features: a file of features may have those of several images. */
async function* imagesOf(
  contents: readonly Content[],
  { config }: LoadedCaptioner,
  how: ReadHow
): AsyncGenerator<ReadImage> {
  const { features, image } = config
  for (const content of contents) {
    if (features && !how.vision) yield* featuresOf(content, features, how)
    else yield await pixelsOf(content, image, how)
  }
}

/** Opens the vision model of an input. Throws ERR_INVALID_OPTION unless captioner and input both have one, or neither has. */
async function visionOf(
  { onnx, images }: CaptionVerbInput,
  { config }: LoadedCaptioner,
  signal: AbortSignal
): Promise<VisionModel | null> {
  const { vision: wanted } = config
  if (!onnx) {
    const areFeatures = images.every((one) => !('path' in one) || isFeatureFile(one.path))
    if (wanted && !areFeatures) throw withoutVision(wanted)
    return null
  }
  if (!wanted) throw notOfVision()
  const { bytes, name } = await readBytes(onnx, { maxBytes: MAX_VISION_BYTES, signal })
  return await openVisionOf(bytes, name, wanted)
}

async function pixelsOf(
  content: Content,
  { width, height, fit }: ImageChoice,
  { shown, vision, signal }: ReadHow
): Promise<ReadImage> {
  const { bytes, name } = await readBytes(content, { maxBytes: MAX_IMAGE_BYTES, signal })
  const decoded = async (scale: number) =>
    await decodeImage(bytes, { width: scale * width, height: scale * height, fit, name })
  const scale = Math.max(1, Math.round(SHOWN_SIDE / Math.max(width, height)))
  const picture = await decoded(1)
  const input = vision ? await vision.features(picture.rgb, { width, height }) : picture
  return { input, name, picture: shown ? async () => await decoded(scale) : null }
}

async function* featuresOf(content: Content, wanted: FeatureShape, { signal }: ReadHow): AsyncGenerator<ReadImage> {
  const file = await openArrays(await openContent(content, { maxBytes: MAX_FEATURE_BYTES, signal }))
  try {
    for (const [name, one] of allFeatures(file, wanted)) {
      checkFeatures(one.shape, wanted, one.where)
      const { rows, columns, width } = wanted
      yield { input: { shape: [rows, columns, width], values: await one.read() }, name, picture: null }
    }
  } finally {
    await file.close()
  }
}

/** Returns the next `most` images before the first one that cannot be used, and a function that throws the error of that one. */
async function take(source: AsyncGenerator<ReadImage>, most: number) {
  const taken: ReadImage[] = []
  try {
    while (taken.length < most) {
      const next = await source.next()
      if (next.done) break
      taken.push(next.value)
    }
  } catch (error) {
    const failure = (): never => {
      throw error
    }
    return { taken, failure }
  }
  return { taken }
}

/** Returns the picture of the attention: where the captioner looks in an image while it reads a caption. */
async function pictureOf(
  captioner: LoadedCaptioner,
  { input, picture }: ReadImage,
  { caption, signal }: { caption: string; signal: AbortSignal }
): Promise<string> {
  const places = await captioner.attention(input, { caption, signal })
  return attentionPlacesSvg({ ...places, ...(picture && { picture: await picture() }) }, { title: caption })
}
