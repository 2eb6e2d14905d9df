// Images with captions: read, decoded, and divided into those that train and those that validate.

import { crc32 } from 'node:zlib'
import { readCaptions, type CaptionedImage, type ReadCaptionsOptions } from '../../data/images/captions.js'
import { counted, expected, GatecellError } from '../../errors.js'
import type { DataFingerprint } from '../runs/fingerprint.js'
import { decodeImages, type DecodingOptions } from './images.js'
import type { CaptionSetChoice, ImageChoice } from './settings.js'
import type { CaptionWords } from './words.js'

/** An image with its captions. */
export interface CaptionImage extends CaptionedImage {
  /** Red, green and blue, [height, width, 3]. */
  readonly rgb: Uint8Array
}

/** A caption as ids, without special tokens, and its image. */
export interface CaptionSample {
  readonly rgb: Uint8Array
  readonly ids: Int32Array
}

/** Images to train on and to validate. */
export interface CaptionSets<T = CaptionImage> {
  readonly train: readonly T[]
  readonly valid: readonly T[]
}

/** Options of reading images with captions. */
export interface CaptionReading extends ReadCaptionsOptions, Pick<DecodingOptions, 'onProgress'> {
  /** Captions of an image that are read, the first ones; default: all. */
  readonly perImage?: number
}

/** Reads files of captions and decodes their images. Throws the errors of `readCaptions` and `decodeImages`. */
export async function readCaptionImages(
  files: readonly string[],
  image: ImageChoice,
  { perImage = Infinity, onProgress, ...reading }: CaptionReading
): Promise<CaptionImage[]> {
  const images: CaptionedImage[] = []
  for (const file of files) images.push(...(await readCaptions(file, reading)))
  const decoded = await decodeImages(images, image, { ...reading, onProgress })
  return images.flatMap((one, i) => {
    const rgb = decoded[i]
    return rgb ? [{ ...one, captions: one.captions.slice(0, perImage), rgb }] : []
  })
}

const PARTS = 10_000

/** Returns the part of an image: that of its record, or, in files without parts, one by a checksum of its pixels. */
export function partOfImage({ part, rgb }: CaptionImage, hasParts: boolean, share: number): 'train' | 'valid' | 'test' {
  if (hasParts) return part ?? 'train'
  return crc32(rgb) % PARTS < share * PARTS ? 'valid' : 'train'
}

/** Returns whether records of images name their part. */
export function haveParts(images: readonly CaptionImage[]): boolean {
  return images.some(({ part }) => part !== null)
}

/** Reads the images of a training and divides them; all images of `validFiles` validate. Throws the errors of `readCaptionImages`. */
export async function readCaptionSets(
  files: { readonly data: readonly string[]; readonly validFiles?: readonly string[] | undefined },
  image: ImageChoice,
  share: number,
  reading: CaptionReading
): Promise<CaptionSets> {
  const images = await readCaptionImages(files.data, image, reading)
  const hasParts = haveParts(images)
  const own = (name: 'train' | 'valid') => images.filter((one) => partOfImage(one, hasParts, share) === name)
  if (!files.validFiles || files.validFiles.length === 0) return { train: own('train'), valid: own('valid') }
  return { train: hasParts ? own('train') : images, valid: await readCaptionImages(files.validFiles, image, reading) }
}

/**
 * Returns the captions of images as ids, one sample for each. Captions of more than `longest` words go to `onBad` as errors ERR_OUT_OF_RANGE; without
 * `onBad` they are thrown.
 */
export function captionSamples(
  images: readonly CaptionImage[],
  words: CaptionWords,
  { longest }: Pick<CaptionSetChoice, 'longest'>,
  { onBad }: Pick<CaptionReading, 'onBad'>
): CaptionSample[] {
  return images.flatMap(({ captions, rgb, where }) =>
    captions.flatMap((text) => {
      const ids = words.encode(text)
      if (ids.length <= longest) return [{ rgb, ids }]
      const what = `a caption of at most ${longest} words in ${where}`
      const error = expected('ERR_OUT_OF_RANGE', what, counted(ids.length, 'word'), 'raise the limit (longest), or leave the caption out') // prettier-ignore
      if (!onBad || !(error instanceof GatecellError)) throw error
      onBad(error)
      return []
    })
  )
}

/** Returns the fingerprint of samples. */
export function captionsFingerprint({ train, valid }: CaptionSets<CaptionSample>): DataFingerprint {
  let crc = 0
  for (const { rgb, ids } of [...train, ...valid]) {
    crc = crc32(Uint8Array.of(ids.length & 255, ids.length >> 8), crc)
    crc = crc32(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), crc)
    crc = crc32(rgb, crc)
  }
  return { train: train.length, valid: valid.length, fingerprint: crc }
}
