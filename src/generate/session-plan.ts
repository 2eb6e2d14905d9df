// A plan that makes one step of some rows, each of which is a session. It gathers their values, runs, and scatters the new values.

import { createArena, viewOf } from '../graph/arena.js'
import type { Tensor } from '../graph/graph.js'
import type { GeneratingPlan, Loop } from '../graph/plan.js'
import type { DType, Shape, View } from '../graph/shape.js'
import {
  copyRow,
  putRow,
  rowsOfShape,
  sizeOfRow,
  takeRow,
  type RowLayout,
  type SessionValue,
  type ValueHome
} from './rows.js'
import { MOST_DRAWS } from './seats.js'
import { controlName, recordStep, tableName, type SessionKind, type SessionPurpose } from './session-kind.js'

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
export class SessionPlan implements ValueHome {
  readonly plan: GeneratingPlan
  readonly rows: number
  readonly #inputs: Part[]
  readonly #outputs: Part[]
  readonly #states: Omit<Part, 'view'>[]
  readonly #samplers: { feeds: string; control: Float32Array }[]
  readonly #table: Int32Array | null
  readonly #recorded: Recorded[]
  readonly loop: Loop | null
  readonly #feeds: { from: View; to: View }[]
  #out: Int32Array | null = null
  /** The value whose home this is. */
  #resident: SessionValue | null = null

  constructor(kind: SessionKind, rows: number, purpose: SessionPurpose) {
    const { graph, outputs, feeds, table } = recordStep(kind, rows, purpose)
    const single = rows === 1 ? { graph, outputs, feeds } : recordStep(kind, 1, purpose)
    const recorded = purpose === 'rows' ? [...new Set([...kind.outputs, ...kind.records])] : kind.records
    const names = purpose === 'prompt' ? [] : purpose === 'step' || kind.keeps ? kind.outputs : recorded
    for (const name of names) graph.output(name, outputs[name]!)
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
    this.#outputs = names.map((name) => part(name, plan.outputs[name]!, graph.outputs, single.outputs[name]!.shape))
    this.#samplers = feeds.map(({ name }) => ({ feeds: name, control: plan.inputs[controlName(name)] as Float32Array }))
    this.#table = table && (plan.inputs[tableName] as Int32Array)
    this.#feeds = feeds.map(({ name }) => ({ from: plan.outputs[`value of ${name}`]!, to: plan.inputs[name]! }))
    this.#recorded = []
    const records: Tensor[] = []
    const add = (kind: Recorded['kind'], name: string, tensor: Tensor, one: Tensor) => {
      const at = this.#recorded.reduce((sum, { elements }) => sum + elements, 0)
      const layout = rowsOfShape(name, tensor.shape, one.shape, rows)
      this.#recorded.push({ kind, name, dtype: tensor.dtype, at, elements: rows * sizeOfRow(layout), rows: layout })
      records.push(tensor)
    }
    feeds.forEach(({ name, from }, i) => add('values', name, from, single.feeds[i]!.from))
    if (purpose === 'run' || purpose === 'rows')
      for (const name of kind.records) add('outputs', name, outputs[name]!, single.outputs[name]!)
    const watched = feeds.find(({ from }) => from.dtype === 'i32')?.from
    const { draws } = kind
    this.loop =
      purpose === 'run' || purpose === 'rows'
        ? plan.loop({
            feeds: feeds.map(({ from, to }) => [from, to] as const),
            records,
            ...(table && { rows: table }),
            ...(watched && { watched }),
            ...(purpose === 'rows' &&
              draws && { logits: outputs[draws.logits]!, token: graph.inputs.get(draws.token)! })
          })
        : null
  }

  /** Copies the values into the plan's rows. Rows without a session get the last value. */
  load(values: readonly SessionValue[]): void {
    this.leave()
    for (const { home } of values) home?.leave()
    for (let row = 0; row < this.rows; row++) this.putValue(row, values[Math.min(row, values.length - 1)]!)
  }

  /** Copies a value into a row. */
  putValue(row: number, value: SessionValue): void {
    const { states } = this.plan
    for (const { name, view, rows } of this.#inputs) putRow(view, rows, row, value.inputs[name]!)
    for (const { name, rows } of this.#states) putRow(states[name]!, rows, row, value.states[name]!)
    for (const { feeds, control } of this.#samplers) control.set(value.settings[feeds]!, 4 * row)
    this.#number(row, value)
  }

  /** Copies row `from` of a plan of the same kind into row `to`. */
  moveRow(source: SessionPlan, from: number, to: number): void {
    const { states } = this.plan
    this.#inputs.forEach(({ view, rows }, i) => {
      const other = source.#inputs[i]!
      copyRow({ view: other.view, layout: other.rows, row: from }, { view, layout: rows, row: to })
    })
    this.#states.forEach(({ name, rows }, i) => {
      const other = { view: source.plan.states[name]!, layout: source.#states[i]!.rows, row: from }
      copyRow(other, { view: states[name]!, layout: rows, row: to })
    })
    this.#samplers.forEach(({ control }, i) => {
      control.set(source.#samplers[i]!.control.subarray(4 * from, 4 * from + 4), 4 * to)
    })
    if (source.#table) this.#table!.set(source.#table.subarray(4 * from, 4 * from + 4), 4 * to)
  }

