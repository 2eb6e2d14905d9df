// Images of captions as the network reads them: decoded once to its size and kept as bytes, or ready features of another network.

import { crc32 } from 'node:zlib'
import type { NamedImage, PathedImage } from '../../data/images/captions.js'
import { decodeImage, MAX_IMAGE_BYTES } from '../../data/images/decode.js'
import { openArrays } from '../../data/features/arrays.js'
import {
  checkFeatures,
  featureShape,
  featuresIn,
  onlyFeatures,
  openFeatureSet,
  type FeatureShape,
  type StoredFeatures
} from '../../data/features/features.js'
import type { VisionModel } from '../../data/features/vision.js'
import { openBytes } from '../../data/files/byte-reader.js'
import { readWholeBytes } from '../../data/files/whole-bytes.js'
import { expected, GatecellError } from '../../errors.js'
import { throwIfAborted } from '../../graph/abort.js'
import type { ImageChoice } from './settings.js'

/** Red, green and blue of an image [height, width, 3], 0 to 255; or the features of its places [rows, columns, numbers]. */
export type ImageValues = Uint8Array | Float32Array

/** Most bytes of all images of a training: 8 GiB. */
const MAX_BYTES = 2 ** 33
/** Images that are decoded at the same time, by the threads of the pool. */
const TOGETHER = 16

/** Options of reading images. */
export interface ImageReading {
  /** Called with the errors of images that cannot be used, which are then left out. Default: the first error is thrown. */
  readonly onBad?: ((error: GatecellError) => void) | undefined
  /** Called with the finished share, 0 to 1. */
  readonly onProgress?: ((done: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Errors for which an image is left out. */
const TOLERATED: readonly string[] = ['ERR_FILE_FORMAT', 'ERR_FILE_NOT_FOUND']

/** Returns null for an error that goes to `onBad`, and throws any other. */
function leftOut(error: unknown, { onBad }: Pick<ImageReading, 'onBad'>): null {
  if (!onBad || !(error instanceof GatecellError) || !TOLERATED.includes(error.code)) throw error
  onBad(error)
  return null
}

/** Throws ERR_OUT_OF_RANGE if images of `bytes` bytes each have more than 8 GiB together. */
function checkBytes(count: number, bytes: number, kind: string): void {
  const most = Math.floor(MAX_BYTES / bytes)
  if (count <= most) return
  throw expected('ERR_OUT_OF_RANGE', `at most ${most} ${kind}`, `${count}`, 'make them smaller, or use fewer images')
}

async function imageOfFile({ path, where }: PathedImage, image: ImageChoice, signal: AbortSignal | undefined) {
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
  images: readonly PathedImage[],
  image: ImageChoice,
  reading: ImageReading
): Promise<(Uint8Array | null)[]> {
  const { onProgress, signal } = reading
  const { width, height } = image
  checkBytes(images.length, 3 * width * height, `images of ${width} x ${height} pixels`)
  const decoded: (Uint8Array | null)[] = []
  for (let at = 0; at < images.length; at += TOGETHER) {
    throwIfAborted(signal)
    const own = images.slice(at, at + TOGETHER)
    for (const result of await Promise.allSettled(own.map((one) => imageOfFile(one, image, signal))))
      decoded.push(result.status === 'fulfilled' ? result.value : leftOut(result.reason, reading))
    onProgress?.(decoded.length / images.length)
  }
  return decoded
}

/** Returns whether the name of a file is that of features. */
export function isFeatureFile(path: string): boolean {
  return /\.(npy|safetensors)$/i.test(path)
}

/** The features of pictures, null for those that were left out, and the shape that all of them have. */
export interface ReadFeatures {
  readonly values: (Float32Array | null)[]
  readonly shape: FeatureShape | null
}

/** Reads features one after the other with `read`. All must have the wanted shape, or, if that is null, the shape of the first ones. */
async function eachFeatures<T extends { readonly where: string }>(
  images: readonly T[],
  wanted: FeatureShape | null,
  reading: ImageReading,
  read: (image: T, take: (found: StoredFeatures, where: string) => Promise<Float32Array>) => Promise<Float32Array>
): Promise<ReadFeatures> {
  const { onProgress, signal } = reading
  let shape = wanted
  const values: (Float32Array | null)[] = []
  for (const image of images) {
    throwIfAborted(signal)
    const take = async (found: StoredFeatures, where: string) => {
      if (shape) checkFeatures(found.shape, shape, where)
      else {
        shape = featureShape(found.shape, where)
        const { rows, columns, width } = shape
        checkBytes(
          images.length,
          4 * rows * columns * width,
          `pictures of ${rows * columns} places with ${width} numbers`
        )
      }
      return await found.read()
    }
    values.push(await read(image, take).catch((error: unknown) => leftOut(error, reading)))
    onProgress?.(values.length / images.length)
  }
  return { values, shape }
}

/**
 * Reads the features of pictures, a file for each. Throws ERR_FILE_FORMAT with the path and the place of the caption for another format or shape,
 * ERR_FILE_NOT_FOUND, ERR_OUT_OF_RANGE if all together have more than 8 GiB, ERR_ABORTED.
 */
export async function readFeatureFiles(
  images: readonly PathedImage[],
  wanted: FeatureShape | null,
  reading: ImageReading
): Promise<ReadFeatures> {
  return await eachFeatures(images, wanted, reading, async ({ path, where }, take) => {
    const file = await openArrays({ ...(await openBytes(path, reading.signal)), name: `${path} of ${where}` })
    try {
      const found = onlyFeatures(file)
      return await take(found, found.where)
    } finally {
      await file.close()
    }
  })
}

/** A vision model that reads images of a size. */
export interface Seeing {
  readonly vision: VisionModel
  readonly image: ImageChoice
}

/**
 * Decodes images one after the other and returns what a vision model makes of them, and the checksums of their pixels. Throws the errors of
 * `decodeImages`, and ERR_FILE_FORMAT if the model does not take the images.
 */
export async function readSeen(
  images: readonly PathedImage[],
  { vision, image }: Seeing,
  wanted: FeatureShape | null,
  reading: ImageReading
): Promise<ReadFeatures & { readonly marks: (number | null)[] }> {
  const marks = new Map<PathedImage, number>()
  const found = await eachFeatures(images, wanted, reading, async (one, take) => {
    const rgb = await imageOfFile(one, image, reading.signal)
    marks.set(one, crc32(rgb))
    const { shape, values } = await vision.features(rgb, image)
    return await take(
      { where: one.path, shape, read: async () => values },
      `the features of ${one.path} of ${one.where}`
    )
  })
  return { ...found, marks: images.map((one) => marks.get(one) ?? null) }
}

/** Files with the features of all pictures. */
export interface FeatureFiles {
  readonly features: readonly string[]
  readonly featureNames?: string | undefined
}

/**
 * Reads the features of pictures from files that have them for all. Throws the errors of `openFeatureSet`, ERR_FILE_FORMAT for another shape,
 * ERR_FILE_NOT_FOUND with the place of its caption for a picture without features, ERR_OUT_OF_RANGE, ERR_ABORTED.
 */
export async function readFeatureSet(
  images: readonly NamedImage[],
  { features, featureNames }: FeatureFiles,
  wanted: FeatureShape | null,
  reading: ImageReading
): Promise<ReadFeatures> {
  const set = await openFeatureSet(features, { names: featureNames, signal: reading.signal })
  try {
    return await eachFeatures(images, wanted, reading, async (image, take) => {
      const found = featuresIn(set, image, features)
      return await take(found, `${found.where} of ${image.where}`)
    })
  } finally {
    await set.close()
  }
}
