// The trace of a reader on one sample of ink (Graves 2012, figure 7.5): the letters as they are recognised, the memory cells over time, the
// input of the pen, and the gradient of each letter's output with respect to the points of the pen.

import { invalid, type Check } from '../../../check/index.js'
import { INK_FEATURES, inkFeatures, prepareStrokes } from '../../../data/ink/features.js'
import { readInkSample, type Ink } from '../../../data/ink/strokes.js'
import { ctcGreedy, rowsOf } from '../../../generate/decode/ctc.js'
import { logSoftmax } from '../../../generate/scorers.js'
import { checkTraceOptions, traceGradient, traceNetwork } from '../../../introspect/network.js'
import type { LayerTrace, NetworkAbove, TraceOptions } from '../../../introspect/network.js'
import { checkReader, type LoadedReader } from './load.js'
import { valuesCheck } from '../../../settings/index.js'
import { recognitionLayers } from '../model.js'
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
  const values = inkFeatures(strokes, config.normalisation)
  const steps = values.length / INK_FEATURES
  const above = (x: Parameters<typeof recognitionLayers>[0]) => recognitionLayers(x, null, config).logits
  const { logits, symbols, layers } = await traceNetwork(model, above, { values, steps, batch: 1, ...how })
  const rows = [...rowsOf(logits, [steps, 1, symbols], 0)].map((row) => logSoftmax(row).map(Math.exp))
  const blank = vocabulary.idOf('blank')
  const path = ctcGreedy(rowsOf(logits, [steps, 1, symbols], 0), { blank })
  const emitted = [...path.labels].map((symbol, i) => ({ step: path.steps[i]!, symbol })).slice(0, MAX_LETTERS)
  const gradients = await gradientsOf(emitted, { model, above, values, steps, how })
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
    layers: layers.map((layer) => describeLayer(layer, steps))
  }
}

interface Traced {
  readonly model: LoadedReader['model']
  readonly above: NetworkAbove
  readonly values: Float32Array
  readonly steps: number
  readonly how: TraceOptions
}

/** Returns for each letter the norms of its gradient with respect to the points. They are computed in one batch with a row for each letter. */
async function gradientsOf(
  at: readonly { step: number; symbol: number }[],
  { model, above, values, steps, how }: Traced
): Promise<number[][]> {
  const batch = at.length
  if (batch === 0) return []
  const copies = new Float32Array(steps * batch * INK_FEATURES)
  for (let t = 0; t < steps; t++) {
    const row = values.subarray(t * INK_FEATURES, (t + 1) * INK_FEATURES)
    for (let b = 0; b < batch; b++) copies.set(row, (t * batch + b) * INK_FEATURES)
  }
  const gradient = await traceGradient(model, above, { values: copies, steps, batch, ...how }, at)
  return at.map((_, b) =>
    Array.from({ length: steps }, (_, t) => {
      const begin = (t * batch + b) * INK_FEATURES
      return Math.hypot(...gradient.subarray(begin, begin + INK_FEATURES))
    })
  )
}

function describeLayer({ name, hidden, cells, forget }: LayerTrace, steps: number) {
  const column = (values: Float64Array, unit: number) =>
    Array.from({ length: steps }, (_, t) => values[t * hidden + unit]!)
  const units = Array.from({ length: hidden }, (_, unit) => unit)
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    name,
    cells: units.map((unit) => column(cells, unit)),
    forget: units.map((unit) => mean(column(forget, unit)))
  }
}
