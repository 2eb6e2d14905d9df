// Pictures from the bytes of PNG, JPEG, WebP and AVIF files, decoded by the package sharp, which an application installs itself.

import type sharpPackage from 'sharp'
import { choice, integer, optional, options as optionsOf, string, uint8Array } from '../../check/index.js'
import { expected, GatecellError } from '../../errors.js'
import { imageFormat, isAnimated, type ImageFormat } from './signature.js'

/** Largest size of an image file in bytes. */
export const MAX_IMAGE_BYTES = 2 ** 26
/** Largest width and height of a decoded picture. */
const MAX_SIDE = 4096
/** Default of the largest number of pixels of an image: 67 million, more than most cameras have. */
const MAX_PIXELS = 2 ** 26
/** Seconds after which a decoder is stopped. */
const PATIENCE = 30

/** How a picture of another shape is fitted: cut to the shape, with a white margin, or stretched. */
export type ImageFit = 'cut' | 'margin' | 'stretch'

/** A decoded picture. */
export interface Picture {
  readonly width: number
  readonly height: number
  /** Red, green and blue from 0 to 255, [height, width, 3]. */
  readonly rgb: Uint8Array
}

/** The options of `decodeImage`. */
export interface DecodeImageOptions {
  /** Width of the result in pixels, an integer in [1, 4096]. Default: that of the image. Given together with `height`. */
  width?: number
  /** Height of the result in pixels, an integer in [1, 4096]. */
  height?: number
  /** How an image of another shape is fitted; default 'cut'. Without a size it has no effect. */
  fit?: ImageFit
  /** Largest number of pixels of the image, checked before it is decoded, an integer in [1, 2^30]. Default 2^26. */
  maxPixels?: number
  /** The name of the image in errors. Default 'the image'. */
  name?: string
}

const readOptions = optionsOf<DecodeImageOptions>({
  width: optional(integer(1, MAX_SIDE)),
  height: optional(integer(1, MAX_SIDE)),
  fit: optional(choice('cut', 'margin', 'stretch')),
  maxPixels: optional(integer(1, 2 ** 30)),
  name: optional(string)
})

const FITS = { cut: 'cover', margin: 'contain', stretch: 'fill' } as const
const WHITE = { r: 255, g: 255, b: 255 }

/**
 * Decodes a still PNG, JPEG, WebP or AVIF image to 8 bits of red, green and blue: rotated by its EXIF orientation, transparent parts over
 * white, grey and palette as colours, of 16 bits the high byte, CMYK and embedded colour profiles converted to sRGB. The work is done in a
 * thread of the pool. Throws ERR_UNSUPPORTED if the package sharp is not installed, ERR_FILE_FORMAT for other formats, animations,
 * truncated or damaged images, and images of more than `maxPixels` pixels or 64 MiB, and ERR_INVALID_ARGUMENT.
 *
 * @example
 * const { rgb } = await decodeImage(await readFile('cat.jpg'), { width: 64, height: 64 }) // rgb: 64 x 64 x 3 bytes
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeImageOptions = {}): Promise<Picture> {
  const { width, height, fit = 'cut', maxPixels = MAX_PIXELS, name = 'the image' } = readOptions(options, 'the options of decodeImage') // prettier-ignore
  if ((width === undefined) !== (height === undefined))
    throw expected('ERR_INVALID_ARGUMENT', 'width and height together', 'one of them', 'give both or none')
  const format = formatOf(uint8Array(bytes, 'the bytes of an image'), name)
  const sharp = await loadSharp()
  try {
    const { width: across, height: down } = await sharp(bytes, { limitInputPixels: false }).metadata()
    checkPixels(across * down, maxPixels, name)
    const image = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', autoOrient: true })
    image.timeout({ seconds: PATIENCE }).flatten({ background: WHITE }).toColourspace('srgb').removeAlpha()
    if (width !== undefined) image.resize(width, height, { fit: FITS[fit], background: WHITE })
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    return { width: info.width, height: info.height, rgb: new Uint8Array(data.buffer, data.byteOffset, data.length) }
  } catch (error) {
    if (error instanceof GatecellError) throw error
    throw damaged(format, name, error)
  }
}

function formatOf(bytes: Uint8Array, name: string): ImageFormat {
  if (bytes.length > MAX_IMAGE_BYTES)
    throw expected('ERR_FILE_FORMAT', `at most ${MAX_IMAGE_BYTES} bytes in ${name}`, 'more', 'make the image smaller')
  const format = imageFormat(bytes)
  if (format === null) {
    const found = bytes.length === 0 ? 'an empty file' : 'another format'
    throw expected('ERR_FILE_FORMAT', `a PNG, JPEG, WebP or AVIF image in ${name}`, found, 'convert it')
  }
  if (isAnimated(bytes, format))
    throw expected('ERR_FILE_FORMAT', `a still picture in ${name}`, 'an animation', 'take one of its pictures')
  return format
}

function checkPixels(pixels: number, maxPixels: number, name: string): void {
  if (pixels <= maxPixels) return
  throw expected('ERR_FILE_FORMAT', `at most ${maxPixels} pixels in ${name}`, String(pixels), 'make the image smaller')
}

/** Returns the error for an image that sharp refuses; its message has the cause in the words of the format's library. */
function damaged(format: ImageFormat, name: string, error: unknown): GatecellError {
  const cause = error instanceof Error ? error.message.split('\n')[0]!.trim() : 'an unknown error'
  const kind = format === 'webp' ? 'WebP' : format.toUpperCase()
  return expected(
    'ERR_FILE_FORMAT',
    `a whole ${kind} image in ${name}`,
    `a damaged one (${cause})`,
    'leave it out',
    error
  )
}

/** Loads sharp, an optional peer dependency: a program that has no images need not install it. */
async function loadSharp(): Promise<typeof sharpPackage> {
  try {
    return (await import('sharp')).default
  } catch (error) {
    const remedy = 'install it with npm install sharp'
    throw expected('ERR_UNSUPPORTED', 'the package sharp, which decodes images', 'none', remedy, error)
  }
}
