// `gatecell caption`: captions of images.

import { decodeImage, MAX_IMAGE_BYTES, type Picture } from '../../data/images/decode.js'
import type { Values } from '../../settings/index.js'
import { readBytes } from '../contents.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { loadCaptioner, type LoadedCaptioner } from './load.js'
import type { captionRecords, captionSettings } from './use-settings.js'

type CaptionVerbInput = Values<typeof captionSettings>
type CaptionRecord = RecordOf<typeof captionRecords>

/** Images that are captioned at once; an image that cannot be used ends the command after the captions of those before it. */
const PIECE = 32

/** The code of `caption`. */
export const captionCode: VerbCode<LoadedCaptioner, CaptionVerbInput, CaptionRecord> = {
  load: loadCaptioner,
  async *run(captioner, { images, beam, best, lengthPenalty }, { signal }) {
    for (let at = 0; at < images.length; at += PIECE) {
      const { pictures, names, failure } = await read(images.slice(at, at + PIECE), captioner, signal)
      const found = await captioner.caption(pictures, { beam, best, lengthPenalty, signal })
      for (const [i, captions] of found.entries()) {
        const { text, nats } = captions[0]!
        yield { event: 'caption', image: names[i]!, text, nats, captions: captions.map((one) => ({ ...one })) }
      }
      failure?.()
    }
  },
  show: ({ image, captions }, { best, images }) => {
    const lines = best === 1 ? captions.map(({ text }) => text) : captions.map((one) => `${one.nats.toFixed(2)}  ${one.text}`) // prettier-ignore
    return { lines: images.length === 1 ? lines : lines.map((line) => `${image}: ${line}`) }
  }
}

/** Returns the images before the first one that cannot be used, and a function that throws the error of that one. */
async function read(contents: CaptionVerbInput['images'], { config }: LoadedCaptioner, signal: AbortSignal) {
  const [pictures, names]: [Picture[], string[]] = [[], []]
  for (const content of contents) {
    try {
      const { bytes, name } = await readBytes(content, { maxBytes: MAX_IMAGE_BYTES, signal })
      pictures.push(await decodeImage(bytes, { ...config.image, name }))
      names.push(name)
    } catch (error) {
      const failure = (): never => {
        throw error
      }
      return { pictures, names, failure }
    }
  }
  return { pictures, names }
}
