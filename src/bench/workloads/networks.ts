// The engine's side of the workloads: plans made through the graph and the model, as users make them.

import { Graph } from '../../graph/graph.js'
import type { Initializer } from '../../graph/initializers.js'
import { add, crossEntropy, meanSquare } from '../../graph/ops/index.js'
import { ParameterStore } from '../../graph/parameters.js'
import type { Device, Precision } from '../../graph/opcodes.js'
import { createPlan, type Plan } from '../../graph/plan.js'
import type { Tensor } from '../../graph/graph.js'
import { embedding } from '../../layers/embedding.js'
import { linear } from '../../layers/linear.js'
import { lstm, type LstmOptions } from '../../layers/lstm.js'
import { defineModel, i32, type Model } from '../../model.js'
import { createRandom } from '../../random.js'
import { VOCABULARY, type Sizes } from './amounts.js'

/** Threads, precision and device of a measurement. */
export interface Setting {
  threads: number
  precision: Precision
  device: Device
}

/** Uniform in [-bound, bound) by a short recurrence: speed does not depend on the values, and weights are many. */
function fill(values: Float32Array, bound: number, seed: number): void {
  let state = seed >>> 0
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[i] = ((state >>> 8) / 0x800000 - 1) * bound
  }
}

const quick =
  (bound: number): Initializer =>
  (values, shape) =>
    fill(values, bound, shape[0]!)

function layerOptions({ H, layers }: Pick<Sizes, 'H' | 'layers'>) {
  const start = quick(1 / Math.sqrt(H))
  return { name: 'lstm', hidden: H, layers, inputWeight: start, recurrentWeight: start, bias: start }
}

interface Recorded {
  graph: Graph
  loss?: Tensor
}

/** Compiles a recording, with a loss to train, and fills its float inputs. */
export function compile({ graph, loss }: Recorded, setting: Setting): { plan: Plan; close: () => void } {
  const parameters = new ParameterStore(graph.parameters, { training: loss !== undefined })
  parameters.initialize(0)
  const plan = createPlan(graph, { parameters, loss: loss ?? null, ...setting })
  for (const values of Object.values(plan.inputs)) {
    if (values instanceof Float32Array) fill(values, 1, values.length)
  }
  return {
    plan,
    close() {
      plan.dispose()
      parameters.dispose()
    }
  }
}

/** A layer that is not the plain one: flags, and the lengths of its rows. */
export interface LayerVariant {
  options?: Pick<LstmOptions, 'bidirectional' | 'peepholes' | 'layerNorm'>
  lengths?: readonly number[]
}

/**
 * Compiles one layer, forward and backward with all gradients: the gradient of x flows into a bias that is added to x, and the gradient of
 * y is that of a mean square. Each of the two adds a pass over one array.
 */
export function layerPlan({ B, T, H }: Sizes, setting: Setting, { options = {}, lengths }: LayerVariant = {}) {
  const graph = new Graph({ training: true })
  const input = graph.input('x', [T, B, H], 'f32')
  const x = add(input, graph.parameter('shift', [H], quick(0.1)))
  const { output } = lstm(x, {
    ...layerOptions({ H, layers: 1 }),
    ...options,
    ...(lengths && { lengths: graph.input('lengths', [B], 'i32') })
  })
  const loss = meanSquare(output, graph.input('y', output.shape, 'f32'))
  graph.output('loss', loss)
  const compiled = compile({ graph, loss }, setting)
  if (lengths) (compiled.plan.inputs['lengths'] as Int32Array).set(lengths)
  return compiled
}

/** Compiles the inference of a sequence from a zero state, or with `carry` from the final state of the run before. */
export function sequencePlan({ B, T, H, layers }: Sizes, setting: Setting, carry = false) {
  const graph = new Graph({ training: false })
  const { output } = lstm(graph.input('x', [T, B, H], 'f32'), { ...layerOptions({ H, layers }), carry })
  graph.output('y', output)
  return compile({ graph }, setting)
}

/** Layers of one size. */
export type Stack = Pick<Sizes, 'H' | 'layers'>

/** The networks with which serving is measured. */
export const servedStacks: readonly Stack[] = [
  { H: 128, layers: 2 },
  { H: 512, layers: 2 }
]

function characterLayers(tokens: Tensor, { H, layers }: Stack): Tensor {
  const x = embedding(tokens, { name: 'embedding', vocabulary: VOCABULARY, size: H, weight: quick(1) })
  return lstm(x, { ...layerOptions({ H, layers }), carry: true }).output
}

/** Makes the character model of train-char and sample. */
export function characterModel({ H, layers }: Stack, setting: Setting, training: boolean) {
  return defineModel(
    {
      name: 'bench',
      config: {},
      inputs: { tokens: i32('length', 'batch') },
      targets: { targets: i32('length', 'batch') },
      forward: ({ tokens }) => {
        const y = characterLayers(tokens, { H, layers })
        return { logits: linear(y, { name: 'head', size: VOCABULARY, weight: quick(1 / Math.sqrt(H)) }) }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
      stream: { token: 'tokens', logits: 'logits' }
    },
    { training, ...setting }
  )
}

/**
 * Compiles the steps of a character model's layers, with its weights, as a native loop that reads the same symbol in every step, without
 * the head and the draw of sampling.
 */
export function characterSteps(model: Pick<Model, 'parameters' | 'compile'>, stack: Stack) {
  const graph = new Graph({ training: false, parameters: model.parameters.specs })
  const token = graph.input('tokens', [1, 1], 'i32')
  graph.output('y', characterLayers(token, stack))
  const plan = model.compile(graph, { threads: 1 })
  const loop = plan.loop({ feeds: [], records: [token] })
  return { plan, run: (out: Int32Array) => loop.run(out.length, -1, out) }
}

/**
 * Returns whether the embedding is folded into the first layer, whose input product is then made once a symbol instead of once a
 * token.
 */
export function foldsEmbedding(plan: Pick<Plan, 'explain'>): boolean {
  return plan.explain().nodes.some(({ op, why }) => op === 'lstm' && why.includes('folded'))
}

/** Compiles the training step of a character model on one random batch, with a rate so small that the model does not learn it. */
export function trainingStep(sizes: Sizes, setting: Setting) {
  const model = characterModel(sizes, setting, true)
  const plan = model.plan({ batch: sizes.B, length: sizes.T }, { purpose: 'train', optimizer: 'adam' })
  const random = createRandom(0, 'bench.tokens')
  for (const ids of [plan.inputs.tokens, plan.inputs.targets]) {
    for (let i = 0; i < ids.length; i++) ids[i] = random.below(VOCABULARY)
  }
  Object.assign(plan.control, { learningRate: 1e-4, clipNorm: 1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 })
  return { model: model as Model, plan }
}
