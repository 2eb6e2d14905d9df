// A plan that makes one step of some rows, each of which is a session. It gathers their values, runs, and scatters the new values.

import { createArena, viewOf } from '../graph/arena.js'
import type { Dims, Specs } from '../graph/specs.js'
import { tensor, type Graph, type Tensor } from '../graph/graph.js'
import type { GeneratingPlan, Loop } from '../graph/plan.js'
import type { ParameterStore } from '../graph/parameters.js'
import type { DType, Shape, View } from '../graph/shape.js'
import { putRow, rowsOfShape, sizeOfRow, takeRow, type RowLayout, type SessionValue } from './rows.js'
import { DRAW_STREAM, type Sampler } from './samplers.js'
import { MOST_DRAWS } from './seats.js'

/** The part of a model (see model.ts) that sessions use. */
export interface SessionModel {
  readonly name: string
  readonly parameters: ParameterStore
  readonly inputDimNames: readonly string[]
  readonly threads: number
  readonly definition: { inputs: Specs }
  record(
    dims: Dims,
    purpose: 'predict'
  ): { graph: Graph; inputs: Readonly<Record<string, Tensor>>; outputs: Readonly<Record<string, Tensor>> }
  compile(graph: Graph, options: { threads: number }): GeneratingPlan
}

/** The common properties of sessions that can be rows of one plan. */
export interface SessionKind {
  readonly model: SessionModel
  /** Sizes of the inputs' dims besides length and batch. */
  readonly dims: Dims
  /** Names of the outputs of a step. */
  readonly outputs: readonly string[]
  /** Names of the outputs that a run records. */
  readonly records: readonly string[]
  /** The samplers by the input that each feeds. */
  readonly samplers: readonly (readonly [feeds: string, sampler: Sampler])[]
}

/** Use of a plan: 'step' makes one step and leaves its outputs, 'run' is the native loop, in which the samplers' values feed inputs. */
export type SessionPurpose = 'step' | 'run'

/** Outputs of one step, a copy for each name. */
export type StepOutputs = Record<string, View>

/** Some steps of one session in a run. */
export interface SessionBlock {
  /** Number of the steps. */
  readonly count: number
  /** Values [count, ...] that the samplers drew, by the name of the input that they fed. */
  readonly values: Readonly<Record<string, View>>
  /** Values [count, ...] of the outputs that the session records, by name. */
  readonly outputs: Readonly<Record<string, View>>
}

/** The recording of one step of `rows` rows, with the samplers of a run. */
interface StepRecording {
  graph: Graph
  outputs: Readonly<Record<string, Tensor>>
  /** Value of each sampler, and the input that it feeds. */
  feeds: { name: string; from: Tensor; to: Tensor }[]
  /** Seeds and positions of the rows; null without samplers. */
  table: Tensor | null
}

const tableName = 'rows of the samplers'
const controlName = (feeds: string) => `settings of the sampler of ${feeds}`

/** Records one step of `rows` sessions. Throws the errors of the model's forward function and of the samplers. */
export function recordStep(
  { model, dims, samplers }: SessionKind,
  rows: number,
  purpose: SessionPurpose
): StepRecording {
  const sizes: Record<string, number> = {}
  for (const name of model.inputDimNames) sizes[name] = name === 'batch' ? rows : name === 'length' ? 1 : dims[name]!
  const { graph, inputs, outputs } = model.record(sizes, 'predict')
  const draws = purpose === 'run' ? samplers : []
  const table = draws.length > 0 ? graph.input(tableName, [rows, 4], 'i32') : null
  const feeds = draws.map(([name, { from, record }], i) => {
    const control = graph.input(controlName(name), [rows, 4], 'f32')
    const what = `the result of record() of the sampler of "${name}"`
    const value = tensor(record(outputs[from]!, control, DRAW_STREAM + i, table!), what)
    graph.own(value, what)
    return { name, from: value, to: inputs[name]! }
  })
  return { graph, outputs, feeds, table }
}

/** A tensor of the plan: its view and its rows. */
interface Part {
  readonly name: string
  readonly view: View
  readonly rows: RowLayout
}

/** A tensor that the native loop writes out after each step, and its place in the record of a step. */
interface Recorded {
  readonly kind: 'values' | 'outputs'
  readonly name: string
  readonly dtype: DType
  readonly at: number
  readonly elements: number
  readonly rows: RowLayout
}

/** A compiled step of `rows` rows of one kind. */
export class SessionPlan {
  readonly plan: GeneratingPlan
  readonly rows: number
  readonly #inputs: Part[]
  readonly #outputs: Part[]
  readonly #states: Omit<Part, 'view'>[]
  readonly #samplers: { feeds: string; control: Float32Array }[]
  readonly #table: Int32Array | null
  readonly #recorded: Recorded[]
  readonly #loop: Loop | null
  #out: Int32Array | null = null

