// Images with captions: read, decoded, and divided into those that train and those that validate.

import { crc32 } from 'node:zlib'
import {
  readCaptions,
  readNamedImages,
  type CaptionedImage,
  type NamedImage,
  type ReadCaptionsOptions
} from '../../data/images/captions.js'
import type { VisionChoice, VisionModel } from '../../data/features/vision.js'
import type { FeatureShape } from '../../data/features/features.js'
import { counted, expected, GatecellError } from '../../errors.js'
import type { DataFingerprint } from '../runs/fingerprint.js'
import {
  decodeImages,
  isFeatureFile,
  readFeatureFiles,
  readFeatureSet,
  readSeen,
  type ImageReading,
  type ImageValues
} from './images.js'
import type { CaptionSetChoice, ImageChoice } from './settings.js'
import type { CaptionWords } from './words.js'

/** An image with its captions, as the network reads it. */
export interface CaptionImage extends NamedImage {
  /** Red, green and blue [height, width, 3], or features [rows, columns, numbers]. */
  readonly values: ImageValues
  /** Checksum of the pixels from which a vision model made the values; null for others. */
  readonly mark: number | null
}

/** A caption as ids, without special tokens, and its image. */
export interface CaptionSample {
  readonly values: ImageValues
  readonly mark: number | null
  readonly ids: Int32Array
}

/** Images to train on and to validate. */
export interface CaptionSets<T = CaptionImage> {
  readonly train: readonly T[]
  readonly valid: readonly T[]
}

/** Options of reading images with captions. */
export interface CaptionReading extends ReadCaptionsOptions, Pick<ImageReading, 'onProgress'> {
  /** Captions of an image that are read, the first ones; default: all. */
  readonly perImage?: number
  /** Files with ready features of all images, see `openFeatureSet`; default: each image is a file of its own. */
  readonly features?: readonly string[]
  /** File with the names of the images of an NPY file among `features`, one on each line. */
  readonly featureNames?: string
  /** The path of a vision model (ONNX) that makes features of the images; the package onnxruntime-node runs it. */
  readonly onnx?: string
  /** Output of this model, and the scale of the pixels that it reads; defaults: its only output, 'imagenet'. */
  readonly onnxOutput?: string
  readonly onnxScale?: VisionChoice['scale']
}

const readingNames = ['images', 'features', 'featureNames', 'onnx', 'onnxOutput', 'onnxScale', 'perImage'] as const
type ReadingName = (typeof readingNames)[number]

/** Returns the options of reading for settings, without those that are not given. */
export function captionReadingOf(
  settings: Readonly<{ [K in ReadingName]?: CaptionReading[K] | undefined }>
): CaptionReading {
  const found = readingNames.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]] as const]))
  return Object.fromEntries(found)
}

/** Images of files of captions. */
export interface ReadImages {
  readonly images: readonly CaptionImage[]
  /** The shape of the features, if the images are features; null for pixels. */
  readonly features: FeatureShape | null
}

/** Checksums of images, see `CaptionImage`. */
type Marks = readonly (number | null)[]

/** The form in which a network reads images. */
export interface ImageForm {
  readonly image: ImageChoice
  /** Shape of the features, null for pixels; undefined: what the data has. */
  readonly features: FeatureShape | null | undefined
  /** The vision model that makes features of the images; null: none. */
  readonly vision: VisionModel | null
}

/**
 * Reads files of captions and their images: decodes them, or reads features, from the files of `features` or from an NPY or safetensors file for each
 * image. Throws the errors of `readCaptions`, `decodeImages`, `readFeatureFiles` and `readFeatureSet`.
 */
export async function readCaptionImages(
  files: readonly string[],
  { image, features, vision }: ImageForm,
  {
    perImage = Infinity,
    onProgress,
    features: featureFiles,
    featureNames,
    onnx: _,
    onnxOutput: __,
    onnxScale: ___,
    ...reading
  }: CaptionReading
): Promise<ReadImages> {
  const how = { ...reading, onProgress }
  const wanted = features ?? null
  const joined = (images: readonly NamedImage[], values: readonly (ImageValues | null)[], marks: Marks = []) =>
    images.flatMap((one, i) => {
      const own = values[i]
      return own ? [{ ...one, captions: one.captions.slice(0, perImage), values: own, mark: marks[i] ?? null }] : []
    })
  if (featureFiles) {
    const named: NamedImage[] = []
    for (const file of files) named.push(...(await readNamedImages(file, reading)))
    const { values, shape } = await readFeatureSet(named, { features: featureFiles, featureNames }, wanted, how)
    return { images: joined(named, values), features: shape }
  }
  const images: CaptionedImage[] = []
  for (const file of files) images.push(...(await readCaptions(file, reading)))
  if (vision) {
    const { values, shape, marks } = await readSeen(images, { vision, image }, wanted, how)
    return { images: joined(images, values, marks), features: shape }
  }
  const areFeatures =
    features === undefined ? images[0] !== undefined && isFeatureFile(images[0].path) : wanted !== null
  if (!areFeatures) return { images: joined(images, await decodeImages(images, image, how)), features: null }
  const { values, shape } = await readFeatureFiles(images, wanted, how)
  return { images: joined(images, values), features: shape }
}

const PARTS = 10_000

/** Returns the part of an image: that of its record, or, in files without parts, one by a checksum of its pixels or features. */
export function partOfImage(
  { part, values, mark }: CaptionImage,
  hasParts: boolean,
  share: number
): 'train' | 'valid' | 'test' {
  if (hasParts) return part ?? 'train'
  return (mark ?? crc32(values)) % PARTS < share * PARTS ? 'valid' : 'train'
}

/** Returns whether records of images name their part. */
export function haveParts(images: readonly CaptionImage[]): boolean {
  return images.some(({ part }) => part !== null)
}

/** Reads the images of a training and divides them; all images of `validFiles` validate. Throws the errors of `readCaptionImages`. */
export async function readCaptionSets(
  files: { readonly data: readonly string[]; readonly validFiles?: readonly string[] | undefined },
  form: ImageForm,
  share: number,
  reading: CaptionReading
): Promise<{ sets: CaptionSets; features: FeatureShape | null }> {
  const { images, features } = await readCaptionImages(files.data, form, reading)
  const hasParts = haveParts(images)
  const own = (name: 'train' | 'valid') => images.filter((one) => partOfImage(one, hasParts, share) === name)
  if (!files.validFiles || files.validFiles.length === 0)
    return { sets: { train: own('train'), valid: own('valid') }, features }
  const others = await readCaptionImages(files.validFiles, { ...form, features }, reading)
  return { sets: { train: hasParts ? own('train') : images, valid: others.images }, features }
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
  return images.flatMap(({ captions, values, mark, where }) =>
    captions.flatMap((text) => {
      const ids = words.encode(text)
      if (ids.length <= longest) return [{ values, mark, ids }]
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
  for (const { values, mark, ids } of [...train, ...valid]) {
    crc = crc32(Uint8Array.of(ids.length & 255, ids.length >> 8), crc)
    crc = crc32(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), crc)
    crc = crc32(mark === null ? values : Uint32Array.of(mark), crc)
  }
  return { train: train.length, valid: valid.length, fingerprint: crc }
}
