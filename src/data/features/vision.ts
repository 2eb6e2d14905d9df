// Vision models in the ONNX format as encoders of images, run by the package onnxruntime-node, which an application installs itself.

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { expected, GatecellError } from '../../errors.js'
import { here } from '../../here.js'
import { featureShape, shownShape, type Features } from './features.js'

/** The scales of the pixels of vision models: mean and deviation of ImageNet for each colour, 0 to 1, or -1 to 1. */
export const visionScales = ['imagenet', 'unit', 'signed'] as const

/** A vision model as a configuration stores it. */
export interface VisionChoice {
  /** SHA-256 of the model's file in hexadecimal digits. */
  readonly sha256: string
  /** Name of the output whose values are the features. */
  readonly output: string
  /** Scale of the pixels that it reads, see `visionScales`. */
  readonly scale: 'imagenet' | 'unit' | 'signed'
}

/** An open vision model. */
export interface VisionModel extends VisionChoice {
  /** Returns the features of an image [height, width, 3]. Throws ERR_FILE_FORMAT with the name of the model if it does not take such an image. */
  features(rgb: Uint8Array, size: { readonly width: number; readonly height: number }): Promise<Features>
  close(): Promise<void>
}

/** Options of `openVision`. */
export interface VisionOptions {
  /** The path or another name of the model, for messages. */
  readonly name: string
  /** Default: the only output of the model. */
  readonly output?: string | undefined
  readonly scale: VisionChoice['scale']
}

/** Most bytes of a model's file. */
export const MAX_VISION_BYTES = 2 ** 30

/** Mean and deviation of red, green and blue, by scale. */
const SCALES: Readonly<Record<VisionChoice['scale'], readonly (readonly [mean: number, deviation: number])[]>> = {
  // Of the pixels of ImageNet, with which the models of torchvision and timm are trained.
  imagenet: [[0.485, 0.229], [0.456, 0.224], [0.406, 0.225]], // prettier-ignore
  unit: [[0, 1], [0, 1], [0, 1]], // prettier-ignore
  signed: [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]] // prettier-ignore
}

/** The part of onnxruntime-node that is used here. */
interface OnnxTensor {
  readonly type: string
  readonly dims: readonly number[]
  readonly data: unknown
}
interface OnnxSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: Record<string, OnnxTensor>): Promise<Record<string, OnnxTensor>>
  release(): Promise<void>
}
interface OnnxRuntime {
  readonly Tensor: new (type: string, data: Float32Array, dims: readonly number[]) => OnnxTensor
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<OnnxSession> }
  readonly env: { logLevel: string }
}

/** Loads onnxruntime-node, an optional peer dependency. `require` finds it next to the program as well as by NODE_PATH. */
function loadRuntime(): OnnxRuntime {
  try {
    const runtime = createRequire(here)('onnxruntime-node') as OnnxRuntime
    runtime.env.logLevel = 'fatal'
    return runtime
  } catch (error) {
    const remedy = 'install it with npm install onnxruntime-node'
    throw expected('ERR_UNSUPPORTED', 'the package onnxruntime-node, which runs ONNX models', 'none', remedy, error)
  }
}

const causeOf = (error: unknown) => (error instanceof Error ? error.message.split('\n')[0]!.trim() : 'an unknown error')

/** Returns an image as the planes of red, green and blue, [3, height, width], in a scale. */
function planes(rgb: Uint8Array, scale: VisionChoice['scale']): Float32Array {
  const size = rgb.length / 3
  const values = new Float32Array(rgb.length)
  for (const [colour, [mean, deviation]] of SCALES[scale].entries())
    for (let i = 0; i < size; i++) values[colour * size + i] = (rgb[3 * i + colour]! / 255 - mean) / deviation
  return values
}

