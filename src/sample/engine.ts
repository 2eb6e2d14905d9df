// The plans behind all streams of one model: one step, one block of a prompt, one draw. A stream is only a value; the
// plans hold the state of the stream that ran last, and hand it back when another one runs.

import { GatecellError } from '../errors.js'
import { Graph } from '../graph/graph.js'
import { sample } from '../graph/ops.js'
import type { ParameterStore } from '../graph/parameters.js'
import type { GeneratingPlan } from '../graph/plan.js'
import type { Tensor } from '../graph/tensor.js'

/** What streams ask of a model (model.ts has it): its steps as a graph. */
export interface TokenModel {
  readonly name: string
  readonly parameters: ParameterStore
  readonly dimNames: readonly string[]
  /** Threads of a step; 0: one, since a fork costs more than most steps gain and a service has many streams. */
  readonly threads: number
  readonly definition: { stream?: { token: string; logits: string } }
  record(
    dims: Readonly<Record<string, number>>,
    purpose: 'predict'
  ): { graph: Graph; inputs: Readonly<Record<string, Tensor>>; outputs: Readonly<Record<string, Tensor>> }
  compile(graph: Graph, options: { threads: number }): GeneratingPlan
}

/** Prompts run in blocks of this many steps, whose input projections are one GEMM; short enough to hold nobody up. */
export const PROMPT_BLOCK = 16

/** The random stream of draws; dropout layers have the small numbers. */
const DRAW_STREAM = 1 << 20

/** Someone whose state lies in the plans. */
export interface Owner {
  /** The plans go to another stream: copy your state out of them. */
  leave(): void
}

export interface StepEngine {
  readonly plan: GeneratingPlan
  /** [1]: the symbol that the next run reads. */
  readonly token: Int32Array
  /** [V] of the last run. */
  readonly logits: Float32Array
  /** [1]: what the last run drew. */
  readonly sampled: Int32Array
  /** {temperature, topK, topP, 0} */
  readonly sampler: Float32Array
  readonly states: Readonly<Record<string, Float32Array>>
  /** `count` runs of the native loop; see GeneratingPlan. */
  generate(count: number, stop: number, out: Int32Array): number
  /** Runs PROMPT_BLOCK tokens from `begin` on through the states; no logits, no draw. */
  runBlock(tokens: ArrayLike<number>, begin: number): void
  /** Draws again from `logits` under `seed` at `step`, with the sampler's present settings. */
  redraw(seed: number, step: number): number
  owner: Owner | null
}

const engines = new WeakMap<TokenModel, StepEngine>()

/** The engine of `model`, made at the first call. Throws ERR_UNSUPPORTED for a model that is no stream of tokens. */
export function engineOf(model: TokenModel): StepEngine {
  let engine = engines.get(model)
  if (!engine || engine.plan.disposed) {
    engine = createEngine(model)
    engines.set(model, engine)
  }
  return engine
}

interface Parts {
  graph: Graph
  token: Tensor
  logits: Tensor
}

function recordSteps(model: TokenModel, length: number): Parts {
  const names = model.definition.stream
  if (!names) {
    throw new GatecellError(
      'ERR_UNSUPPORTED',
      `Expected a model that names its token input and logits output ("stream" in its definition) but "${model.name}" does not.`
    )
  }
  const dims = Object.fromEntries(model.dimNames.map((name) => [name, name === 'length' ? length : 1]))
  const { graph, inputs, outputs } = model.record(dims, 'predict')
  const token = inputs[names.token]
  const logits = outputs[names.logits]
  if (token?.dtype !== 'i32' || token.shape.length !== 2 || logits?.shape.length !== 3) {
    throw new GatecellError(
      'ERR_UNSUPPORTED',
      `Expected an int32 [length, batch] input "${names.token}" and an output "${names.logits}" of rank 3 for streams of "${model.name}".`
    )
  }
  return { graph, token, logits }
}

function createEngine(model: TokenModel): StepEngine {
  const { graph, token, logits } = recordSteps(model, 1)
  const sampler = graph.input('sampler', [4], 'f32')
  const sampled = sample(logits, sampler, DRAW_STREAM)
  graph.output('logits', logits)
  graph.output('sampled', sampled)
  const threads = model.threads || 1
  const plan = model.compile(graph, { threads })
  const states = plan.states
  const logitsView = plan.outputs['logits'] as Float32Array
  const samplerView = plan.inputs['sampler'] as Float32Array

  let block: { plan: GeneratingPlan; token: Int32Array } | null = null
  function blockPlan() {
    if (!block) {
      const parts = recordSteps(model, PROMPT_BLOCK)
      const made = model.compile(parts.graph, { threads })
      block = { plan: made, token: made.inputs[model.definition.stream!.token] as Int32Array }
    }
    return block
  }

  function runBlock(tokens: ArrayLike<number>, begin: number): void {
    // A model without carried state forgets all but the last token.
    if (Object.keys(states).length === 0) return
    const { plan: prompt, token: ids } = blockPlan()
    for (let i = 0; i < PROMPT_BLOCK; i++) ids[i] = tokens[begin + i]!
    for (const name in states) prompt.states[name]!.set(states[name]!)
    prompt.runSync()
    for (const name in states) states[name]!.set(prompt.states[name]!)
  }

  let draw: { plan: GeneratingPlan; logits: Float32Array; sampler: Float32Array; sampled: Int32Array } | null = null
  function drawPlan() {
    if (!draw) {
      const alone = new Graph({ training: false, parameters: model.parameters.specs })
      const input = alone.input('logits', logits.shape, 'f32')
      const settings = alone.input('sampler', [4], 'f32')
      alone.output('sampled', sample(input, settings, DRAW_STREAM))
      const made = model.compile(alone, { threads: 1 })
      const view = <V>(views: Readonly<Record<string, unknown>>, name: string) => views[name] as V
      draw = {
        plan: made,
        logits: view(made.inputs, 'logits'),
        sampler: view(made.inputs, 'sampler'),
        sampled: view(made.outputs, 'sampled')
      }
    }
    return draw
  }

  return {
    plan,
    token: plan.inputs[model.definition.stream!.token] as Int32Array,
    logits: logitsView,
    sampled: plan.outputs['sampled'] as Int32Array,
    sampler: samplerView,
    states,
    generate: (count, stop, out) => plan.generate(token, sampled, count, stop, out),
    runBlock,
    redraw(seed, step) {
      const again = drawPlan()
      again.logits.set(logitsView)
      again.sampler.set(samplerView)
      again.plan.control.seed = seed
      again.plan.control.step = step
      again.plan.runSync()
      return again.sampled[0]!
    },
    owner: null
  }
}
