// The plans that streams of one model run: one step, one block of a prompt, one draw.

import { GatecellError } from '../errors.js'
import { createArena, viewOf } from '../graph/arena.js'
import { Graph } from '../graph/graph.js'
import { sample } from '../graph/ops/index.js'
import type { ParameterStore } from '../graph/parameters.js'
import type { GeneratingPlan } from '../graph/plan.js'
import type { Tensor } from '../graph/graph.js'
import { DRAW_STREAM } from './samplers.js'
import { MOST_DRAWS } from './seats.js'

/** The part of a model (see model.ts) that streams use: its steps as a graph. */
export interface TokenModel {
  readonly name: string
  readonly parameters: ParameterStore
  readonly inputDimNames: readonly string[]
  /** Threads of a step; 0: one, since a fork costs more than most steps gain and a service has many streams. */
  readonly threads: number
  readonly definition: { stream?: { token: string; logits: string } }
  record(
    dims: Readonly<Record<string, number>>,
    purpose: 'predict'
  ): { graph: Graph; inputs: Readonly<Record<string, Tensor>>; outputs: Readonly<Record<string, Tensor>> }
  compile(graph: Graph, options: { threads: number }): GeneratingPlan
}

/** Prompts run in blocks of this many steps, whose input projections are one GEMM; few enough that a block is short. */
export const PROMPT_BLOCK = 16

/** The plans of a step, a block and a draw, and where their values lie. */
export interface Steps {
  readonly plan: GeneratingPlan
  /** [1]: the symbol that the next run reads. */
  readonly token: Int32Array
  /** [V] of the last run. */
  readonly logits: Float32Array
  /** [1]: the symbol that the last run drew. */
  readonly sampled: Int32Array
  /** {temperature, topK, topP, 0} */
  readonly sampler: Float32Array
  readonly states: Readonly<Record<string, Float32Array>>
  /** `count` runs of the native loop; see Loop. */
  generate(count: number, stop: number, out: Int32Array): number
  /** At most MOST_DRAWS runs on the engine's thread; a view of the ids that they drew, which holds until the next call. */
  generateAsync(count: number, stop: number): Promise<Int32Array>
  /** Reads one token on the engine's thread; control.step grows by one. */
  readAsync(id: number): Promise<void>
  /** Runs PROMPT_BLOCK tokens from `begin` on through the states; no logits, no draw. */
  runBlock(tokens: ArrayLike<number>, begin: number): void
  /** The same on the engine's thread; control.step grows by PROMPT_BLOCK. */
  runBlockAsync(tokens: ArrayLike<number>, begin: number): Promise<void>
  /** Draws again from `logits` under `seed` at `step`, with the sampler's present settings. */
  redraw(seed: number, step: number): number
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
      `Expected a model that names its token input and logits output ("stream" in its definition) but "${model.name}" does not: add stream: { token, logits } to the definition.`
    )
  }
  const dims = Object.fromEntries(model.inputDimNames.map((name) => [name, name === 'length' ? length : 1]))
  const { graph, inputs, outputs } = model.record(dims, 'predict')
  const token = inputs[names.token]
  const logits = outputs[names.logits]
  if (token?.dtype !== 'i32' || token.shape.length !== 2 || logits?.shape.length !== 3) {
    throw new GatecellError(
      'ERR_UNSUPPORTED',
      `Expected an int32 [length, batch] input "${names.token}" and an output "${names.logits}" of rank 3 for streams of "${model.name}" but found others: name such ones as stream in its definition.`
    )
  }
  return { graph, token, logits }
}

/** Returns functions that run blocks of a prompt through the carried states of `plan`, in a plan that is compiled for the first block. */
function createBlocks(model: TokenModel, plan: GeneratingPlan): Pick<Steps, 'runBlock' | 'runBlockAsync'> {
  const { states } = plan
  let prompt: GeneratingPlan | null = null
  // The output of a model without carried states depends on the last token only, so that a block changes nothing.
  const carries = Object.keys(states).length > 0

  function write(tokens: ArrayLike<number>, begin: number): GeneratingPlan {
    prompt ??= model.compile(recordSteps(model, PROMPT_BLOCK).graph, { threads: threadsOf(model) })
    const ids = tokensOf(model, prompt)
    for (let i = 0; i < PROMPT_BLOCK; i++) ids[i] = tokens[begin + i]!
    for (const name in states) prompt.states[name]!.set(states[name]!)
    return prompt
  }
  function takeStates(from: GeneratingPlan): void {
    for (const name in states) states[name]!.set(from.states[name]!)
  }

  return {
    runBlock(tokens, begin) {
      if (!carries) return
      const block = write(tokens, begin)
      block.runSync()
      takeStates(block)
    },
    async runBlockAsync(tokens, begin) {
      plan.control.advance(PROMPT_BLOCK)
      if (!carries) return
      const block = write(tokens, begin)
      await block.run('forward')
      takeStates(block)
    }
  }
}

/** Returns a function that draws from the present logits, in a plan that is compiled for the first draw. */
function createRedraw(model: TokenModel, logits: Tensor, from: Pick<Steps, 'logits' | 'sampler'>): Steps['redraw'] {
  let plan: GeneratingPlan | null = null
  const compile = () => {
    const graph = new Graph({ training: false, parameters: model.parameters.specs })
    const input = graph.input('logits', logits.shape, 'f32')
    const sampler = graph.input('sampler', [4], 'f32')
    graph.output('sampled', sample(input, sampler, DRAW_STREAM))
    return model.compile(graph, { threads: 1 })
  }
  return (seed, step) => {
    plan ??= compile()
    const { inputs, outputs, control } = plan
    ;(inputs['logits'] as Float32Array).set(from.logits)
    ;(inputs['sampler'] as Float32Array).set(from.sampler)
    control.seed = seed
    control.step = step
    plan.runSync()
    return (outputs['sampled'] as Int32Array)[0]!
  }
}

const threadsOf = ({ threads }: TokenModel) => threads || 1
const tokensOf = ({ definition }: TokenModel, plan: GeneratingPlan) =>
  plan.inputs[definition.stream!.token] as Int32Array

/** Compiles the plans. Throws ERR_UNSUPPORTED if the model does not define a stream of tokens. */
export function createSteps(model: TokenModel): Steps {
  const { graph, token, logits } = recordSteps(model, 1)
  const samplerInput = graph.input('sampler', [4], 'f32')
  const sampled = sample(logits, samplerInput, DRAW_STREAM)
  graph.output('logits', logits)
  graph.output('sampled', sampled)
  const plan = model.compile(graph, { threads: threadsOf(model) })
  const ids = tokensOf(model, plan)
  const views = { logits: plan.outputs['logits'] as Float32Array, sampler: plan.inputs['sampler'] as Float32Array }
  let drawn: Int32Array | null = null
  const loop = plan.loop({ feeds: [[sampled, token]], records: [sampled], watched: sampled })
  return {
    plan,
    token: ids,
    ...views,
    sampled: plan.outputs['sampled'] as Int32Array,
    states: plan.states,
    generate: (count, stop, out) => loop.run(count, stop, out),
    async generateAsync(count, stop) {
      drawn ??= viewOf(createArena(MOST_DRAWS + 1), 0, [MOST_DRAWS + 1], 'i32') as Int32Array
      const runs = await loop.runAsync(count, stop, drawn)
      return drawn.subarray(0, runs)
    },
    async readAsync(id) {
      ids[0] = id
      await plan.run()
      plan.control.advance(1)
    },
    ...createBlocks(model, plan),
    redraw: createRedraw(model, logits, views)
  }
}
