// The vision model of a captioner: opened from a file, and compared with the one of the training.

import {
  checkVision,
  MAX_VISION_BYTES,
  openVision,
  withoutVision,
  type VisionChoice,
  type VisionModel
} from '../../data/features/vision.js'
import { readWholeBytes } from '../../data/files/whole-bytes.js'
import { expected } from '../../errors.js'
import type { CaptionReading } from './data.js'

/** Returns the error for a vision model next to features that are ready. */
export function withFeatures(): Error {
  const what = 'a vision model (onnx) or ready features (features)'
  return expected('ERR_INVALID_OPTION', what, 'both', 'leave one out')
}

/** Opens a vision model for a training, or for a captioner whose model is `wanted`. Throws the errors of `openVision`, and of `checkVision`. */
export async function openVisionOf(
  bytes: Uint8Array,
  name: string,
  wanted: VisionChoice | null,
  { onnxOutput, onnxScale = 'imagenet' }: Pick<CaptionReading, 'onnxOutput' | 'onnxScale'> = {}
): Promise<VisionModel> {
  const { output, scale } = wanted ?? { output: onnxOutput, scale: onnxScale }
  const vision = await openVision(bytes, { name, output, scale })
  if (wanted) checkVision(vision, wanted, name)
  return vision
}

/**
 * Opens the vision model that options of reading name; null if they name none. `wanted` is that of a captioner or of a run that is resumed;
 * undefined: a new run. Throws the errors of `openVisionOf`, and ERR_INVALID_OPTION if one of them has a vision model and the other does not.
 */
export async function visionOfReading(
  reading: CaptionReading,
  wanted: VisionChoice | null | undefined
): Promise<VisionModel | null> {
  const { onnx, onnxOutput, onnxScale, features, signal } = reading
  if (onnx === undefined) {
    if (onnxOutput !== undefined || onnxScale !== undefined)
      throw expected('ERR_INVALID_OPTION', 'a vision model (onnx) next to onnxOutput and onnxScale', 'none', 'name one')
    if (wanted && !features) throw withoutVision(wanted)
    return null
  }
  if (features) throw withFeatures()
  if (wanted === null) throw notOfVision()
  const bytes = await readWholeBytes(onnx, { maxBytes: MAX_VISION_BYTES, signal })
  return await openVisionOf(bytes, onnx, wanted ?? null, reading)
}

/** Returns the error for a vision model that a captioner does not have. */
export function notOfVision(): Error {
  const what = 'a captioner that was trained with a vision model (onnx)'
  return expected('ERR_INVALID_OPTION', what, 'one that was not', 'leave it out')
}
