// `gatecell caption`: captions of images.

import { decodeImage, MAX_IMAGE_BYTES, type Picture } from '../../data/images/decode.js'
import { expected } from '../../errors.js'
import { attentionPlacesSvg } from '../../plot/attention-places.js'
import type { Content, Values } from '../../settings/index.js'
import { readBytes } from '../contents.js'
import { drawsOf, foundLines } from '../search-settings.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { loadCaptioner, type LoadedCaptioner } from './load.js'
import type { captionRecords, captionSettings } from './use-settings.js'

type CaptionVerbInput = Values<typeof captionSettings>
type CaptionRecord = RecordOf<typeof captionRecords>

/** Images that are captioned at once; an image that cannot be used ends the command after the captions of those before it. */
const PIECE = 32

/** Longer side in pixels of an image in a picture of the attention, about. */
const SHOWN_SIDE = 256

/** The code of `caption`. */
export const captionCode: VerbCode<LoadedCaptioner, CaptionVerbInput, CaptionRecord> = {
  load: loadCaptioner,
  async *run(captioner, input, { signal }) {
    const { images, attention, beam, best, lengthPenalty, coveragePenalty } = input
    const draws = drawsOf(input)
    if (attention) checkOne(images)
    for (let at = 0; at < images.length; at += PIECE) {
      const { pictures, names, last, failure } = await read(images.slice(at, at + PIECE), captioner, signal)
      const drawing = draws && { draws: { ...draws, first: at } }
      const found = await captioner.caption(pictures, { beam, best, lengthPenalty, coveragePenalty, signal, ...drawing }) // prettier-ignore
      for (const [i, captions] of found.entries()) {
        const { text, nats } = captions[0]!
        yield { event: 'caption', image: names[i]!, text, nats, captions: captions.map((one) => ({ ...one })) }
      }
      failure?.()
      if (!attention || last === null) continue
      const content = await pictureOf(captioner, last, { caption: found[0]![0]!.text, signal })
      yield { event: 'file', name: 'attention', type: 'image/svg+xml', content }
    }
  },
  show(record, { best, images }) {
    if (record.event === 'file') return {}
    const lines = foundLines(record.captions, best)
    return { lines: images.length === 1 ? lines : lines.map((line) => `${record.image}: ${line}`) }
  }
}

/** Throws ERR_INVALID_OPTION unless there is one image, of which a picture is drawn. */
function checkOne(images: readonly Content[]): void {
  if (images.length === 1) return
  throw expected('ERR_INVALID_OPTION', 'one image for a picture of the attention', `${images.length}`, 'give one')
}

/** Returns the picture of the attention: where the captioner looks in an image while it reads a caption. */
async function pictureOf(
  captioner: LoadedCaptioner,
  { bytes, name }: NamedBytes,
  { caption, signal }: { caption: string; signal: AbortSignal }
): Promise<string> {
  const { width, height, fit } = captioner.config.image
  const places = await captioner.attention(await decodeImage(bytes, { width, height, fit, name }), { caption, signal })
  // The image is cut as for the network, but has more pixels.
  const scale = Math.max(1, Math.round(SHOWN_SIDE / Math.max(width, height)))
  const picture = await decodeImage(bytes, { width: scale * width, height: scale * height, fit, name })
  return attentionPlacesSvg({ ...places, picture }, { title: caption })
}

/** The bytes of an image file with its name for messages. */
interface NamedBytes {
  readonly bytes: Uint8Array
  readonly name: string
}

/** Returns the images before the first one that cannot be used, the bytes of the last of them, and a function that throws the error of that one. */
async function read(contents: CaptionVerbInput['images'], { config }: LoadedCaptioner, signal: AbortSignal) {
  const [pictures, names]: [Picture[], string[]] = [[], []]
  let last: NamedBytes | null = null
  for (const content of contents) {
    try {
      const file = await readBytes(content, { maxBytes: MAX_IMAGE_BYTES, signal })
      pictures.push(await decodeImage(file.bytes, { ...config.image, name: file.name }))
      names.push(file.name)
      last = file
    } catch (error) {
      const failure = (): never => {
        throw error
      }
      return { pictures, names, last, failure }
    }
  }
  return { pictures, names, last }
}
