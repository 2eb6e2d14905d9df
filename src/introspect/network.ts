// The trace of a network: gates and memory cells of its LSTM layers at every step, and the gradient of chosen outputs with respect to every
// input (Graves et al. 2009, section 5.5: the sequential Jacobian). It needs no support from the kernels: gates are recomputed from the
// inputs and outputs of a layer, and the network's input is a table of one row for each point, so that its gradient is that of a parameter.

import { choice, optional, options as optionsOf, signal as signalCheck } from '../check/index.js'
import { createPace } from '../data/files/pace.js'
import { expected } from '../errors.js'
import { Graph } from '../graph/graph.js'
import { crossEntropy, embedding, linear } from '../graph/ops/index.js'
import type { Device } from '../graph/opcodes.js'
import { ParameterStore } from '../graph/parameters.js'
import { createPlan } from '../graph/plan.js'
import type { Tensor } from '../graph/graph.js'
import type { Model } from '../model.js'

/** The trace of one LSTM layer, in one direction, over T steps of B rows. All arrays have the shape [T, B, H]. */
export interface LayerTrace {
  /** The suffix of its parameters: l0, l0_reverse, l1 ... */
  readonly name: string
  /** Hidden size H. */
  readonly hidden: number
  /** Whether the layer reads the sequence from its end. */
  readonly reverse: boolean
  /** Memory cells after each step. */
  readonly cells: Float64Array
  /** Forget gates, from 0 (all is forgotten) to 1 (all is kept). */
  readonly forget: Float64Array
  /** Outputs of the layer, recomputed from gates and cells. */
  readonly outputs: Float64Array
}

/** The trace of a network. */
export interface NetworkTrace {
  /** [T, B, K] */
  readonly logits: Float32Array
  /** Number of symbols K. */
  readonly symbols: number
  readonly layers: readonly LayerTrace[]
}

/** Options of a trace. */
export interface TraceOptions {
  /** Device on which the network runs. Default 'cpu'. Gates and cells are always recomputed on the CPU. */
  device?: Device | undefined
  /** Signal that aborts the trace; it then throws ERR_ABORTED. */
  signal?: AbortSignal | undefined
}

/** Checks the options of a trace. */
export const checkTraceOptions = optionsOf<TraceOptions>({
  device: optional(choice('cpu', 'cuda', 'auto')),
  signal: optional(signalCheck)
})

/** The input of a trace: T `steps` of B rows (`batch`). */
export interface TraceInput extends Readonly<TraceOptions> {
  /** The input of the first layer, [T, B, F]. */
  readonly values: Float32Array
  readonly steps: number
  readonly batch: number
}

/** Records the network above its input x [T, B, F] and returns the logits [T, B, K]. */
export type NetworkAbove = (x: Tensor) => Tensor

const INPUT = 'trace.input'
const LSTM_INPUTS = 7

interface Watched {
  plan: ReturnType<typeof createPlan>
  store: ParameterStore
  logits: Tensor
  layers: Omit<LayerTrace, 'cells' | 'forget' | 'outputs'>[]
}

/** Compiles the network with its input as a parameter. `loss`: with gradients of the targets' log-probabilities. */
function watch(model: Model, above: NetworkAbove, input: TraceInput, loss: boolean): Watched {
  const { values, steps, batch, device = 'cpu' } = input
  const shape = [steps * batch, values.length / (steps * batch)]
  const specs = [...model.parameters.specs, { name: INPUT, shape, initialize: () => {} }]
  const graph = new Graph({ training: false, parameters: specs })
  const store = new ParameterStore(specs, { training: loss })
  try {
    store.load(
      new Map([...model.parameters.copies(), { name: INPUT, shape, data: values }].map((one) => [one.name, one]))
    )
    const ids = graph.input('ids', [steps, batch], 'i32')
    const logits = above(
      embedding(
        graph.parameter(INPUT, shape, () => {}),
        ids
      )
    )
    const targets = loss ? crossEntropy(logits, graph.input('targets', [steps, batch], 'i32')) : null
    const layers = loss ? [] : watchLayers(graph)
    if (targets) graph.output('loss', targets)
    else graph.output('logits', logits)
    const plan = createPlan(graph, { parameters: store, loss: targets, threads: 1, device })
    ;(plan.inputs['ids'] as Int32Array).forEach((_, i, all) => (all[i] = i))
    return { plan, store, logits, layers }
  } catch (error) {
    store.dispose()
    throw error
  }
}