/** Returns features from an output: [1, channels, rows, columns], [1, places, numbers] or [1, numbers]. */
function featuresOf({ type, dims, data }: OnnxTensor, name: string): Features {
  const [batch, ...rest] = dims
  if (type !== 'float32' || !(data instanceof Float32Array) || batch !== 1 || rest.length < 1 || rest.length > 3) {
    const what = `float32 [1, channels, rows, columns], [1, places, numbers] or [1, numbers] from ${name}`
    throw expected('ERR_FILE_FORMAT', what, `${type} ${shownShape(dims)}`, 'choose another output (onnxOutput)')
  }
  if (rest.length < 3) {
    const shape = rest.length === 1 ? [1, ...rest] : rest
    featureShape(shape, name)
    return { shape, values: data.slice() }
  }
  const [channels, rows, columns] = rest as [number, number, number]
  featureShape([rows, columns, channels], name)
  const [places, values] = [rows * columns, new Float32Array(data.length)]
  for (let channel = 0; channel < channels; channel++)
    for (let place = 0; place < places; place++) values[place * channels + channel] = data[channel * places + place]!
  return { shape: [rows, columns, channels], values }
}

/** Returns the name of the output to read. Throws ERR_FILE_FORMAT, with the names, if the model does not have it or has several. */
function outputOf({ inputNames, outputNames }: OnnxSession, { name, output }: VisionOptions): string {
  if (inputNames.length !== 1)
    throw expected('ERR_FILE_FORMAT', `one input in ${name}`, `${inputNames.length}`, 'take a model of images')
  if (output === undefined && outputNames.length === 1) return outputNames[0]!
  if (output !== undefined && outputNames.includes(output)) return output
  const what = output === undefined ? `one output in ${name}` : `an output ${JSON.stringify(output)} in ${name}`
  throw expected('ERR_FILE_FORMAT', what, outputNames.slice(0, 8).join(', '), 'choose one of them (onnxOutput)')
}

/**
 * Opens a vision model from the bytes of its file. It runs on one thread, so that its features have the same bits each time. Throws ERR_UNSUPPORTED
 * if the package onnxruntime-node is not installed, and ERR_FILE_FORMAT, with its name, for a file that this package refuses.
 */
export async function openVision(bytes: Uint8Array, options: VisionOptions): Promise<VisionModel> {
  const { name, scale } = options
  const runtime = loadRuntime()
  let session: OnnxSession
  try {
    session = await runtime.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  } catch (error) {
    throw expected('ERR_FILE_FORMAT', `an ONNX model in ${name}`, `another file (${causeOf(error)})`, 'export it again', error) // prettier-ignore
  }
  try {
    const output = outputOf(session, options)
    const input = session.inputNames[0]!
    return {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      output,
      scale,
      async features(rgb, { width, height }) {
        const image = new runtime.Tensor('float32', planes(rgb, scale), [1, 3, height, width])
        try {
          const found = (await session.run({ [input]: image }))[output]!
          return featuresOf(found, `the output ${output} of ${name}`)
        } catch (error) {
          if (error instanceof GatecellError) throw error
          const what = `a model that takes an image [1, 3, ${height}, ${width}] in ${name}`
          throw expected('ERR_FILE_FORMAT', what, `an error (${causeOf(error)})`, 'choose the width and height of the model', error) // prettier-ignore
        }
      },
      close: () => session.release()
    }
  } catch (error) {
    await session.release()
    throw error
  }
}

/** Throws ERR_INVALID_OPTION unless a model is the one that a captioner was trained with. */
export function checkVision({ sha256 }: VisionModel, wanted: VisionChoice, name: string): void {
  if (sha256 === wanted.sha256) return
  const what = `the vision model with which the captioner was trained (sha256 ${wanted.sha256.slice(0, 12)}) as ${name}`
  throw expected('ERR_INVALID_OPTION', what, `another one (${sha256.slice(0, 12)})`, 'name that model')
}

/** Returns the error for a captioner of the features of a vision model without this model. */
export function withoutVision({ sha256 }: VisionChoice): GatecellError {
  const what = `the vision model (onnx) with which the captioner was trained (sha256 ${sha256.slice(0, 12)})`
  return expected('ERR_INVALID_OPTION', what, 'none', 'name its file, or give features in place of images')
}
