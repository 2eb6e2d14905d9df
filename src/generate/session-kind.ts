// The kind that sessions must share to be rows of one plan, and the recording of a step.

import { tensor, type Graph, type Tensor } from '../graph/graph.js'
import type { Device } from '../graph/opcodes.js'
import type { ParameterStore } from '../graph/parameters.js'
import type { GeneratingPlan } from '../graph/plan.js'
import type { Dims, Specs } from '../graph/specs.js'
import { DRAW_STREAM, type Sampler } from './samplers.js'

/** The part of a model (see model.ts) that sessions use. */
export interface SessionModel {
  readonly name: string
  readonly parameters: ParameterStore
  readonly inputDimNames: readonly string[]
  readonly threads: number
  readonly device: Device
  readonly definition: { inputs: Specs }
  record(
    dims: Dims,
    purpose: 'predict'
  ): { graph: Graph; inputs: Readonly<Record<string, Tensor>>; outputs: Readonly<Record<string, Tensor>> }
  compile(graph: Graph, options: { threads: number }): GeneratingPlan
}

/** Names of the output with the logits of a token, and of the input that the token is. */
export interface DrawnNames {
  readonly token: string
  readonly logits: string
}

/** The properties that sessions must share to be rows of one plan. */
export interface SessionKind {
  readonly model: SessionModel
  /** Sizes of the inputs' dims other than length and batch. */
  readonly dims: Dims
  readonly outputs: readonly string[]
  readonly records: readonly string[]
  /** By the input that each feeds. */
  readonly samplers: readonly (readonly [feeds: string, sampler: Sampler])[]
  /** Whether a value has the outputs of the last step of a run. */
  readonly keeps: boolean
  /** The output with logits and the input with the token that rows of a serving engine draw; undefined for other sessions. */
  readonly draws?: DrawnNames | undefined
}

/**
 * 'step': one run that leaves the outputs. 'run': the native loop, in which the samplers' values feed inputs. 'rows': the native loop whose
 * rows begin and end by themselves, and draw tokens from an output. 'prompt': PROMPT_BLOCK steps at once, which only change the states.
 */
export type SessionPurpose = 'step' | 'run' | 'rows' | 'prompt'

/** Prompts run in blocks of this many steps, whose input projections are one product; few enough that a block is short. */
export const PROMPT_BLOCK = 16

/** The recording of one step of `rows` rows, with the samplers of a run. */
export interface StepRecording {
  graph: Graph
  outputs: Readonly<Record<string, Tensor>>
  /** Value of each sampler, and the input that it feeds. */
  feeds: { name: string; from: Tensor; to: Tensor }[]
  table: Tensor | null
}

/** Name of the input that has the seeds and positions of the rows. */
export const tableName = 'rows of the samplers'
/** Returns the name of the input that has the settings of a sampler. */
export const controlName = (feeds: string) => `settings of the sampler of ${feeds}`

/** Records one step. Throws the errors of the model's forward and of the samplers. */
export function recordStep(kind: SessionKind, rows: number, purpose: SessionPurpose): StepRecording {
  const { model, dims, samplers } = kind
  const sizes: Record<string, number> = {}
  const length = purpose === 'prompt' ? PROMPT_BLOCK : 1
  for (const name of model.inputDimNames)
    sizes[name] = name === 'batch' ? rows : name === 'length' ? length : dims[name]!
  const { graph, inputs, outputs } = model.record(sizes, 'predict')
  const named = Object.fromEntries([...kind.outputs, ...kind.records].map((name) => [name, graph.tensor(name)]))
  const draws = purpose === 'run' || purpose === 'rows' ? samplers : []
  const table = draws.length > 0 ? graph.input(tableName, [rows, 4], 'i32') : null
  const feeds = draws.map(([name, { from, record }], i) => {
    const control = graph.input(controlName(name), [rows, 4], 'f32')
    const what = `the result of record() of the sampler of "${name}"`
    const value = tensor(record(outputs[from]!, control, DRAW_STREAM + i, table!), what)
    graph.own(value, what)
    return { name, from: value, to: inputs[name]! }
  })
  return { graph, outputs: { ...outputs, ...named }, feeds, table }
}
