// The trace of a reader on one sample of ink (Graves 2012, figure 7.5): the letters as they are recognised, the memory cells over time, the
// input of the pen, and the gradient of each letter's output with respect to the points of the pen.

import { INK_FEATURES, inkFeatures, prepareStrokes } from '../../data/ink/features.js'
import type { Ink } from '../../data/ink/strokes.js'
import { ctcGreedy, rowsOf } from '../../generate/decode/ctc.js'
import { logSoftmax } from '../../generate/scorers.js'
import {
  traceGradient,
  traceNetwork,
  type LayerTrace,
  type TraceInput,
  type TraceOptions
} from '../../introspect/network.js'
import type { LoadedReader } from './load.js'
import { recognitionLayers } from './model.js'

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

/** Most letters whose gradients are computed. */
const MAX_LETTERS = 64

/**
 * Traces a reader on one sample. It runs the network once forward and once backward on the caller's thread. Throws ERR_INVALID_INK for ink
 * that is not usable.
 */
export function traceInk(reader: LoadedReader, ink: Ink, options: TraceOptions = {}): InkTrace {
  const { model, config, vocabulary } = reader
  const strokes = prepareStrokes(ink, config.normalisation)
  const values = inkFeatures(strokes, config.normalisation)
  const steps = values.length / INK_FEATURES
  const above = (x: Parameters<typeof recognitionLayers>[0]) => recognitionLayers(x, null, config).logits
  const { logits, symbols, layers } = traceNetwork(model, above, { values, steps, batch: 1, ...options })
  const rows = [...rowsOf(logits, [steps, 1, symbols], 0)].map((row) => logSoftmax(row).map(Math.exp))
  const blank = vocabulary.idOf('blank')
  const path = ctcGreedy(rowsOf(logits, [steps, 1, symbols], 0), { blank })
  const emitted = [...path.labels].map((symbol, i) => ({ step: path.steps[i]!, symbol })).slice(0, MAX_LETTERS)
  const gradients = gradientsOf(values, steps, emitted)
  const nameOf = (label: number) => vocabulary.decode([label], { skipSpecial: true })
  const shown = [blank, ...new Set(emitted.map(({ symbol }) => symbol))]
  return {
    text: vocabulary.decode(path.labels),
    truth: ink.text,
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

  function gradientsOf(features: Float32Array, length: number, at: readonly { step: number; symbol: number }[]) {
    if (at.length === 0) return []
    // A batch with a copy of the sample for each letter.
    const batch = at.length
    const copies = new Float32Array(length * batch * INK_FEATURES)
    for (let t = 0; t < length; t++) {
      const row = features.subarray(t * INK_FEATURES, (t + 1) * INK_FEATURES)
      for (let b = 0; b < batch; b++) copies.set(row, (t * batch + b) * INK_FEATURES)
    }
    const input: TraceInput = { values: copies, steps: length, batch, ...options }
    const gradient = traceGradient(model, above, input, at)
    return at.map((_, b) =>
      Array.from({ length }, (_, t) => {
        const begin = (t * batch + b) * INK_FEATURES
        return Math.hypot(...gradient.subarray(begin, begin + INK_FEATURES))
      })
    )
  }
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
