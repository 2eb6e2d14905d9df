// The trace of a reader on one sample of ink (Graves 2012, figure 7.5): the letters as they are recognised, the memory cells over time, the
// input of the pen, and the gradient of each letter's output with respect to the points of the pen.

import { invalid, type Check } from '../../../check/index.js'
import { INK_FEATURES, inkFeatures, prepareStrokes } from '../../../data/ink/features.js'
import { readInkSample, type Ink } from '../../../data/ink/strokes.js'
import { ctcGreedy, rowsOf } from '../../../generate/decode/ctc.js'
import { logSoftmax } from '../../../generate/scorers.js'
import { crossEntropy } from '../../../graph/ops/index.js'
import { checkTraceOptions, layerSuffixes, unitMeans, type TraceOptions } from '../../../introspect/memory.js'
import type { Model } from '../../../model.js'
import { checkReader, type LoadedReader } from './load.js'
import { valuesCheck } from '../../../settings/index.js'
import { inkTraceFields } from './use-records.js'

/** A letter of the best path. */
export interface TracedLetter {
  readonly symbol: string
  /** The step at which the best path first emits it. */
  readonly step: number
  /** Its probability at this step. */
  readonly probability: number
  /** The norm of d ln p(symbol at its step) / d point, for every point. */
  readonly gradient: readonly number[]
}

/** The trace of a reader on one sample of ink. */
export interface InkTrace {
  /** The reading of the best path. */
  readonly text: string
  /** The text of the sample; null if it has none. */
  readonly truth: string | null
  /** The points that the network read, one for each step: the place in normalised coordinates, and the index of the stroke. */
  readonly points: readonly { readonly x: number; readonly y: number; readonly stroke: number }[]
  /** The letters of the best path, at most 64. */
  readonly letters: readonly TracedLetter[]
  /** The probability at every step of each symbol that is read, and of the blank under the name ''. */
  readonly probabilities: Readonly<Record<string, readonly number[]>>
  /** The LSTM layers, from the input to the output. */
  readonly layers: readonly {
    readonly name: string
    /** The state of each memory cell, [unit][step]. */
    readonly cells: readonly (readonly number[])[]
    /** The mean forget gate of each unit. */
    readonly forget: readonly number[]
  }[]
}

const readTrace = valuesCheck(inkTraceFields)

/** Checks the form of a trace: its lists have an element for each point. Throws ERR_INVALID_ARGUMENT. */
export const checkInkTrace: Check<InkTrace> = (value, name) => {
  const trace = readTrace(value, name)
  const { points, letters, probabilities, layers } = trace
  const fits = ({ length }: readonly unknown[]) => length === points.length
  const whole =
    points.length > 0 &&
    layers.length > 0 &&
    layers.every(({ cells }) => cells.length > 0 && cells.every(fits)) &&
    letters.every(({ step, gradient }) => step < points.length && fits(gradient)) &&
    Object.values(probabilities).every(fits)
  if (whole) return trace
  throw invalid('a trace with a layer, whose lists have an element for each point,', name, value)
}

/** Most letters whose gradients are computed. */
const MAX_LETTERS = 64

/**
 * Traces a reader on one sample of ink. The network runs on the engine's thread, once forward and once backward with a row for each letter.
 * Throws ERR_INVALID_INK for ink that is not usable, ERR_ABORTED if `signal` aborts, and ERR_INVALID_ARGUMENT for a reader that `loadReader`
 * did not return and for invalid options.
 *
 * @example
 * using reader = await loadReader('reader.safetensors')
 * const ink = createInk([[[0, 0], [4, 10], [8, 0]], [[2, 4], [6, 4]]])
 * const trace = await traceInk(reader, ink)
 * console.log(trace.text, traceSvg(trace, { moving: true }))
 */
