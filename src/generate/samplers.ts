// Samplers, which make the value of an input of the next step from an output of a step. A sampler is recorded as an op of the session's
// graph, so that the native loop draws. A draw depends only on the output, the settings, and the seed and position of the session.

import { number, optional, options as optionsOf, string } from '../check/index.js'
import type { Tensor } from '../graph/graph.js'
import { mixtureSample, sample } from '../graph/ops/index.js'
import { settingFields, type SamplerSettings } from './settings.js'

/** The random stream of the first sampler of a graph; those of dropout layers are small numbers. */
export const DRAW_STREAM = 2 ** 20

/**
 * Records the value of a step from an output of the model. `control`, f32 [R, 4], holds the settings of the R rows; `rows`, i32 [R, 4],
 * their seeds and steps as `ops.sample` takes them; `stream` numbers the sampler. Returns a tensor of the dtype and number of elements
 * of the input that it feeds.
 */
export type RecordValue = (source: Tensor, control: Tensor, stream: number, rows: Tensor) => Tensor

/**
 * The way in which an output feeds an input. The functions of this file make samplers; an object with these three properties is one of a
 * caller's own.
 */
export interface Sampler {
  /** Name of the output of the model that it draws from. */
  readonly from: string
  /** Four numbers, which are the session's row of `control`. */
  readonly settings: readonly number[]
  /** Records the draw. Samplers with the same function share plans, and their sessions can be rows of one plan. */
  readonly record: RecordValue
}

/** Options of `categoricalSampler`. */
export interface CategoricalOptions extends Partial<Omit<SamplerSettings, 'seed'>> {
  /** Name of the output with the logits [..., V]; default 'logits'. */
  from?: string
}

/** Options of `mixtureSampler`. */
export interface MixtureOptions {
  /** Name of the output with the raw mixture [..., 6 M + 1], see `mixtureDensity`; default 'y'. */
  from?: string
  /**
   * Bias towards the likely (Graves 2013, equations 61 and 62), from 0 to 1e6; default 0. 0 draws as learned; writing is neat from about 1
   * on.
   */
  bias?: number
}

const { temperature, topK, topP } = settingFields
const readCategorical = optionsOf<CategoricalOptions>({
  from: optional(string),
  temperature,
  topK,
  topP
})
const readMixture = optionsOf<MixtureOptions>({ from: optional(string), bias: optional(number(0, 1e6)) })
const readFeedback = optionsOf<{ from?: string }>({ from: optional(string) })

const recordCategorical: RecordValue = (source, control, stream, rows) => sample(source, control, stream, rows)
const recordMixture: RecordValue = (source, control, stream, rows) => mixtureSample(source, control, stream, rows)
const recordFeedback: RecordValue = (source) => source

/**
 * Returns a sampler that draws a token from the softmax of logits / temperature, after topK and then topP, for an int32 input of one
 * element. The defaults are those of `SamplerSettings`: temperature 1, and no topK and topP. Throws ERR_INVALID_ARGUMENT for settings out
 * of range.
 *
 * @example
 * const session = createSession(model, { samplers: { tokens: categoricalSampler({ temperature: 0.7, topK: 40 }) } })
 */
export function categoricalSampler(options?: CategoricalOptions): Sampler {
  const read = readCategorical(options, 'the options of categoricalSampler')
  const { from = 'logits', temperature = 1, topK = 0, topP = 1 } = read
  return Object.freeze({ from, settings: [temperature, topK, topP, 0], record: recordCategorical })
}

/**
 * Returns a sampler that draws a point [dx, dy, end of stroke] from a mixture of Gaussians, for a float32 input of 3 elements. Throws
 * ERR_INVALID_ARGUMENT for a bias out of range.
 *
 * @example
 * const session = createSession(model, { samplers: { points: mixtureSampler({ bias: 0.5 }) } })
 */
export function mixtureSampler(options?: MixtureOptions): Sampler {
  const { from = 'y', bias = 0 } = readMixture(options, 'the options of mixtureSampler')
  return Object.freeze({ from, settings: [bias, 0, 0, 0], record: recordMixture })
}

/**
 * Returns a sampler that feeds an output as it is, without a draw, such as the value of a forecast. `from` is the name of the output,
 * default 'y'; its dtype and number of elements must be those of the input. Throws ERR_INVALID_ARGUMENT for options of other types.
 *
 * @example
 * const session = createSession(model, { inputs: { x: [3.2] }, samplers: { x: feedbackSampler({ from: 'forecast' }) } })
 */
export function feedbackSampler(options?: { from?: string }): Sampler {
  const { from = 'y' } = readFeedback(options, 'the options of feedbackSampler')
  return Object.freeze({ from, settings: [0, 0, 0, 0], record: recordFeedback })
}
