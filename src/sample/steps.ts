// The plans that streams of one model run: one step, one block of a prompt, one draw.

import { GatecellError } from '../errors.js'
import { createArena, viewOf } from '../graph/arena.js'
import { Graph } from '../graph/graph.js'
import { sample } from '../graph/ops.js'
import type { ParameterStore } from '../graph/parameters.js'
import type { GeneratingPlan } from '../graph/plan.js'
import type { Tensor } from '../graph/tensor.js'

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

/** The random stream of draws; dropout layers have the small numbers. */
const DRAW_STREAM = 1 << 20

/** The plans of a step, a block and a draw, and where their values lie. */
export interface Steps {
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
  /** At most MOST_DRAWS runs on the engine's thread; a view of the ids that they drew, which holds until the next call. */
  generateAsync(count: number, stop: number): Promise<Int32Array>
  /** Reads one token on the engine's thread; control.step grows by one. */
  readAsync(id: number): Promise<void>
  /** Runs PROMPT_BLOCK tokens from `begin` on through the states; no logits, no draw. */
  runBlock(tokens: ArrayLike<number>, begin: number): void
  /** The same on the engine's thread; control.step grows by as many. */
  runBlockAsync(tokens: ArrayLike<number>, begin: number): Promise<void>
  /** Draws again from `logits` under `seed` at `step`, with the sampler's present settings. */
  redraw(seed: number, step: number): number
}

/** Longest run of `generateAsync`. */
export const MOST_DRAWS = 4096

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
  const dims = Object.fromEntries(model.inputDimNames.map((name) => [name, name === 'length' ? length : 1]))
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

/** Compiles the plans. Throws ERR_UNSUPPORTED if the model does not define a stream of tokens. */
export function createSteps(model: TokenModel): Steps {
  const { graph, token, logits } = recordSteps(model, 1)
  const sampler = graph.input('sampler', [4], 'f32')
  const sampled = sample(logits, sampler, DRAW_STREAM)
  graph.output('logits', logits)
  graph.output('sampled', sampled)
  const threads = model.threads || 1
  const plan = model.compile(graph, { threads })
  const states = plan.states
  const ids = plan.inputs[model.definition.stream!.token] as Int32Array
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

  /** Writes the tokens and calls `run`; only with carried states, because without them a model forgets all but the last token. */
  function withBlock<R>(tokens: ArrayLike<number>, begin: number, run: (prompt: GeneratingPlan) => R): R | undefined {
    if (Object.keys(states).length === 0) return undefined
    const { plan: prompt, token: block } = blockPlan()
    for (let i = 0; i < PROMPT_BLOCK; i++) block[i] = tokens[begin + i]!
    for (const name in states) prompt.states[name]!.set(states[name]!)
    return run(prompt)
  }
  function takeStates(prompt: GeneratingPlan): void {
    for (const name in states) states[name]!.set(prompt.states[name]!)
  }

  function runBlock(tokens: ArrayLike<number>, begin: number): void {
    withBlock(tokens, begin, (prompt) => {
      prompt.runSync()
      takeStates(prompt)
    })
  }

  async function runBlockAsync(tokens: ArrayLike<number>, begin: number): Promise<void> {
    plan.control.values[1]! += PROMPT_BLOCK
    await withBlock(tokens, begin, async (prompt) => {
      await prompt.run('forward')
      takeStates(prompt)
    })
  }

  async function readAsync(id: number): Promise<void> {
    ids[0] = id
    await plan.run()
    plan.control.values[1]! += 1
  }

  let drawn: Int32Array | null = null
  async function generateAsync(count: number, stop: number): Promise<Int32Array> {
    drawn ??= viewOf(createArena(MOST_DRAWS + 1), 0, [MOST_DRAWS + 1], 'i32') as Int32Array
    const runs = await plan.generateAsync(token, sampled, count, stop, drawn)
    return drawn.subarray(0, runs)
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
    token: ids,
    logits: logitsView,
    sampled: plan.outputs['sampled'] as Int32Array,
    sampler: samplerView,
    states,
    generate: (count, stop, out) => plan.generate(token, sampled, count, stop, out),
    generateAsync,
    readAsync,
    runBlock,
    runBlockAsync,
    redraw(seed, step) {
      const again = drawPlan()
      again.logits.set(logitsView)
      again.sampler.set(samplerView)
      again.plan.control.seed = seed
      again.plan.control.step = step
      again.plan.runSync()
      return again.sampled[0]!
    }
  }
}
