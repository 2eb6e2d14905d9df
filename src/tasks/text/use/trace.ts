// The memory of a text model: its forget gates, the half-lives that follow from them, and the distance over which the gradient of a prediction
// reaches back.

import { string } from '../../../check/index.js'
import { expected } from '../../../errors.js'
import { checkTraceOptions, halfLife, traceGradient, traceNetwork } from '../../../introspect/network.js'
import type { TraceInput, TraceOptions } from '../../../introspect/network.js'
import { checkLoadedText, type LoadedText } from './load.js'
import { textLayers } from '../model.js'

/** The memory of a text model on a text. */
export interface MemoryTrace {
  /** The LSTM layers, from the input to the output. */
  readonly layers: readonly LayerMemory[]
  /** The mean norm of d ln p(next symbol) / d input for each lag, from 0 (the last symbol read) on, divided by the largest of them. */
  readonly reach: readonly number[]
  /** Number of lags, from 0 on, that contain all but less than a hundredth of the sum of these norms. */
  readonly reachSteps: number
  /** Number of symbols that were read. */
  readonly symbols: number
}

/** The memory of one LSTM layer. */
export interface LayerMemory {
  readonly name: string
  /** The mean forget gate of each unit, in increasing order. */
  readonly forget: readonly number[]
  /** The mean over the units. */
  readonly meanForget: number
  /** Number of steps after which half of a cell is forgotten at its mean forget gate: quantiles over the units. */
  readonly halfLife: { readonly median: number; readonly p90: number; readonly longest: number }
  /** Share of a cell that is left after 10 and 100 steps at the mean forget gate of its unit, mean over the units. */
  readonly keptAfter10: number
  readonly keptAfter100: number
}

const WINDOW = 128
const MAX_WINDOWS = 16

/**
 * Measures the memory of a text model on a text, in at most 16 windows of up to 128 symbols that begin with a zero state. The network runs
 * on the engine's thread, once forward and once backward. Throws ERR_UNKNOWN_SYMBOL for symbols that the vocabulary does not have,
 * ERR_CORPUS_EMPTY for fewer than two symbols, ERR_ABORTED if `signal` aborts, and ERR_INVALID_ARGUMENT for a model that `loadTextModel`
 * did not return and for invalid options.
 *
 * @example
 * using loaded = await loadTextModel('shakespeare.safetensors')
 * const { layers, reachSteps } = await traceText(loaded, 'ROMEO: To be, or not to be')
 * console.log(layers[0].halfLife.median, reachSteps)
 */
export async function traceText(loaded: LoadedText, text: string, options: TraceOptions = {}): Promise<MemoryTrace> {
  const { model, vocabulary, config } = checkLoadedText(loaded, 'the model')
  const how = checkTraceOptions(options, 'the options of traceText')
  const ids = vocabulary.encode(string(text, 'the text'))
  if (ids.length < 2)
    throw expected('ERR_CORPUS_EMPTY', 'at least two symbols to trace', String(ids.length), 'give more text')
  const steps = Math.min(WINDOW, ids.length - 1)
  const batch = Math.max(1, Math.min(MAX_WINDOWS, Math.floor((ids.length - 1) / steps)))
  const stride = batch > 1 ? Math.floor((ids.length - 1 - steps) / (batch - 1)) : 0
  const table = model.parameters.get('embedding.weight')
  const width = table.shape[1]!
  const values = new Float32Array(steps * batch * width)
  const next: { step: number; symbol: number }[] = []
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < steps; t++) {
      const id = ids[b * stride + t]!
      values.set(table.data.subarray(id * width, (id + 1) * width), (t * batch + b) * width)
    }
    next.push({ step: steps - 1, symbol: ids[b * stride + steps]! })
  }
  const input: TraceInput = { values, steps, batch, ...how }
  const above = (x: Parameters<typeof textLayers>[0]) => textLayers(x, config)
  const { layers } = await traceNetwork(model, above, input)
  const reach = reachOf(await traceGradient(model, above, input, next), input, width)
  const sum = reach.reduce((total, value) => total + value, 0)
  let [reachSteps, left] = [reach.length, 0]
  while (reachSteps > 1 && left + reach[reachSteps - 1]! < sum / 100) left += reach[--reachSteps]!
  const most = Math.max(...reach)
  return {
    layers: layers.map(({ name, hidden, forget }) => memoryOf(name, hidden, forget)),
    reach: reach.map((value) => (most > 0 ? value / most : 0)),
    reachSteps,
    symbols: steps * batch
  }
}

function memoryOf(name: string, hidden: number, forget: Float64Array): LayerMemory {
  const rows = forget.length / hidden
  const means = Array.from({ length: hidden }, (_, unit) => {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += forget[row * hidden + unit]!
    return sum / rows
  }).sort((a, b) => a - b)
  const lives = means.map(halfLife)
  const mean = (value: (gate: number) => number) => means.reduce((sum, gate) => sum + value(gate), 0) / hidden
  return {
    name,
    forget: means,
    meanForget: mean((gate) => gate),
    halfLife: { median: lives[hidden >> 1]!, p90: lives[Math.floor(0.9 * (hidden - 1))]!, longest: lives[hidden - 1]! },
    keptAfter10: mean((gate) => gate ** 10),
    keptAfter100: mean((gate) => gate ** 100)
  }
}

/** Returns the mean norm of the gradient for each lag before the last step. */
function reachOf(gradient: Float64Array, { steps, batch }: TraceInput, width: number): number[] {
  return Array.from({ length: steps }, (_, lag) => {
    let sum = 0
    for (let b = 0; b < batch; b++) {
      const at = ((steps - 1 - lag) * batch + b) * width
      sum += Math.sqrt(gradient.subarray(at, at + width).reduce((squares, value) => squares + value * value, 0))
    }
    return sum / batch
  })
}