  /** Writes seed and position of a value into the table of the samplers, each as two words, the lower one first. */
  #number(row: number, { seed, position: begin }: SessionValue, made = 0): void {
    const table = this.#table
    const position = begin + made
    if (table === null) return
    table[4 * row] = seed
    table[4 * row + 1] = seed / 2 ** 32
    table[4 * row + 2] = position
    table[4 * row + 3] = position / 2 ** 32
  }

  /** Makes this plan, of one row, the home of the value. */
  enter(value: SessionValue): void {
    if (this.#resident === value) return
    this.load([value])
    for (const { name, view } of this.#outputs) if (value.kept[name]) view.set(value.kept[name])
    this.#resident = value
    value.home = this
  }

  refresh(): void {
    if (this.#resident) this.takeValue(0, this.#resident)
  }

  leave(): void {
    const value = this.#resident
    if (value === null) return
    this.takeValue(0, value)
    this.#resident = null
    value.home = null
  }

  /** Makes one step of the value whose home this is, on the caller's thread. The samplers' values feed the inputs. */
  stepSync(value: SessionValue): void {
    this.#number(0, value)
    this.plan.runSync()
    this.#feed()
    value.position++
  }

  /** Does the same on the engine's thread after `made` steps of the loaded value, whose position stays. */
  async step(value: SessionValue, made: number): Promise<void> {
    this.#number(0, value, made)
    await this.plan.run()
    this.#feed()
  }

  /** Copies the samplers' values to the inputs that they feed. */
  #feed(): void {
    for (const { from, to } of this.#feeds)
      if (to.length === 1) to[0] = from[0]!
      else to.set(from)
  }

  /** Copies the inputs of the value into the only row. */
  writeInputs(value: SessionValue): void {
    for (const { name, view, rows } of this.#inputs) putRow(view, rows, 0, value.inputs[name]!)
  }

  /** Copies the plan's rows into the values, after `steps` steps. */
  store(values: readonly SessionValue[], steps: number): void {
    values.forEach((value, row) => {
      this.takeValue(row, value)
      value.position += steps
    })
  }

  /** Copies a row into a value. */
  takeValue(row: number, value: SessionValue): void {
    const { states } = this.plan
    for (const { name, rows } of this.#states) takeRow(states[name]!, rows, row, value.states[name]!)
    if (!this.loop) return
    for (const { name, view, rows } of this.#inputs) takeRow(view, rows, row, value.inputs[name]!)
    for (const { name, view, rows } of this.#outputs) if (value.kept[name]) takeRow(view, rows, row, value.kept[name])
  }

  /** Returns copies of the outputs of a row. */
  outputs(row: number): StepOutputs {
    const copies: StepOutputs = {}
    for (const { name, view, rows } of this.#outputs) {
      if (this.rows === 1) copies[name] = view instanceof Int32Array ? new Int32Array(view) : new Float32Array(view)
      else {
        copies[name] = createView(view instanceof Int32Array ? 'i32' : 'f32', sizeOfRow(rows))
        takeRow(view, rows, row, copies[name])
      }
    }
    return copies
  }

  /** Most steps of one call of `run`, which bounds the memory of its records. */
  get mostSteps(): number {
    return Math.max(1, Math.min(MOST_DRAWS, Math.floor(MOST_RECORDED / Math.max(1, this.loop!.width))))
  }

  /**
   * Runs at most `count` steps on the engine's thread, up to one that draws `stop`, and returns their number. `count` is at most
   * `mostSteps`.
   */
  async run(count: number, stop: number): Promise<number> {
    const elements = this.mostSteps * this.loop!.width + 1
    this.#out ??= viewOf(createArena(elements), 0, [elements], 'i32') as Int32Array
    return this.loop!.runAsync(count, stop, this.#out)
  }

  /**
   * Runs the loop of the value whose home this is on the caller's thread, with at least one drawing sampler; `out` has room for the
   * records. Returns the number of steps.
   */
  runSync(value: SessionValue, count: number, stop: number, out: Int32Array): number {
    this.#number(0, value)
    try {
      return this.loop!.run(count, stop, out)
    } finally {
      const table = this.#table!
      value.position = (table[2]! >>> 0) + table[3]! * 2 ** 32
    }
  }

  /** Returns copies of the records of a row in the last `run`, of `count` steps. */
  block(row: number, count: number): SessionBlock {
    return this.blockOf(this.#out ?? new Int32Array(0), row, count)
  }

  /** Returns copies of the records of a row in `out`, of `count` steps. */
  blockOf(out: Int32Array, row: number, count: number): SessionBlock {
    const block = { count, values: {} as Record<string, View>, outputs: {} as Record<string, View> }
    const { width } = this.loop!
    for (const { kind, name, dtype, at, elements, rows } of this.#recorded) {
      const copy = (block[kind][name] = createView(dtype, count * sizeOfRow(rows)))
      const bits = new Int32Array(copy.buffer)
      if (elements === width && this.rows === 1) {
        bits.set(out.subarray(0, count * width))
        continue
      }
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
