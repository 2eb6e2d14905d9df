// The images that callers hand to a captioner, in the form that its network reads.

import { isUint8Array } from 'node:util/types'
import { checkObject, float32Array, integer, list, uint8Array } from '../../check/index.js'
import { openArrays } from '../../data/features/arrays.js'
import {
  checkFeatures,
  onlyFeatures,
  shownShape,
  type FeatureShape,
  type Features
} from '../../data/features/features.js'
import { bytesInMemory } from '../../data/files/byte-reader.js'
import { decodeImage, type Picture } from '../../data/images/decode.js'
import { expected, show } from '../../errors.js'
import type { CaptionsConfig } from './config.js'
import type { ImageValues } from './images.js'
import type { ImageChoice } from './settings.js'

/**
 * An image: the bytes of a PNG, JPEG, WebP or AVIF file, or a picture of the size of the network. For a captioner of features: the bytes of an NPY
 * file or of a safetensors file with one tensor, or the features themselves.
 */
export type CaptionInput = Uint8Array | Picture | Features

/** Returns values that were read from files as an input of a captioner. */
export function captionInput(
  values: ImageValues,
  { image, features }: Pick<CaptionsConfig, 'image' | 'features'>
): CaptionInput {
  if (!(values instanceof Float32Array)) return { width: image.width, height: image.height, rgb: values }
  const { rows, columns, width } = features!
  return { shape: [rows, columns, width], values }
}

/** Returns the values of images. Throws the errors of `valuesOfInput`. */
export async function valuesOfInputs(images: readonly CaptionInput[], config: CaptionsConfig): Promise<ImageValues[]> {
  const values: ImageValues[] = []
  for (const [i, one] of list<CaptionInput>((value) => value as CaptionInput)(images, 'the images').entries())
    values.push(await valuesOfInput(one, config, `image ${i}`))
  return values
}

/**
 * Returns the values of an image. Throws the errors of `decodeImage` and `openArrays` for bytes, ERR_INVALID_SHAPE for a picture of another size or
 * features of another shape, and ERR_INVALID_ARGUMENT.
 */
export async function valuesOfInput(
  input: CaptionInput,
  { image, features }: Pick<CaptionsConfig, 'image' | 'features'>,
  name: string
): Promise<ImageValues> {
  if (!features) return await pixelsOf(input, image, name)
  if (isUint8Array(input)) {
    const file = await openArrays(bytesInMemory(uint8Array(input, name), name))
    const found = onlyFeatures(file)
    checkFeatures(found.shape, features, name)
    return await found.read()
  }
  return featuresOf(input, features, name)
}

async function pixelsOf(input: CaptionInput, image: ImageChoice, name: string): Promise<Uint8Array> {
  if (isUint8Array(input)) return (await decodeImage(input, { ...image, name })).rgb
  checkObject(input, name)
  const { width, height, rgb } = input as Partial<Picture>
  const bytes = uint8Array(rgb, `rgb of ${name}`)
  if (width === image.width && height === image.height && bytes.length === 3 * width * height) return bytes.slice()
  const what = `${name} of ${image.width} x ${image.height} pixels with three bytes each`
  const found = `${show(width)} x ${show(height)} with ${bytes.length} bytes`
  throw expected('ERR_INVALID_SHAPE', what, found, 'decode it with decodeImage and this width and height')
}

function featuresOf(input: unknown, { rows, columns, width }: FeatureShape, name: string): Float32Array {
  checkObject(input, name)
  const { shape: given, values: numbers } = input as Partial<Features>
  const shape = list(integer(1), 1, 8)(given, `shape of ${name}`)
  const values = float32Array()(numbers, `values of ${name}`)
  const wanted = [rows, columns, width]
  const own = shape.length === 2 ? [1, ...shape] : shape
  const fits =
    own.length === 3 && own.every((side, i) => side === wanted[i]) && values.length === rows * columns * width
  if (!fits) {
    const what = `${name} with features of the shape ${shownShape(rows === 1 ? [columns, width] : wanted)}`
    const found = `the shape ${shownShape(shape)} with ${values.length} numbers`
    throw expected(
      'ERR_INVALID_SHAPE',
      what,
      found,
      'take the layer of the network that the captioner was trained with'
    )
  }
  const odd = values.findIndex((value) => !Number.isFinite(value))
  if (odd < 0) return values.slice()
  throw expected(
    'ERR_INVALID_ARGUMENT',
    `finite numbers as values of ${name}`,
    `${values[odd]} at ${odd}`,
    'correct or scale the features'
  )
}