  constructor(kind: SessionKind, rows: number, purpose: SessionPurpose) {
    const { graph, outputs, feeds, table } = recordStep(kind, rows, purpose)
    const single = rows === 1 ? { graph, outputs, feeds } : recordStep(kind, 1, purpose)
    for (const name of purpose === 'step' ? kind.outputs : kind.records) graph.output(name, outputs[name]!)
    for (const { name, from } of feeds) graph.output(`value of ${name}`, from)
    this.rows = rows
    this.plan = kind.model.compile(graph, { threads: kind.model.threads || 1 })
    const part = (name: string, view: View, tensors: ReadonlyMap<string, Tensor>, one: Shape): Part => ({
      name,
      view,
      rows: rowsOfShape(name, tensors.get(name)!.shape, one, rows)
    })
    const { plan } = this
    this.#inputs = Object.keys(kind.model.definition.inputs).map((name) =>
      part(name, plan.inputs[name]!, graph.inputs, single.graph.inputs.get(name)!.shape)
    )
    this.#states = [...graph.states].map(([name, { shape }]) => ({
      name,
      rows: rowsOfShape(name, shape, single.graph.states.get(name)!.shape, rows)
    }))
    const names = purpose === 'step' ? kind.outputs : kind.records
    this.#outputs = names.map((name) => part(name, plan.outputs[name]!, graph.outputs, single.outputs[name]!.shape))
    this.#samplers = feeds.map(({ name }) => ({ feeds: name, control: plan.inputs[controlName(name)] as Float32Array }))
    this.#table = table && (plan.inputs[tableName] as Int32Array)
    this.#recorded = []
    const records: Tensor[] = []
    const add = (kind: Recorded['kind'], name: string, tensor: Tensor, one: Tensor) => {
      const at = this.#recorded.reduce((sum, { elements }) => sum + elements, 0)
      const layout = rowsOfShape(name, tensor.shape, one.shape, rows)
      this.#recorded.push({ kind, name, dtype: tensor.dtype, at, elements: rows * sizeOfRow(layout), rows: layout })
      records.push(tensor)
    }
    feeds.forEach(({ name, from }, i) => add('values', name, from, single.feeds[i]!.from))
    if (purpose === 'run') for (const name of kind.records) add('outputs', name, outputs[name]!, single.outputs[name]!)
    const watched = feeds.find(({ from }) => from.dtype === 'i32')?.from
    this.#loop =
      purpose === 'run'
        ? plan.loop({
            feeds: feeds.map(({ from, to }) => [from, to] as const),
            records,
            ...(table && { rows: table }),
            ...(watched && { watched })
          })
        : null
  }

  /** Copies the values into the plan's rows. Rows without a session get the last value. */
  load(values: readonly SessionValue[]): void {
    const { states } = this.plan
    for (let row = 0; row < this.rows; row++) {
      const value = values[Math.min(row, values.length - 1)]!
      for (const { name, view, rows } of this.#inputs) putRow(view, rows, row, value.inputs[name]!)
      for (const { name, rows } of this.#states) putRow(states[name]!, rows, row, value.states[name]!)
      for (const { feeds, control } of this.#samplers) control.set(value.settings[feeds]!, 4 * row)
      this.#table?.set(wordsOf(value.seed, value.position), 4 * row)
    }
  }

  /** Copies the inputs of the value into the only row. */
  writeInputs(value: SessionValue): void {
    for (const { name, view, rows } of this.#inputs) putRow(view, rows, 0, value.inputs[name]!)
  }

  /** Copies the plan's rows into the values, after `steps` steps. */
  store(values: readonly SessionValue[], steps: number): void {
    const { states } = this.plan
    values.forEach((value, row) => {
      for (const { name, rows } of this.#states) takeRow(states[name]!, rows, row, value.states[name]!)
      if (this.#loop) for (const { name, view, rows } of this.#inputs) takeRow(view, rows, row, value.inputs[name]!)
      value.position += steps
    })
  }

  /** Returns copies of the outputs of a row. */
  outputs(row: number): StepOutputs {
    return Object.fromEntries(
      this.#outputs.map(({ name, view, rows }) => {
        const copy = createView(view instanceof Int32Array ? 'i32' : 'f32', sizeOfRow(rows))
        takeRow(view, rows, row, copy)
        return [name, copy]
      })
    )
  }

  /** Most steps of one call of `run`, which bounds the memory of its records. */
  get mostSteps(): number {
    return Math.max(1, Math.min(MOST_DRAWS, Math.floor(MOST_RECORDED / Math.max(1, this.#loop!.width))))
  }

  /** Runs at most `count` steps on the engine's thread, up to one that draws `stop`, and returns their number. `count` is at most `mostSteps`. */
  async run(count: number, stop: number): Promise<number> {
    const elements = this.mostSteps * this.#loop!.width + 1
    this.#out ??= viewOf(createArena(elements), 0, [elements], 'i32') as Int32Array
    return this.#loop!.runAsync(count, stop, this.#out)
  }

  /** Returns copies of the records of a row in the last `run`, of `count` steps. */
  block(row: number, count: number): SessionBlock {
    const block = { count, values: {} as Record<string, View>, outputs: {} as Record<string, View> }
    const out = this.#out!
    const { width } = this.#loop!
    for (const { kind, name, dtype, at, elements, rows } of this.#recorded) {
      const copy = (block[kind][name] = createView(dtype, count * sizeOfRow(rows)))
      const bits = new Int32Array(copy.buffer)
      for (let step = 0; step < count; step++) {
        const begin = step * width + at
        takeRow(out.subarray(begin, begin + elements), rows, row, bits, step * sizeOfRow(rows))
      }
    }
    return block
  }
}

/** Elements that the records of one block may have. */
const MOST_RECORDED = 2 ** 18

const createView = (dtype: DType, size: number): View =>
  dtype === 'i32' ? new Int32Array(size) : new Float32Array(size)

/** Returns seed and position as a row of a sampler's table: each in two words, the lower one first. */
function wordsOf(seed: number, position: number): [number, number, number, number] {
  return [seed | 0, (seed / 2 ** 32) | 0, position | 0, (position / 2 ** 32) | 0]
}