/** Makes the sums before the gates of every LSTM layer readable. Throws ERR_UNSUPPORTED for gates of another kind. */
function watchLayers(graph: Graph): Watched['layers'] {
  const name = (tensor: Tensor) => graph.parameters[graph.tensors[tensor.id]!.parameter]!.name
  return graph.ops
    .filter((op) => op.name === 'lstm')
    .map(({ inputs, outputs, attributes }) => {
      const [x, weightIh, weightHh, biasIh, biasHh] = inputs as [Tensor, Tensor, Tensor, Tensor | null, Tensor | null]
      const suffix = /_(l\d+(?:_reverse)?)$/.exec(name(weightIh))?.[1] ?? name(weightIh)
      if (inputs.slice(LSTM_INPUTS).some((other) => other) || weightHh.shape[0]! !== 4 * weightHh.shape[1]!) {
        const found = `${suffix} with lengths, peepholes or a projection`
        throw expected('ERR_UNSUPPORTED', 'plain LSTM layers to trace', found, 'trace a model without them')
      }
      graph.output(`${suffix} input`, linear(x, weightIh, biasIh))
      graph.output(`${suffix} output`, linear(outputs[0]!, weightHh, biasHh))
      graph.output(`${suffix} start`, linear(constantZero(graph, suffix, weightHh.shape[1]!), weightHh, biasHh))
      return { name: suffix, hidden: weightHh.shape[1]!, reverse: attributes[0] === 1 }
    })
}

/** Returns h before the first step: an input that is always zero. */
function constantZero(graph: Graph, suffix: string, hidden: number): Tensor {
  return graph.input(`${suffix} zero`, [1, hidden], 'f32')
}

/**
 * Runs the network once on the engine's thread, from states of zeros, and returns its logits with gates, cells and outputs of every LSTM
 * layer. Throws ERR_ABORTED if the signal aborts, ERR_UNSUPPORTED for LSTM layers with lengths, peepholes, a projection or layer normalisation.
 */
export async function traceNetwork(model: Model, above: NetworkAbove, input: TraceInput): Promise<NetworkTrace> {
  await model.ready()
  const { plan, store, logits, layers } = watch(model, above, input, false)
  try {
    await plan.run('forward', signalOf(input))
    const view = (name: string) => plan.outputs[name] as Float32Array
    const traces: LayerTrace[] = []
    for (const layer of layers) {
      const part = (what: string) => view(`${layer.name} ${what}`)
      traces.push(await traceLayer(layer, input, part('input'), part('output'), part('start')))
    }
    return { logits: view('logits').slice(), symbols: logits.shape[2]!, layers: traces }
  } finally {
    plan.dispose()
    store.dispose()
  }
}

function signalOf({ signal }: TraceOptions): { signal?: AbortSignal } {
  return signal ? { signal } : {}
}

/** Computes the equations of the cell in double (Hochreiter and Schmidhuber 1997, with the forget gate of Gers); gate order i, f, g, o. */
async function traceLayer(
  layer: Watched['layers'][number],
  { steps, batch, signal }: TraceInput,
  fromInput: Float32Array,
  fromOutput: Float32Array,
  start: Float32Array
): Promise<LayerTrace> {
  const { hidden, reverse } = layer
  const size = steps * batch * hidden
  const [cells, forget, outputs] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value))
  const pace = createPace(signal)
  for (let step = 0; step < steps; step++) {
    const t = reverse ? steps - 1 - step : step
    const before = reverse ? t + 1 : t - 1
    for (let b = 0; b < batch; b++) {
      for (let unit = 0; unit < hidden; unit++) {
        const gate = (kind: number) => {
          const column = kind * hidden + unit
          const recurrent = step === 0 ? start[column]! : fromOutput[(before * batch + b) * 4 * hidden + column]!
          return fromInput[(t * batch + b) * 4 * hidden + column]! + recurrent
        }
        const at = (t * batch + b) * hidden + unit
        const held = step === 0 ? 0 : cells[(before * batch + b) * hidden + unit]!
        forget[at] = sigmoid(gate(1))
        cells[at] = forget[at] * held + sigmoid(gate(0)) * Math.tanh(gate(2))
        outputs[at] = sigmoid(gate(3)) * Math.tanh(cells[at])
      }
      if (pace.due()) await pace.turn()
    }
  }
  return { ...layer, cells, forget, outputs }
}

/**
 * Returns the gradient of ln p(symbol at step) of each row with respect to the inputs of that row, [T, B, F], computed on the engine's
 * thread. `at[b]`: the step and symbol of row b. Throws ERR_ABORTED if the signal aborts.
 */
export async function traceGradient(
  model: Model,
  above: NetworkAbove,
  input: TraceInput,
  at: readonly { step: number; symbol: number }[]
): Promise<Float64Array> {
  const { batch } = input
  await model.ready()
  const { plan, store } = watch(model, above, input, true)
  try {
    const targets = (plan.inputs['targets'] as Int32Array).fill(-1)
    at.forEach(({ step, symbol }, b) => (targets[step * batch + b] = symbol))
    await plan.run('gradient', signalOf(input))
    // The loss is the mean of -ln p over the rows.
    return Float64Array.from(store.get(INPUT).grad!, (value) => -value * at.length)
  } finally {
    plan.dispose()
    store.dispose()
  }
}

/** Returns the number of steps after which half of a cell is forgotten, at a constant forget gate from 0 to 1: 6.6 steps at 0.9. */
export function halfLife(forget: number): number {
  return forget >= 1 ? Infinity : Math.LN2 / -Math.log(forget)
}
