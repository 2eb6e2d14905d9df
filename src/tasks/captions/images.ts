// Images of captions, decoded once to the size of the network and kept as bytes.

import type { CaptionedImage } from '../../data/images/captions.js'
import { decodeImage, MAX_IMAGE_BYTES } from '../../data/images/decode.js'
import { readWholeBytes } from '../../data/files/whole-bytes.js'
import { expected, GatecellError } from '../../errors.js'
import { throwIfAborted } from '../../graph/abort.js'
import type { ImageChoice } from './settings.js'

/** Most bytes of all decoded images of a training: 8 GiB. */
const MAX_BYTES = 2 ** 33
/** Images that are decoded at the same time, by the threads of the pool. */
const TOGETHER = 16

/** Options of `decodeImages`. */
export interface DecodingOptions {
  /** Called with the errors of images that cannot be used, which are then left out. Default: the first error is thrown. */
  readonly onBad?: ((error: GatecellError) => void) | undefined
  /** Called with the finished share, 0 to 1. */
  readonly onProgress?: ((done: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Errors for which an image is left out. */
const TOLERATED: readonly string[] = ['ERR_FILE_FORMAT', 'ERR_FILE_NOT_FOUND']

/** Returns red, green and blue of an image file [height, width, 3], 0 to 255. Throws the errors of `readWholeBytes` and `decodeImage`. */
export async function imageOfFile(
  { path, where }: Pick<CaptionedImage, 'path' | 'where'>,
  image: ImageChoice,
  signal: AbortSignal | undefined
): Promise<Uint8Array> {
  const bytes = await readWholeBytes(path, { maxBytes: MAX_IMAGE_BYTES, signal })
  const { rgb } = await decodeImage(bytes, { ...image, name: `${path} of ${where}` })
  return rgb
}

/**
 * Decodes images in their order, and returns null for those whose error went to `onBad`. Throws ERR_OUT_OF_RANGE if all together have more than
 * 8 GiB, ERR_FILE_FORMAT with the path and the place of the caption for a file that is not a still image, ERR_FILE_NOT_FOUND, ERR_UNSUPPORTED
 * without the package sharp, ERR_ABORTED.
 */
export async function decodeImages(
  images: readonly CaptionedImage[],
  image: ImageChoice,
  { onBad, onProgress, signal }: DecodingOptions
): Promise<(Uint8Array | null)[]> {
  const most = Math.floor(MAX_BYTES / (3 * image.width * image.height))
  if (images.length > most) {
    const what = `at most ${most} images of ${image.width} x ${image.height} pixels`
    throw expected('ERR_OUT_OF_RANGE', what, `${images.length}`, 'use a smaller width and height, or fewer images')
  }
  const decoded: (Uint8Array | null)[] = []
  for (let at = 0; at < images.length; at += TOGETHER) {
    throwIfAborted(signal)
    const own = images.slice(at, at + TOGETHER)
    for (const result of await Promise.allSettled(own.map((one) => imageOfFile(one, image, signal)))) {
      if (result.status === 'fulfilled') decoded.push(result.value)
      else {
        const error: unknown = result.reason
        if (!onBad || !(error instanceof GatecellError) || !TOLERATED.includes(error.code)) throw error
        onBad(error)
        decoded.push(null)
      }
    }
    onProgress?.(decoded.length / images.length)
  }
  return decoded
}
