// The memory of a text model: its forget gates, the half-lives that follow from them, and the distance over which the gradient of a prediction
// reaches back.

import { string } from '../../../check/index.js'
import { expected } from '../../../errors.js'
import { checkTraceOptions, halfLife, layerSuffixes, unitMeans, type TraceOptions } from '../../../introspect/memory.js'
import { textCell } from '../model.js'
import { checkLoadedText, type LoadedText } from './load.js'

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
/** The tensor of the embedded symbols [T, B, E]. */
const EMBEDDED = 'embedding.output'

/**
 * Measures the memory of a text model on a text, in at most 16 windows of up to 128 symbols that begin with a zero state. The network runs
 * on the engine's thread, once forward and back. Throws ERR_UNKNOWN_SYMBOL for symbols that the vocabulary does not have,
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
  const cell = textCell(config.network)
  if (cell !== 'lstm')
    throw expected('ERR_UNSUPPORTED', 'a text model with LSTM layers, whose forget gates are traced,', `the cell ${cell}`, 'train one with the cell lstm') // prettier-ignore
  const ids = vocabulary.encode(string(text, 'the text'))
  if (ids.length < 2)
    throw expected('ERR_CORPUS_EMPTY', 'at least two symbols to trace', String(ids.length), 'give more text')
  const length = Math.min(WINDOW, ids.length - 1)
  const batch = Math.max(1, Math.min(MAX_WINDOWS, Math.floor((ids.length - 1) / length)))
  const stride = batch > 1 ? Math.floor((ids.length - 1 - length) / (batch - 1)) : 0
  const suffixes = layerSuffixes(config.network)
  const outputs = suffixes.map((suffix) => `lstm.forget_gate_${suffix}`)
  // The loss counts only the symbol after each window, and is the mean of its -ln p.
  const gradients = [EMBEDDED] as const
  using lease = model.lease({ length, batch }, { purpose: 'evaluate', outputs, gradients })
  const { plan } = lease
  const tokens = plan.inputs['tokens']!
  const targets = plan.inputs['targets']!.fill(-1)
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) tokens[t * batch + b] = ids[b * stride + t]!
    targets[(length - 1) * batch + b] = ids[b * stride + length]!
  }
  await plan.run('gradient', how)
  const { hidden, embedding } = config.network
  const reach = reachOf(plan.gradients[EMBEDDED], length, batch, embedding)
  const sum = reach.reduce((total, value) => total + value, 0)
  let [reachSteps, left] = [reach.length, 0]
  while (reachSteps > 1 && left + reach[reachSteps - 1]! < sum / 100) left += reach[--reachSteps]!
  const most = Math.max(...reach)
  return {
    layers: suffixes.map((name, i) => memoryOf(name, unitMeans(plan.outputs[outputs[i]!]!, hidden))),
    reach: reach.map((value) => (most > 0 ? value / most : 0)),
    reachSteps,
    symbols: length * batch
  }
}

function memoryOf(name: string, unsorted: number[]): LayerMemory {
  const means = unsorted.toSorted((a, b) => a - b)
  const hidden = means.length
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

/** Returns the mean norm of the gradient [T, B, width] for each lag before the last step. */
function reachOf(gradient: Float32Array, steps: number, batch: number, width: number): number[] {
  return Array.from({ length: steps }, (_, lag) => {
    let sum = 0
    for (let b = 0; b < batch; b++) {
      const at = ((steps - 1 - lag) * batch + b) * width
      sum += Math.hypot(...gradient.subarray(at, at + width))
    }
    return sum
  })
}