export async function traceInk(reader: LoadedReader, ink: Ink, options: TraceOptions = {}): Promise<InkTrace> {
  const { model, config, vocabulary } = checkReader(reader, 'the reader')
  const how = checkTraceOptions(options, 'the options of traceInk')
  const sample = readInkSample(ink, 'ink')
  const strokes = prepareStrokes(sample, config.normalisation)
  const points = inkFeatures(strokes, config.normalisation)
  const steps = points.length / INK_FEATURES
  const { logits, layers } = await runForward(reader, points, how)
  const shape = [steps, 1, vocabulary.size] as const
  const rows = [...rowsOf(logits, shape, 0)].map((row) => logSoftmax(row).map(Math.exp))
  const blank = vocabulary.idOf('blank')
  const path = ctcGreedy(rowsOf(logits, shape, 0), { blank })
  const emitted = [...path.labels].map((symbol, i) => ({ step: path.steps[i]!, symbol })).slice(0, MAX_LETTERS)
  const gradients = await gradientsOf(model, points, emitted, how)
  const nameOf = (label: number) => vocabulary.decode([label], { skipSpecial: true })
  const shown = [blank, ...new Set(emitted.map(({ symbol }) => symbol))]
  return {
    text: vocabulary.decode(path.labels),
    truth: sample.text,
    points: strokes.flatMap(({ x, y }, stroke) => Array.from(x, (value, i) => ({ x: value, y: y[i]!, stroke }))),
    letters: emitted.map(({ step, symbol }, i) => ({
      symbol: nameOf(symbol),
      step,
      probability: rows[step]![symbol]!,
      gradient: gradients[i]!
    })),
    probabilities: Object.fromEntries(shown.map((label) => [nameOf(label), rows.map((row) => row[label]!)])),
    layers
  }
}

/** Runs the network over the points and returns a copy of its logits, with the cells and forget gates of its layers. */
async function runForward({ model, config }: LoadedReader, points: Float32Array, how: TraceOptions) {
  const steps = points.length / INK_FEATURES
  const { hidden } = config.network
  const suffixes = layerSuffixes(config.network)
  const [cell, gate] = [(suffix: string) => `lstm.cell_${suffix}`, (suffix: string) => `lstm.forget_gate_${suffix}`]
  const outputs = ['logits', ...suffixes.flatMap((suffix) => [cell(suffix), gate(suffix)])]
  using lease = model.lease({ length: steps, batch: 1 }, { purpose: 'predict', outputs })
  const { plan } = lease
  plan.inputs['points']!.set(points)
  plan.inputs['lengths']!.fill(steps)
  await plan.run('forward', how)
  const layers = suffixes.map((name) => {
    const cells = plan.outputs[cell(name)]!
    return {
      name,
      cells: Array.from({ length: hidden }, (_, unit) =>
        Array.from({ length: steps }, (_, t) => cells[t * hidden + unit]!)
      ),
      forget: unitMeans(plan.outputs[gate(name)]!, hidden)
    }
  })
  return { logits: plan.outputs['logits']!.slice(), layers }
}

/**
 * Returns the norm of d ln p(symbol at step) / d point for each of `at` and every point. The plan has a copy of the sample for each of them;
 * its loss is the mean of their -ln p.
 */
async function gradientsOf(
  model: Model,
  points: Float32Array,
  at: readonly { step: number; symbol: number }[],
  how: TraceOptions
): Promise<number[][]> {
  const [length, batch] = [points.length / INK_FEATURES, at.length]
  if (batch === 0) return []
  const { graph, outputs } = model.record({ length, batch }, 'predict')
  const loss = crossEntropy(outputs['logits']!, graph.input('targets', [length, batch], 'i32'))
  using plan = model.compile(graph, { loss, gradients: ['points'], parameterGradients: false })
  const { points: copies, lengths, targets } = plan.inputs
  for (let t = 0; t < length; t++) {
    const row = points.subarray(t * INK_FEATURES, (t + 1) * INK_FEATURES)
    for (let b = 0; b < batch; b++) copies!.set(row, (t * batch + b) * INK_FEATURES)
  }
  lengths!.fill(length)
  targets!.fill(-1)
  at.forEach(({ step, symbol }, b) => (targets![step * batch + b] = symbol))
  await plan.run('gradient', how)
  const gradient = plan.gradients['points']!
  return at.map((_, b) =>
    Array.from({ length }, (_, t) => {
      const begin = (t * batch + b) * INK_FEATURES
      return batch * Math.hypot(...gradient.subarray(begin, begin + INK_FEATURES))
    })
  )
}
